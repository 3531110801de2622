"""A language model to measure with: what the check needs of one, and a Llama of random weights in transformers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeAlias

Tensor: TypeAlias = object
Cache: TypeAlias = object


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama; times and watts depend on them, not on the weights.

    Attributes:
        name: Whose shape it is.
        hidden, intermediate, layers, heads, kv_heads, vocabulary: As in the model's published configuration.
        needs_bytes: GPU memory that it and its caches take here.
    """

    name: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    needs_bytes: float


SHAPES = (
    Shape("llama-3-8b", 4096, 14336, 32, 32, 8, 128_256, 60e9),
    Shape("llama-3.2-1b", 2048, 8192, 16, 32, 8, 128_256, 20e9),
    Shape("toy", 64, 128, 2, 4, 2, 256, 0.0),
)
"""From large to small: the largest that fits is taken."""


class Llm(Protocol):
    """A model in the memory of one GPU; every call returns when the GPU is done."""

    @property
    def name(self) -> str:
        """What it is."""
        ...

    @property
    def engine(self) -> str:
        """What computes it."""
        ...

    def stages(self) -> list[tuple[str, Callable[[], None]]]:
        """What it takes to start it, in order."""
        ...

    def prefill(self, tokens: int) -> None:
        """One pass over a prompt."""
        ...

    def decode(self, batch: int, context: int, steps: int) -> Callable[[], None]:
        """Bring a batch to this context; returns what decodes so many steps of it."""
        ...


class RandomLlama:
    """Implements `Llm` in 16 bits, eagerly, with a cache of fixed size: no compiled graphs, so launches cost time."""

    def __init__(self, device: str = "cuda", shape: Shape | None = None) -> None:
        """Nothing is loaded yet; without a shape, the largest that fits."""
        self._device = device
        self._shape = shape
        self._torch: Any = None
        self._transformers: Any = None
        self._model: Any = None

    @property
    def name(self) -> str:
        """What it is."""
        return f"{self._shape.name if self._shape else 'llama'} shape, random weights"

    @property
    def engine(self) -> str:
        """What computes it."""
        return f"transformers {self._transformers.__version__}, torch {self._torch.__version__}, eager"

    def stages(self) -> list[tuple[str, Callable[[], None]]]:
        """Import, weights (made on the GPU, none read from disk), and the first token."""
        return [("import", self._import), ("weights", self._build), ("first token", lambda: self.prefill(16))]

    def prefill(self, tokens: int) -> None:
        """One pass over a random prompt."""
        self._pass(self._random(1, tokens), self._cache(tokens))
        self._wait()

    def decode(self, batch: int, context: int, steps: int) -> Callable[[], None]:
        """Prefill `batch` random prompts; the tokens that are decoded are random too."""
        cache = self._cache(context + steps)
        self._pass(self._random(batch, context), cache)
        self._wait()

        def run() -> None:
            for _ in range(steps):
                self._pass(self._random(batch, 1), cache)
            self._wait()

        return run

    def _import(self) -> None:
        self._torch, self._transformers = import_module("torch"), import_module("transformers")
        if self._device == "cuda":
            self._torch.cuda.init()

    def _build(self) -> None:
        torch = self._torch
        self._shape = shape = self._shape or self._fitting()
        config = self._transformers.LlamaConfig(
            hidden_size=shape.hidden,
            intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            vocab_size=shape.vocabulary,
            max_position_embeddings=16_384,
        )
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        try:
            with torch.device(self._device):
                self._model = self._transformers.LlamaForCausalLM(config).eval()
        finally:
            torch.set_default_dtype(usual)
        self._wait()

    def _fitting(self) -> Shape:
        if self._device != "cuda":
            return SHAPES[-1]
        free_bytes = self._torch.cuda.mem_get_info()[0]
        return next(shape for shape in SHAPES if shape.needs_bytes <= free_bytes)

    def _cache(self, tokens: int) -> Cache:
        return self._transformers.StaticCache(config=self._model.config, max_cache_len=tokens)

    def _random(self, batch: int, tokens: int) -> Tensor:
        high = self._model.config.vocab_size
        return self._torch.randint(0, high, (batch, tokens), device=self._device)

    def _pass(self, ids: Tensor, cache: Cache) -> None:
        with self._torch.inference_mode():
            self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)

    def _wait(self) -> None:
        if self._device == "cuda":
            self._torch.cuda.synchronize()


def timed_s(work: Callable[[], None]) -> float:
    """Seconds that it takes."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s
