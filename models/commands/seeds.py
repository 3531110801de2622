"""Seeds as people write them: numbers and ranges."""

from collections.abc import Sequence

from freesh_plugin.core.errors import ScenarioError

_MOST_SEEDS = 1000


def seeds_of(texts: Sequence[str], default: Sequence[int]) -> list[int]:
    """Seeds from numbers and ranges, each once, in the order given; without any the default.

    Raises:
        ScenarioError: a text is neither, or there are too many seeds.
    """
    found: list[int] = []
    for text in texts:
        first, _, last = text.partition("-")
        if not first.isdecimal() or (last or "0").isdecimal() is False or len(text) > 20:
            raise ScenarioError(f"--seed: {text!r} is not a number such as 100, or a range such as 100-129")
        found.extend(range(int(first), int(last or first) + 1))
        if not found or len(found) > _MOST_SEEDS:
            raise ScenarioError(f"--seed: {text!r} makes {len(found)} seeds, must be from 1 to {_MOST_SEEDS}")
    return list(dict.fromkeys(found)) or list(default)
