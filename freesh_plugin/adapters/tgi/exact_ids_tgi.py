"""What the exact-ids hook needs of TGI and transformers, as Protocols: all of this may change under it."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """A tokenizer of transformers'; its class or a base of that defines `__call__`."""

    deprecation_warnings: dict[str, bool]
    """Warnings that were given already."""

    def __len__(self) -> int:
        """Number of tokens known, special ones included."""
        ...

    def pad(
        self, encoded_inputs: Mapping[str, object], padding: object = ..., return_tensors: object = ...
    ) -> Mapping[str, object]:
        """Rows of ids made one batch, with their attention mask."""
        ...


class Tensor(Protocol):
    """A tensor of torch's."""

    def flatten(self) -> "Tensor":
        """All elements in one row."""
        ...

    def tolist(self) -> list[int]:
        """The elements."""
        ...


class RequestBatch(Protocol):
    """Requests as read by a model's batch class."""

    all_input_ids: Sequence[list[int] | Tensor]
    """Each request's ids; padded batches keep tensors of shape (padded length, 1)."""
    input_lengths: Sequence[int]
    """Each request's length in tokens, without padding."""


class BatchType(Protocol):
    """A model's batch class."""

    __name__: str

    def from_pb(self, pb: object, tokenizer: Tokenizer, dtype: object, device: object) -> RequestBatch:
        """Read a batch of the protocol."""
        ...

    def from_pb_processor(
        self, pb: object, tokenizer: Tokenizer, processor: object, config: object, dtype: object, device: object
    ) -> RequestBatch:
        """Read a batch of the protocol that may hold images."""
        ...


class InnerModel(Protocol):
    """The model that a `Model` wraps."""

    config: object


class Model(Protocol):
    """What a shard serves."""

    tokenizer: Tokenizer
    processor: object
    """Only of models that see."""
    model: InnerModel
    dtype: object
    device: object

    @property
    def batch_type(self) -> BatchType:
        """The class of its batches."""
        ...


class Messages(Protocol):
    """The module of the protocol's messages."""

    Batch: Callable[..., object]
    Request: Callable[..., object]
    Input: Callable[..., object]
    InputChunk: Callable[..., object]
    NextTokenChooserParameters: Callable[..., object]
    StoppingCriteriaParameters: Callable[..., object]


class Server(Protocol):
    """The module `text_generation_server.server`."""

    serve: Callable[..., object]
    """Called by the command line, with `uds_path` and `sharded` among its arguments."""
    get_model_with_lora_adapters: Callable[..., object]
    """Called by `serve` before the socket exists."""
    generate_pb2: Messages
    VLM_BATCH_TYPES: Container[object]
    """Batch classes that read by `from_pb_processor`."""
