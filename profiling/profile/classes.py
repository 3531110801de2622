"""What stands for the classes of a partition: the mean request of each, or short and long ones of what was measured."""

import csv
from collections.abc import Sequence
from pathlib import Path

from freesh_plugin.core.errors import ConfigError, ProfileError
from freesh_plugin.core.request import Partition
from freesh_plugin.core.request_energy import CLASSES, Length


def partition_of(boundary: str, name: str = "a") -> Partition:
    """The partition of `PROMPT,ANSWER` tokens.

    Raises:
        ConfigError: not two whole numbers above 0.
    """
    try:
        prompt, answer = (int(each) for each in boundary.split(","))
    except ValueError:
        raise ConfigError(f"--boundary: {boundary!r}, expected PROMPT,ANSWER in tokens") from None
    if min(prompt, answer) < 1:
        raise ConfigError(f"--boundary: {boundary!r}, expected tokens above 0")
    return Partition(name, CLASSES, (prompt,), (answer,))


def read_lengths(path: Path) -> list[tuple[float, float, float]]:
    """Prompt tokens, answer tokens and weight of each row of a `lengths.csv`.

    Raises:
        ProfileError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                (float(row["prompt_tokens"]), float(row["answer_tokens"]), float(row.get("weight") or 1))
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError) as error:
        raise ProfileError(
            f"{path}: not a table of lengths (prompt_tokens, answer_tokens [, weight]): {error}"
        ) from error
    if not rows:
        raise ProfileError(f"{path}: no rows")
    return rows


def mean_requests(partition: Partition, lengths: Sequence[tuple[float, float, float]]) -> list[Length]:
    """The mean request of each class that has any, in the partition's order."""
    found = []
    for name in partition.classes:
        own = [row for row in lengths if row[2] > 0 and partition.classify(row[0], row[1]) == name]
        weight = sum(row[2] for row in own)
        if own:
            prompt, answer = (sum(row[k] * row[2] for row in own) / weight for k in (0, 1))
            found.append(Length(name, prompt, answer))
    return found
