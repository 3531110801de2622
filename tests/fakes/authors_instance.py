"""The FREESH authors' instance as a scenario: 3 locations, 4 modes, partitions a and b, one of 48 half-hour windows.

Read from the public data (FREESH_DATA); nothing of it is kept here. `python tests/fakes/authors_instance.py DATA
WINDOW BETA FOLDER` writes it as a scenario folder.
"""

import csv
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.domain.scenario import (
    IDLE_FRACTION,
    CarbonPoint,
    CarbonSignal,
    Demand,
    Location,
    Mode,
    Objective,
    Profile,
    Scenario,
    ServiceLevel,
)

WINDOWS = 48
STEPS = 6
LOCATIONS = ("loc1", "loc2", "loc3")
GPUS = ({"A100": 4, "H100": 4}, {"A100": 12, "H100": 2}, {"A100": 8, "H100": 0})
MODES = {"TP2xA100": {"A100": 2}, "TP4xA100": {"A100": 4}, "TP8xA100": {"A100": 8}, "TP4xH100": {"H100": 4}}
TTFT_S = {"SS": 0.3, "SL": 0.3, "LS": 0.6, "LL": 0.6}
TBT_S = 0.150
LATENCY_TIMES_MEAN = 5.0
MARGIN = 1.1
ANSWER_BOUNDARY = 444


def authors_scenario(
    data: Path, window: int, beta: float, partitions: Sequence[str] = ("a", "b"), objective: str = "carbon"
) -> Scenario:
    """One window of the authors' day, demand divided by beta.

    Args:
        data: Folder of the public data.
        window: 0 to 47.
        beta: What demand is divided by; the authors used 2.
        partitions: Which of a and b.
        objective: What to minimise.
    """
    return Scenario(
        name=f"freesh-authors-{window}",
        locations=tuple(Location(name, gpus) for name, gpus in zip(LOCATIONS, GPUS, strict=True)),
        modes=tuple(Mode(name, gpus) for name, gpus in MODES.items()),
        partitions=tuple(Partition(q, TWO_BY_TWO, None, (ANSWER_BOUNDARY,)) for q in partitions),
        profiles=tuple(each for each in _profiles(data) if each.partition in partitions),
        slos=tuple(each for q in partitions for each in _slos(data, q)),
        demand=tuple(each for q in partitions for each in _demand(data, window, beta, q)),
        carbon=_carbon(data, window),
        objective=Objective.only(objective),
        demand_margin=MARGIN,
        carbon_signal=CarbonSignal(kind="marginal", scope="unstated", unit="as given"),
    )


def authors_files(data: Path) -> list[Path]:
    """The files that the instance is read from."""
    return [
        data / "profiles" / f"freesh_authors_{name}.csv" for name in ("carbon", "demand_a", "demand_b", "mode_profiles")
    ]


@cache
def _rows(data: Path, name: str) -> tuple[dict[str, str], ...]:
    with (data / "profiles" / f"freesh_authors_{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


@cache
def _profiles(data: Path) -> tuple[Profile, ...]:
    return tuple(
        Profile(
            partition=row["partition"],
            request_class=row["request_class"],
            mode=row["mode"],
            capacity_rps=float(row["max_qps"]),
            full_power_w=float(row["power_w"]),
            latency_s=float(row["latency_s"]),
            ttft_s=float(row["ttft_ms"]) / 1000,
            tbt_s=float(row["tbt_ms"]) / 1000,
            idle_power_w=float(row["power_w"]) * IDLE_FRACTION,
            idle_assumed=True,
        )
        for row in _rows(data, "mode_profiles")
    )


def _slos(data: Path, partition: str) -> tuple[ServiceLevel, ...]:
    levels = []
    for name in TWO_BY_TWO:
        latencies = [
            each.latency_s for each in _profiles(data) if each.partition == partition and each.request_class == name
        ]
        mean_s = sum(latencies) / len(latencies)
        levels.append(ServiceLevel(partition, name, LATENCY_TIMES_MEAN * mean_s, TTFT_S[name], TBT_S))
    return tuple(levels)


def _demand(data: Path, window: int, beta: float, partition: str) -> tuple[Demand, ...]:
    rows = _rows(data, f"demand_{partition}")[window * STEPS : (window + 1) * STEPS]
    return tuple(
        Demand(partition, name, step, float(row[name.lower()]) / beta)
        for name in TWO_BY_TWO
        for step, row in enumerate(rows)
    )


def _carbon(data: Path, window: int) -> tuple[CarbonPoint, ...]:
    rows = _rows(data, "carbon")[window * STEPS : (window + 1) * STEPS]
    return tuple(CarbonPoint(name, step, float(row[name])) for name in LOCATIONS for step, row in enumerate(rows))


if __name__ == "__main__":
    from models.sources.scenario_folder import write_scenario

    write_scenario(authors_scenario(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])), Path(sys.argv[4]))
