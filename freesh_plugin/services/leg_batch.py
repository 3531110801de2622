"""What shards are told of a leg: requests of a batch, once for each rank, since each has a secret of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import encode
from freesh_plugin.core.generation import Sampling
from freesh_plugin.runtime.serving import Serving


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg to begin.

    Attributes:
        serving: The request.
        new_tokens: Most tokens of this leg.
        blocks, slots: Its memory; empty for padded models.
        cache_len: Tokens at the front whose keys and values are in memory already.
        chunk_len: Tokens to compute in this step, when they are not all.
    """

    serving: Serving
    new_tokens: int
    blocks: Sequence[int] = ()
    slots: Sequence[int] = ()
    cache_len: int = 0
    chunk_len: int | None = None

    @property
    def request_id(self) -> int:
        """Whose leg it is."""
        return self.serving.request.request_id

    @property
    def prefill_tokens(self) -> int:
        """Tokens that are computed in the first step."""
        return self.chunk_len or len(self.serving.ids) - self.cache_len


class BatchWriter:
    """Writes batches for all ranks, with exact ids if every rank has a secret for them."""

    def __init__(self, secrets: Sequence[str | None]) -> None:
        """One secret a rank, in order; None = that rank takes text only."""
        self._secrets = tuple(secrets)
        self.exact_ids = bool(secrets) and all(secrets)

    def write(self, batch_id: int, legs: Sequence[Leg]) -> list[messages.Batch]:
        """The batch, once for each rank."""
        return [self._batch(batch_id, legs, secret) for secret in self._secrets]

    def _batch(self, batch_id: int, legs: Sequence[Leg], secret: str | None) -> messages.Batch:
        return messages.Batch(
            id=batch_id,
            requests=[self._request(leg, secret) for leg in legs],
            size=len(legs),
            max_tokens=sum(leg.prefill_tokens + leg.new_tokens for leg in legs),
            max_blocks=max(len(leg.blocks) for leg in legs),
        )

    def _request(self, leg: Leg, secret: str | None) -> messages.Request:
        request, first = leg.serving.request, leg.serving.generated == 0
        ids = leg.serving.ids
        text = encode(ids, secret) if self.exact_ids and secret else request.inputs
        return messages.Request(
            id=request.request_id,
            inputs=text,
            input_chunks=messages.Input(chunks=[messages.InputChunk(text=text)]),
            truncate=len(ids),  # never more than there is memory for, however the shard tokenises a text
            add_special_tokens=request.add_special_tokens,
            parameters=chooser(request.sampling, leg.serving.leg_seed()),
            stopping_parameters=messages.StoppingCriteriaParameters(
                max_new_tokens=leg.new_tokens,
                stop_sequences=list(request.stop_sequences),
                ignore_eos_token=request.ignore_eos_token,
            ),
            prefill_logprobs=request.prefill_logprobs and first,
            top_n_tokens=request.top_n_tokens,
            blocks=leg.blocks,
            slots=leg.slots,
            cache_len=leg.cache_len,
            chunk_len=leg.chunk_len,
            adapter_id=request.adapter_id,
        )


def chooser(sampling: Sampling, seed: int) -> messages.NextTokenChooserParameters:
    """How the shard chooses tokens."""
    return messages.NextTokenChooserParameters(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        typical_p=sampling.typical_p,
        do_sample=sampling.do_sample,
        seed=seed,
        repetition_penalty=sampling.repetition_penalty,
        frequency_penalty=sampling.frequency_penalty,
        watermark=sampling.watermark,
        grammar=sampling.grammar,
        grammar_type=int(sampling.grammar_type),
    )
