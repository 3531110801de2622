"""The proof that a model's own batch class uses exact ids: it reads a batch of marked and plain requests."""

from collections.abc import Sequence

from freesh_plugin.adapters.tgi.exact_ids import ExactIdsError, encode
from freesh_plugin.adapters.tgi.exact_ids_tgi import Messages, Model, RequestBatch, Server, Tensor, Tokenizer

_PLAIN_TEXT = "a prompt in words"


def prove(model: Model, server: Server, secret: str) -> None:
    """Make the model's batch class read marked requests of two lengths beside a plain one.

    Raises:
        ExactIdsError: an id was lost, added or changed, or the plain request was disturbed.
        Exception: whatever a batch class raises that works in another way.
    """
    long = _ids_of_no_text(model.tokenizer)
    short = long[:3]
    (plain,) = _read(model, server, [_PLAIN_TEXT])
    seen = _read(model, server, [encode(long, secret), _PLAIN_TEXT, encode(short, secret)])
    if seen != [long, plain, short]:
        raise ExactIdsError(f"{model.batch_type.__name__} read ids {seen}, expected {[long, plain, short]}")


def _ids_of_no_text(tokenizer: Tokenizer) -> list[int]:
    """The last tokens of the vocabulary in an order that no text comes in."""
    last = len(tokenizer) - 1
    return [last - step for step in (0, 1, 0, 0, 2, 0, 1, 1, 0, 0, 2, 0)]


def _read(model: Model, server: Server, texts: Sequence[str]) -> list[list[int]]:
    messages = server.generate_pb2
    requests = [_request(messages, number, text) for number, text in enumerate(texts)]
    batch = _read_batch(model, server, messages.Batch(id=0, requests=requests, size=len(requests)))
    return [_without_padding(ids, length) for ids, length in zip(batch.all_input_ids, batch.input_lengths, strict=True)]


def _read_batch(model: Model, server: Server, message: object) -> RequestBatch:
    batch_type = model.batch_type
    if batch_type not in server.VLM_BATCH_TYPES:
        return batch_type.from_pb(message, model.tokenizer, model.dtype, model.device)
    return batch_type.from_pb_processor(
        message, model.tokenizer, model.processor, model.model.config, model.dtype, model.device
    )


def _request(messages: Messages, number: int, text: str) -> object:
    return messages.Request(
        id=number,
        inputs=text,
        input_chunks=messages.Input(chunks=[messages.InputChunk(text=text)]),
        truncate=1_000,
        add_special_tokens=True,
        parameters=messages.NextTokenChooserParameters(
            temperature=1.0, top_p=1.0, typical_p=1.0, repetition_penalty=1.0
        ),
        stopping_parameters=messages.StoppingCriteriaParameters(max_new_tokens=1, ignore_eos_token=True),
    )


def _without_padding(ids: list[int] | Tensor, length: int) -> list[int]:
    row = ids if isinstance(ids, list) else ids.flatten().tolist()
    return row[-length:]
