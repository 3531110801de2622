"""Types of the message classes that `messages` makes at import."""

from collections.abc import Iterable
from typing import Literal

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.message import Message

GRAMMAR_TYPE_NONE: Literal[0]
GRAMMAR_TYPE_JSON: Literal[1]
GRAMMAR_TYPE_REGEX: Literal[2]
FINISH_REASON_LENGTH: Literal[0]
FINISH_REASON_EOS_TOKEN: Literal[1]
FINISH_REASON_STOP_SEQUENCE: Literal[2]

class HealthRequest(Message): ...
class HealthResponse(Message): ...
class InfoRequest(Message): ...

class InfoResponse(Message):
    requires_padding: bool
    dtype: str
    device_type: str
    window_size: int
    speculate: int
    support_chunking: bool
    use_prefix_caching: bool
    attention_impl: str
    block_size: int
    def __init__(
        self,
        *,
        requires_padding: bool = ...,
        dtype: str = ...,
        device_type: str = ...,
        window_size: int | None = ...,
        speculate: int = ...,
        support_chunking: bool = ...,
        use_prefix_caching: bool = ...,
        attention_impl: str = ...,
        block_size: int = ...,
    ) -> None: ...

class ServiceDiscoveryRequest(Message): ...

class ServiceDiscoveryResponse(Message):
    urls: RepeatedScalarFieldContainer[str]
    def __init__(self, *, urls: Iterable[str] = ...) -> None: ...

class ClearCacheRequest(Message):
    id: int
    def __init__(self, *, id: int | None = ...) -> None: ...

class ClearCacheResponse(Message): ...

class Image(Message):
    data: bytes
    mimetype: str
    def __init__(self, *, data: bytes = ..., mimetype: str = ...) -> None: ...

class InputChunk(Message):
    text: str
    @property
    def image(self) -> Image: ...
    def __init__(self, *, text: str | None = ..., image: Image | None = ...) -> None: ...
    def WhichOneof(self, oneof_group: Literal["chunk"]) -> Literal["text", "image"] | None: ...

class Input(Message):
    chunks: RepeatedCompositeFieldContainer[InputChunk]
    def __init__(self, *, chunks: Iterable[InputChunk] = ...) -> None: ...

class NextTokenChooserParameters(Message):
    temperature: float
    top_k: int
    top_p: float
    typical_p: float
    do_sample: bool
    seed: int
    repetition_penalty: float
    watermark: bool
    frequency_penalty: float
    grammar: str
    grammar_type: int
    def __init__(
        self,
        *,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        typical_p: float = ...,
        do_sample: bool = ...,
        seed: int = ...,
        repetition_penalty: float = ...,
        watermark: bool = ...,
        frequency_penalty: float = ...,
        grammar: str = ...,
        grammar_type: int = ...,
    ) -> None: ...

class StoppingCriteriaParameters(Message):
    max_new_tokens: int
    stop_sequences: RepeatedScalarFieldContainer[str]
    ignore_eos_token: bool
    def __init__(
        self, *, max_new_tokens: int = ..., stop_sequences: Iterable[str] = ..., ignore_eos_token: bool = ...
    ) -> None: ...

class Request(Message):
    id: int
    inputs: str
    truncate: int
    @property
    def parameters(self) -> NextTokenChooserParameters: ...
    @property
    def stopping_parameters(self) -> StoppingCriteriaParameters: ...
    prefill_logprobs: bool
    top_n_tokens: int
    @property
    def input_chunks(self) -> Input: ...
    blocks: RepeatedScalarFieldContainer[int]
    slots: RepeatedScalarFieldContainer[int]
    adapter_id: str
    cache_len: int
    add_special_tokens: bool
    chunk_len: int
    def __init__(
        self,
        *,
        id: int = ...,
        inputs: str = ...,
        truncate: int = ...,
        parameters: NextTokenChooserParameters | None = ...,
        stopping_parameters: StoppingCriteriaParameters | None = ...,
        prefill_logprobs: bool = ...,
        top_n_tokens: int = ...,
        input_chunks: Input | None = ...,
        blocks: Iterable[int] = ...,
        slots: Iterable[int] = ...,
        adapter_id: str | None = ...,
        cache_len: int = ...,
        add_special_tokens: bool = ...,
        chunk_len: int | None = ...,
    ) -> None: ...

class Batch(Message):
    id: int
    requests: RepeatedCompositeFieldContainer[Request]
    size: int
    max_tokens: int
    max_blocks: int
    def __init__(
        self,
        *,
        id: int = ...,
        requests: Iterable[Request] = ...,
        size: int = ...,
        max_tokens: int = ...,
        max_blocks: int = ...,
    ) -> None: ...

class CachedBatch(Message):
    id: int
    request_ids: RepeatedScalarFieldContainer[int]
    size: int
    max_tokens: int
    current_tokens: int
    def __init__(
        self,
        *,
        id: int = ...,
        request_ids: Iterable[int] = ...,
        size: int = ...,
        max_tokens: int = ...,
        current_tokens: int = ...,
    ) -> None: ...

class GeneratedText(Message):
    text: str
    generated_tokens: int
    finish_reason: int
    seed: int
    def __init__(
        self, *, text: str = ..., generated_tokens: int = ..., finish_reason: int = ..., seed: int | None = ...
    ) -> None: ...

class Tokens(Message):
    ids: RepeatedScalarFieldContainer[int]
    logprobs: RepeatedScalarFieldContainer[float]
    texts: RepeatedScalarFieldContainer[str]
    is_special: RepeatedScalarFieldContainer[bool]
    def __init__(
        self,
        *,
        ids: Iterable[int] = ...,
        logprobs: Iterable[float] = ...,
        texts: Iterable[str] = ...,
        is_special: Iterable[bool] = ...,
    ) -> None: ...

class Generation(Message):
    request_id: int
    @property
    def prefill_tokens(self) -> Tokens: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def generated_text(self) -> GeneratedText: ...
    top_tokens: RepeatedCompositeFieldContainer[Tokens]
    def __init__(
        self,
        *,
        request_id: int = ...,
        prefill_tokens: Tokens | None = ...,
        tokens: Tokens | None = ...,
        generated_text: GeneratedText | None = ...,
        top_tokens: Iterable[Tokens] = ...,
    ) -> None: ...

class FilterBatchRequest(Message):
    batch_id: int
    request_ids: RepeatedScalarFieldContainer[int]
    def __init__(self, *, batch_id: int = ..., request_ids: Iterable[int] = ...) -> None: ...

class FilterBatchResponse(Message):
    @property
    def batch(self) -> CachedBatch: ...
    def __init__(self, *, batch: CachedBatch | None = ...) -> None: ...

class PrefillRequest(Message):
    @property
    def batch(self) -> Batch: ...
    @property
    def cached_batch(self) -> CachedBatch: ...
    def __init__(self, *, batch: Batch | None = ..., cached_batch: CachedBatch | None = ...) -> None: ...

class PrefillResponse(Message):
    generations: RepeatedCompositeFieldContainer[Generation]
    @property
    def batch(self) -> CachedBatch: ...
    forward_ns: int
    decode_ns: int
    total_ns: int
    concat_ns: int
    def __init__(
        self,
        *,
        generations: Iterable[Generation] = ...,
        batch: CachedBatch | None = ...,
        forward_ns: int = ...,
        decode_ns: int = ...,
        total_ns: int = ...,
        concat_ns: int | None = ...,
    ) -> None: ...

class DecodeRequest(Message):
    batches: RepeatedCompositeFieldContainer[CachedBatch]
    def __init__(self, *, batches: Iterable[CachedBatch] = ...) -> None: ...

class DecodeResponse(Message):
    generations: RepeatedCompositeFieldContainer[Generation]
    @property
    def batch(self) -> CachedBatch: ...
    forward_ns: int
    decode_ns: int
    total_ns: int
    concat_ns: int
    def __init__(
        self,
        *,
        generations: Iterable[Generation] = ...,
        batch: CachedBatch | None = ...,
        forward_ns: int = ...,
        decode_ns: int = ...,
        total_ns: int = ...,
        concat_ns: int | None = ...,
    ) -> None: ...

class WarmupRequest(Message):
    @property
    def batch(self) -> Batch: ...
    max_input_tokens: int
    max_prefill_tokens: int
    max_total_tokens: int
    def __init__(
        self,
        *,
        batch: Batch | None = ...,
        max_input_tokens: int | None = ...,
        max_prefill_tokens: int = ...,
        max_total_tokens: int | None = ...,
    ) -> None: ...

class WarmupResponse(Message):
    max_supported_total_tokens: int
    max_input_tokens: int
    max_total_tokens: int
    def __init__(
        self, *, max_supported_total_tokens: int | None = ..., max_input_tokens: int = ..., max_total_tokens: int = ...
    ) -> None: ...
