"""Sizes of language models, from the configuration files that their makers publish."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from freesh_plugin.core.errors import ProfileError

_TABLE = Path(__file__).parent.parent / "data" / "llm_sizes.csv"
_BYTES = 2
_HEAD_WIDTH = 128


@dataclass(frozen=True)
class LlmSize:
    """One model, in 16 bits.

    Attributes:
        name: Its family and size.
        parameters: All weights.
        active: Weights that one token passes through; fewer than all in a mixture of experts.
        layers: Transformer blocks.
        hidden: Width of the residual stream.
        kv_width: Key heads times their width.
        image_tokens: Tokens that a picture becomes; 0 where it takes none.
    """

    name: str
    parameters: float
    active: float
    layers: int
    hidden: int
    kv_width: int
    image_tokens: int = 0

    @property
    def kv_bytes_per_token(self) -> float:
        """Keys and values of one token, all layers."""
        return 2 * _BYTES * self.layers * self.kv_width

    @property
    def weight_bytes(self) -> float:
        """All weights."""
        return _BYTES * self.parameters

    @property
    def kv_splits(self) -> float:
        """Ranks over which the KV cache can be divided: its key heads, taken to be 128 wide."""
        return max(self.kv_width / _HEAD_WIDTH, 1.0)


@cache
def _sizes() -> tuple[dict[str, LlmSize], dict[str, str]]:
    """Sizes by name, and names by repository."""
    sizes: dict[str, LlmSize] = {}
    names: dict[str, str] = {}
    with _TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sizes[row["name"]] = LlmSize(
                row["name"], float(row["parameters_b"]) * 1e9, float(row["active_b"]) * 1e9, int(row["layers"]),
                int(row["hidden"]), int(row["kv_width"]), int(row["image_tokens"]),
            )  # fmt: skip
            names |= {each: row["name"] for each in row["repositories"].split()}
    return sizes, names


def llm_size(name: str) -> LlmSize:
    """A model by its name or by that of its repository.

    Raises:
        ProfileError: it is not known.
    """
    sizes, names = _sizes()
    try:
        return sizes[names.get(name, name)]
    except KeyError:
        raise ProfileError(f"model {name!r} is not known; known are {', '.join(sizes)}") from None


def is_known(name: str) -> bool:
    """Whether a repository's model is among the known ones."""
    return name in _sizes()[1]
