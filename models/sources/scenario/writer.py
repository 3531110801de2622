"""A scenario written as a folder, so that reading it gives the same scenario again."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from freesh_plugin.core.request import Partition
from models.domain.scenario import Objective, Scenario

_COLUMNS = {
    "profiles": (
        "partition", "request_class", "mode", "capacity_rps", "full_power_w", "latency_s", "ttft_s", "tbt_s",
        "idle_power_w", "model", "modelled",
    ),
    "power": ("partition", "request_class", "mode", "load", "power_w", "model"),
    "slo": ("partition", "request_class", "latency_s", "ttft_s", "tbt_s", "model", "tier"),
    "demand": ("partition", "request_class", "step", "demand_rps", "mean_rps", "origin", "model", "tier"),
    "carbon": ("location", "step", "carbon_gco2e_per_kwh", "p10", "p90"),
    "prices": ("location", "step", "price_usd_per_mwh"),
    "machines": ("location", "machine", "gpu_type", "gpus", "available_from", "available_until"),
    "running": ("location", "machine", "mode", "request_class", "instances", "partition", "model"),
}  # fmt: skip


def write_scenario(scenario: Scenario, folder: Path) -> None:
    """Write the scenario's files into the folder, made if need be; a table without rows is left out, or removed.

    Numbers are written so that they are read back exactly; an idle power that was assumed is left empty. Derived
    profiles are written as rows that are marked as modelled, not as what they were derived from.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(_document(scenario), sort_keys=False, allow_unicode=True, width=120), encoding="utf-8"
    )
    profiles = [
        dataclasses.replace(each, idle_power_w=None) if each.idle_assumed else each  # type: ignore[arg-type]  # empty
        for each in scenario.profiles
    ]
    tables: dict[str, Iterable[object]] = {
        "profiles": profiles,
        "slo": scenario.slos,
        "demand": scenario.demand,
        "carbon": scenario.carbon,
        "prices": scenario.prices,
        "machines": scenario.machines,
        "running": scenario.running,
    }
    for name, rows in tables.items():
        _write_table(folder, name, [[getattr(row, column) for column in _COLUMNS[name]] for row in rows])
    _write_table(folder, "power", list(_power_levels(scenario)))


def _write_table(folder: Path, name: str, rows: list[list[object]]) -> None:
    path = folder / f"{name}.csv"
    if not rows:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS[name])
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _power_levels(scenario: Scenario) -> Iterator[list[object]]:
    for each in scenario.profiles:
        for load, power_w in each.power_levels:
            yield [each.partition, each.request_class, each.mode, load, power_w, each.model]


def _document(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "step_s": scenario.step_s,
        "steps": scenario.steps,
        "objective": _objective(scenario.objective),
        "demand_margin": scenario.demand_margin,
        "carbon_signal": dataclasses.asdict(scenario.carbon_signal),
        "locations": [_plain(each, allowed_origins="all") for each in scenario.locations],
        "modes": [_plain(each) for each in scenario.modes],
        "partitions": [_partition(each) for each in scenario.partitions],
        "models": [{"name": each} for each in scenario.models],
        "tiers": [_plain(each) for each in scenario.tiers],
        "survive": scenario.survive.value,
        "max_changes_per_location": scenario.max_changes_per_location,
        "endpoints": [_plain(each) for each in scenario.endpoints],
    }


def _objective(objective: Objective) -> str | dict[str, float]:
    if objective.name != Objective.name:
        return objective.name
    return {"carbon": objective.carbon, "energy": objective.energy, "cost": objective.cost}


def _partition(partition: Partition) -> dict[str, Any]:
    return {
        "name": partition.name,
        "classes": list(partition.classes),
        "prompt_tokens": _boundaries(partition.prompt_tokens),
        "answer_tokens": _boundaries(partition.answer_tokens),
    }


def _boundaries(tokens: tuple[int, ...] | None) -> list[int] | None:
    return None if tokens is None else list(tokens)


def _plain(part: Any, **for_none: object) -> dict[str, Any]:  # noqa: ANN401  # any dataclass
    """Fields of a part as YAML's own types, in order; `for_none` says what None is written as."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if value is None:
            value = for_none.get(field.name)
        elif hasattr(value, "items"):
            value = dict(value)
        elif isinstance(value, tuple):
            value = list(value)
        fields[field.name] = value
    return fields
