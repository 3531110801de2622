"""What stands for the classes of a partition: the mean request of each, or short and long ones of what was measured."""

import csv
from collections.abc import Mapping, Sequence
from math import inf
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
        ProfileError: it cannot be read, a value is out of range, or no row has weight.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [_length(k, row) for k, row in enumerate(csv.DictReader(file), start=2)]
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise ProfileError(f"{path}: not a table of lengths: no column {error.args[0]}") from error
    except (ValueError, csv.Error) as error:
        raise ProfileError(f"{path}: not a table of lengths: {error}") from error
    if not any(weight for _, _, weight in rows):
        raise ProfileError(f"{path}: no rows that weigh more than 0")
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


def _length(line: int, row: Mapping[str, str | None]) -> tuple[float, float, float]:
    prompt, answer = (_number(line, name, row[name], 1) for name in ("prompt_tokens", "answer_tokens"))
    return prompt, answer, _number(line, "weight", row.get("weight") or "1", 0)


def _number(line: int, name: str, text: str | None, least: int) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = -inf
    if not least <= number < inf:
        raise ValueError(f"line {line}: {name} {text!r}, expected a number that is at least {least}")
    return number
