"""What a simulated model is like: its engine, its memory, its speed."""

from dataclasses import dataclass

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.step_model import ASSUMED, StepModel

BLOCK_SIZES = {"flashinfer": 1, "flashdecoding": 256, "flashdecoding-ipex": 64, "paged": 16}
"""Block size of each attention that TGI has, in tokens."""


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A model and its engine.

    Attributes:
        padded: Whether it is one of TGI's padded models, without blocks; else a flash model.
        attention: The flash model's attention.
        block_size: Tokens in a block; by default what the attention has.
        prefix_caching, chunking: What the flash model supports; `paged` attention supports neither.
        memory_tokens: Tokens that fit into the KV memory of a flash model.
        max_total_tokens: Longest prompt + answer.
        step_model: How long a pass takes; None = no time at all.
        speed: Passes are so many times faster than the model says.
        exact_ids: Whether it takes exact token ids.
    """

    padded: bool = False
    attention: str = "flashinfer"
    block_size: int | None = None
    prefix_caching: bool = True
    chunking: bool = True
    memory_tokens: int = 200_000
    max_total_tokens: int = 8192
    step_model: StepModel | None = ASSUMED
    speed: float = 1.0
    exact_ids: bool = True

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            ConfigError: it is none that TGI could have.
        """
        if self.attention not in BLOCK_SIZES:
            raise ConfigError(f"attention {self.attention!r} is none of {', '.join(BLOCK_SIZES)}")
        if not self.speed > 0:
            raise ConfigError(f"speed is {self.speed}, expected above 0")
        if self.tokens_a_block < 1 or self.memory_tokens < 2 * self.tokens_a_block or self.max_total_tokens < 2:
            raise ConfigError(
                f"memory of {self.memory_tokens} tokens in blocks of {self.tokens_a_block} and requests of "
                f"{self.max_total_tokens}: expected at least two blocks and two tokens"
            )

    @property
    def tokens_a_block(self) -> int:
        """Block size in tokens."""
        return BLOCK_SIZES[self.attention] if self.block_size is None else self.block_size

    @property
    def keeps_prefixes(self) -> bool:
        """Whether prompts may begin with what is in memory (`cache_len` above 0)."""
        return not self.padded and self.attention != "paged"

    @property
    def chunks(self) -> bool:
        """Whether prompts may be computed in parts."""
        return self.chunking and self.keeps_prefixes
