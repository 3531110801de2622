"""A generation as the HTTP side asks for it and as the step loop answers it: typed messages, the same on every wire."""

from enum import IntEnum, StrEnum

import msgspec


class GrammarType(IntEnum):
    """How `Sampling.grammar` is written; the numbers are the shard protocol's."""

    NONE = 0
    JSON = 1
    REGEX = 2


class FinishReason(StrEnum):
    """Why an answer ended; the words are TGI's."""

    LENGTH = "length"
    EOS = "eos_token"
    STOP = "stop_sequence"


class FailureKind(StrEnum):
    """Why a request got no whole answer."""

    GENERATION = "generation"
    """The shard failed (TGI's 424)."""
    OVERLOADED = "overloaded"
    """Refused by admission control (TGI's 429)."""
    INCOMPLETE = "incomplete_generation"
    """Ended without its last token (TGI's 500)."""
    VALIDATION = "validation"
    """It cannot fit at all (TGI's 422)."""


class Sampling(msgspec.Struct, frozen=True, array_like=True):
    """How the next token is chosen, validated; as the shard wants it."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    typical_p: float = 1.0
    do_sample: bool = False
    seed: int = 0
    seed_given: bool = False
    """Whether the client named the seed: such a sampled answer must be reproducible, so it is never preempted."""
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    watermark: bool = False
    grammar: str = ""
    grammar_type: GrammarType = GrammarType.NONE

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn at random: shards do so for any warping of probabilities, asked to sample or not."""
        warps = self.temperature != 1.0 or self.top_k > 0 or self.top_p < 1.0 or self.typical_p < 1.0
        return self.do_sample or warps


class ServiceWish(msgspec.Struct, frozen=True, array_like=True):
    """What the headers of a request say of its service level; `trusted` = they came with the gateway's token."""

    trusted: bool = False
    deadline_s: float | None = None
    """Seconds from arrival to the last token."""
    request_class: str | None = None
    tier: str | None = None
    client: str = ""
    """Whom to be fair to: the gateway's word if trusted, else a hash of the API key; empty = anonymous."""
    predicted_tokens: int | None = None


class GenerationRequest(msgspec.Struct, frozen=True, array_like=True):
    """One answer to generate. Ids are unique per front process; times are seconds of the machine's monotonic clock."""

    request_id: int
    arrival_s: float
    inputs: str
    """Prompt text, for a shard that must tokenise by itself."""
    prompt_ids: list[int]
    """Prompt as token ids, special tokens and truncation included: what the shard would make of `inputs`."""
    max_new_tokens: int
    truncate: int
    """Greatest prompt length in tokens, as the shard is told."""
    add_special_tokens: bool = True
    stop_sequences: tuple[str, ...] = ()
    ignore_eos_token: bool = False
    sampling: Sampling = Sampling()
    prefill_logprobs: bool = False
    top_n_tokens: int = 0
    adapter_id: str | None = None
    wish: ServiceWish = ServiceWish()


class Token(msgspec.Struct, frozen=True, array_like=True):
    """One token with the text it adds; `logprob` is null for a prompt's first token."""

    id: int
    text: str
    logprob: float | None
    special: bool = False


class GenerationEnd(msgspec.Struct, frozen=True, array_like=True):
    """How an answer ended. `text` is null when legs must be joined: the front then decodes all ids itself."""

    finish_reason: FinishReason
    generated_tokens: int
    text: str | None
    seed: int | None = None
    queued_s: float = 0.0
    """Monotonic second at which it was queued."""
    started_s: float = 0.0
    """Monotonic second at which it first entered a batch."""
    preemptions: int = 0
    energy_j: float | None = None
    carbon_gco2e: float | None = None
    carbon_kind: str | None = None


class TokensEvent(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """New tokens of one request (several with speculation); `end` comes with the last ones."""

    request_id: int
    tokens: list[Token]
    top_tokens: list[list[Token]] = []
    """For each token, its most probable rivals, when asked for."""
    prefill: list[Token] = []
    """The prompt with log-probabilities, with the first token, when asked for."""
    end: GenerationEnd | None = None


class FailureEvent(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A request that will get no more tokens, with a sentence for its client."""

    request_id: int
    kind: FailureKind
    message: str


GenerationEvent = TokensEvent | FailureEvent


class EngineInfo(msgspec.Struct, frozen=True):
    """What shards and warm-up said of the model; token counts are the limits that requests are validated against."""

    dtype: str
    device_type: str
    requires_padding: bool
    support_chunking: bool
    use_prefix_caching: bool
    attention: str
    block_size: int
    window_size: int | None
    speculate: int
    max_input_tokens: int
    max_total_tokens: int
    max_batch_total_tokens: int
    exact_ids: bool = False
    """Whether the shards take exact token ids."""
