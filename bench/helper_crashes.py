"""How long clocks stay locked when owners and helpers end at random moments, through nvidia-ml-py on a fake driver.

An owner changes the clocks of two fake GPUs all the time (a setter takes 3 ms), three owners at a time; half of the
crashes come while it and its helper start, half while clocks change. Seconds count from the crash to the last moment at
which a clock was seen locked. The GPUs are a fake (tests/fakes/nvml): what is measured is this project's processes, not
a driver.
"""

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.record import ROOT, is_current, record
from tests.fakes.nvml.controller import build_library
from tests.fakes.nvml.crashes import CRASHES, Crash, Scene, crash, kill_owner

NAME = "helper_crashes"
KILLS, OTHERS = 200, 50
AT_A_TIME = 3
LIMIT_S = 2.0
CODE = [
    *sorted((ROOT / "freesh_plugin/adapters/gpu").glob("helper_*.py")),
    *(
        ROOT / "freesh_plugin/adapters/gpu" / f"{name}.py"
        for name in ("deadline_thread", "leases", "nvml", "nvml_clocks")
    ),
    *(ROOT / "freesh_plugin/services" / f"gpu_{name}.py" for name in ("free", "helper", "holdings", "reset", "resets")),
    *(ROOT / "freesh_plugin/adapters" / f"{name}.py" for name in ("ending_signals", "unblocked_log")),
    *sorted((ROOT / "tests/fakes/nvml").glob("*.[chp]*")),
    ROOT / "bench/helper_crashes.py",
]


def summary(crashes: list[Crash]) -> dict[str, Any]:
    """What came of crashes of one kind."""
    seconds = sorted(each.free_s for each in crashes)
    return {
        "crashes": len(crashes),
        "free_within_2_s": sum(each.free_s <= LIMIT_S for each in crashes),
        "locked_at_the_crash": sum(each.locked for each in crashes),
        "left_behind": sum(bool(each.left) for each in crashes),
        "free_s": {
            "p50": round(seconds[len(seconds) // 2], 4),
            "p95": round(seconds[int(0.95 * len(seconds))], 4),
            "max": round(seconds[-1], 4),
        },
    }


def measured(library: Path, how: Callable[[Scene], float], rounds: int) -> list[Crash]:
    """So many crashes of one kind, a few at a time."""

    def one(seed: int) -> Crash:
        with tempfile.TemporaryDirectory() as folder:
            return crash(library, Path(folder), how, seed)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(one, range(rounds)))


def main(scale: float = 1.0) -> int:
    """Crash, record, print; the exit status is 1 if a clock stayed locked for more than 2 s, or anything was left."""
    if is_current(NAME, [], CODE):
        return 0
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        for how in CRASHES:
            rounds = max(1, round(scale * (KILLS if how is kill_owner else OTHERS)))
            results[how.__name__] = {"what": str(how.__doc__).strip(), **summary(measured(library, how, rounds))}
            sys.stdout.write(f"{how.__name__}: {results[how.__name__]}\n")
            sys.stdout.flush()
    if scale == 1.0:
        record(NAME, command="python -m bench.helper_crashes", inputs=[], code=CODE, results=results)
    kept = all(each["free_within_2_s"] == each["crashes"] and not each["left_behind"] for each in results.values())
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main(*map(float, sys.argv[1:])))
