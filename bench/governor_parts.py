"""What each part of the governor's pressure brings: MIAD whole, and with one part changed; simulated.

Cell `governor_parts`: all three power models, on seeds that no setting was chosen on.

Usage: python -m bench.governor_parts
"""

import sys
from dataclasses import replace
from typing import Any

from bench.governor import CODE, TOP, mean_energy, more, scored_by, worst_tbt
from bench.record import ROOT, is_current, record
from freesh_plugin.core.power_model import VARIANTS
from freesh_plugin.runtime.governor_settings import GovernorSettings
from models.commands.governor_bench import REPORTED_SEEDS
from models.simulator.governor_bench import CAPACITY_RPS, GovernorRun, instance_with
from models.simulator.governor_workload import Load

NAME = "governor_parts"
WHOLE = GovernorSettings()
PARTS = {
    "miad": WHOLE,
    "without the queue": replace(WHOLE, queue_weight=0.0),
    "tbt like ttft": replace(WHOLE, tbt_quantile=WHOLE.ttft_quantile, tbt_weight=1.0),
    "floor of tbt not remembered": replace(WHOLE, tbt_memory_s=0.0),
    "delta 30 MHz": replace(WHOLE, rule=replace(WHOLE.rule, delta_mhz=30.0)),
    "all of these": replace(
        WHOLE,
        queue_weight=0.0,
        tbt_quantile=WHOLE.ttft_quantile,
        tbt_weight=1.0,
        tbt_memory_s=0.0,
        rule=replace(WHOLE.rule, delta_mhz=30.0),
    ),
}
"""The governor whole, and without one part at a time."""


def rows() -> list[dict[str, Any]]:
    """Energy against the highest clock and violations beyond its own, by power model and part."""
    found = []
    for name in VARIANTS:
        instance = instance_with(name)
        top = [GovernorRun(TOP, load, seed, instance) for load in Load for seed in REPORTED_SEEDS]
        for part, settings in PARTS.items():
            ours = [replace(run, policy="miad", settings=settings) for run in top]
            scored = scored_by([*top, *ours])
            found.append(
                {
                    "power_model": name,
                    "part": part,
                    **mean_energy("miad", scored),
                    "more_ttft_points": {load.value: round(more("ttft_violation", load, scored), 3) for load in Load},
                    "worst_tbt_percent": worst_tbt(scored),
                    "changes_per_min": round(
                        max(each.changes_per_min for load in Load for each in scored["miad", load])
                    ),
                }
            )
    return found


def main() -> None:
    """Run and record, unless it is recorded as it would be now."""
    code = [*CODE, ROOT / "bench" / "governor_parts.py"]
    if is_current(NAME, [], code):
        sys.stdout.write(f"{NAME}: unchanged\n")
        return
    results = {
        "basis": "simulated: times and watts are assumed, not measured",
        "capacity_rps": CAPACITY_RPS,
        "seeds": [REPORTED_SEEDS[0], REPORTED_SEEDS[-1]],
        "rows": rows(),
    }
    path = record(NAME, command="python -m bench.governor_parts", inputs=[], code=code, results=results)
    sys.stdout.write(f"{NAME}: {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
