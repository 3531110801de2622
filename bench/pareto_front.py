"""The front between carbon and cost of a seeded random fleet: how many solves it takes, and its figure. Invented data.

Usage: python -m bench.pareto_front
"""

import sys
import time
from functools import partial

from bench.record import ROOT, record
from models.allocation import allocate
from models.allocation.pareto import Front, pareto_front
from models.commands.figure import save
from models.commands.pareto_figure import pareto_figure, weights_of
from tests.fakes.fleet_scenarios import random_fleet

SEED, LOCATIONS, MODES, LOAD = 1, 4, 6, 0.45
POINTS, GAP, LIMIT_S = 9, 0.002, 30.0
CODE = [
    ROOT / "models" / "allocation",
    ROOT / "bench" / "pareto_front.py",
    ROOT / "tests" / "fakes" / "fleet_scenarios.py",
]
FIGURE = ROOT / "docs" / "images" / "pareto.png"


def main() -> None:
    """Sweeps, draws and records."""
    fleet = random_fleet(SEED, locations=LOCATIONS, modes=MODES, load=LOAD)
    start = time.perf_counter()
    front = pareto_front(fleet, partial(allocate, gap=GAP, time_limit_s=LIMIT_S), points=POINTS)
    wall_s = time.perf_counter() - start
    title = "an invented fleet of 4 locations: what less carbon costs"
    save(pareto_figure(front, title, fleet.carbon_signal.unit), FIGURE)
    path = record(
        "pareto_front", command="python -m bench.pareto_front", inputs=[], code=CODE, results=_results(front, wall_s)
    )
    sys.stdout.write(f"pareto_front: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")


def _results(front: Front, wall_s: float) -> dict[str, object]:
    return {
        "fleet": {"seed": SEED, "locations": LOCATIONS, "modes": MODES, "load": LOAD, "invented": True},
        "gap": GAP,
        "wall_s": round(wall_s, 1),
        "solves": front.solves,
        "dominated": front.dominated,
        "knee": None if front.knee is None else weights_of(front.knee),
        "points": [
            {"objective": weights_of(each), "carbon_kg": round(each.x, 4), "cost_usd": round(each.y, 4)}
            for each in front.points
        ],
    }


if __name__ == "__main__":
    main()
