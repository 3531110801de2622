"""Batches that no client asked for: the one that warms a shard up, and the one that proves it can generate."""

from freesh_plugin.adapters.tgi import messages

ALIVE_ID = 2**64 - 1
"""Id of the batch and of the request that prove a shard alive; it runs on block 0, which is kept for it."""


def warmup_request(
    max_prefill_tokens: int,
    max_input_tokens: int | None = None,
    max_total_tokens: int | None = None,
    max_batch_size: int | None = None,
) -> messages.WarmupRequest:
    """The largest batch that may come, as prompts of at most `max_input_tokens` that fill `max_prefill_tokens`."""
    requests: list[messages.Request] = []
    left = max_prefill_tokens
    while left > 0 and len(requests) != max_batch_size:
        prompt = min(max_input_tokens or left, left)
        requests.append(_warmup_prompt(prompt, 1 if max_total_tokens is None else max_total_tokens - prompt))
        left -= prompt
    return messages.WarmupRequest(
        batch=messages.Batch(id=0, requests=requests, size=len(requests), max_tokens=max_input_tokens or 0),
        max_input_tokens=max_input_tokens,
        max_prefill_tokens=max_prefill_tokens,
        max_total_tokens=max_total_tokens,
    )


def _warmup_prompt(prompt_tokens: int, max_new_tokens: int) -> messages.Request:
    # At least one token a word in any vocabulary: the shard cuts it to the length wanted. All of sampling is on,
    # so that its memory counts too.
    text = "_test " * prompt_tokens
    return messages.Request(
        id=0,
        inputs=text,
        input_chunks=messages.Input(chunks=[messages.InputChunk(text=text)]),
        add_special_tokens=True,
        truncate=prompt_tokens,
        prefill_logprobs=True,
        top_n_tokens=20,
        parameters=messages.NextTokenChooserParameters(
            temperature=0.9,
            top_k=10,
            top_p=0.9,
            typical_p=0.9,
            repetition_penalty=1.2,
            frequency_penalty=0.1,
            watermark=True,
        ),
        stopping_parameters=messages.StoppingCriteriaParameters(max_new_tokens=max_new_tokens, ignore_eos_token=True),
    )


def alive_batch() -> messages.Batch:
    """One token to read and one to generate."""
    request = messages.Request(
        id=ALIVE_ID,
        inputs="alive",
        input_chunks=messages.Input(chunks=[messages.InputChunk(text="alive")]),
        truncate=1,
        parameters=messages.NextTokenChooserParameters(
            temperature=1.0, top_p=1.0, typical_p=1.0, repetition_penalty=1.0
        ),
        stopping_parameters=messages.StoppingCriteriaParameters(max_new_tokens=1),
        blocks=[0],
        slots=[0],
    )
    return messages.Batch(id=ALIVE_ID, requests=[request], size=1, max_tokens=2, max_blocks=1)
