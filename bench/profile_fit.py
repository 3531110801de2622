"""How far modelled profiles are off for a model on a GPU that their fit has not seen: each pair left out in turn.

`python -m bench.profile_fit`
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.record import ROOT, is_current, record
from freesh_plugin.core.profile_document import Provenance
from freesh_plugin.core.request_energy import fitting_batch, least_energy
from profiling.modelled.leave_out import Fits, Miss, leave_out, median_off
from profiling.modelled.modelled_profile import SHIPPED, Instance, modelled_profile
from profiling.modelled.power_models import BRACKET
from profiling.modelled.published import FILES, read_published
from profiling.modelled.story import REFERENCE

AIM = 0.15
NAME = "profile_fit"
CODE = (
    ROOT / "profiling/modelled",
    ROOT / "profiling/profile",
    ROOT / "profiling/data/llm_sizes.csv",
    ROOT / "freesh_plugin/core/power_model.py",
    ROOT / "bench/profile_fit.py",
)


def summary(misses: Iterable[Miss]) -> dict[str, object]:
    """Median errors of throughput and power, their sign, and whether the aim is met."""
    own = list(misses)
    row: dict[str, object] = {}
    for quantity, values in (("throughput", [m.throughput for m in own]), ("power", [m.power for m in own])):
        off, count = median_off(values)
        known = sorted(each for each in values if each is not None)
        row[quantity] = {
            "median_error": None if off is None else round(off, 4),
            "median_signed": None if not known else round(known[len(known) // 2], 4),
            "figures": count,
            "meets_aim": None if off is None else off <= AIM,
        }
    return row


def grouped(misses: Iterable[Miss], key: Callable[[Miss], str]) -> dict[str, dict[str, object]]:
    """A summary of each group, by name."""
    groups: dict[str, list[Miss]] = {}
    for miss in misses:
        groups.setdefault(key(miss), []).append(miss)
    return {name: summary(own) for name, own in sorted(groups.items())}


def over_pairs(pairs: Mapping[str, dict[str, object]]) -> dict[str, object]:
    """Median over the pairs of their median errors, and how many of them meet the aim."""
    told: dict[str, object] = {}
    for quantity in ("throughput", "power"):
        rows = [row[quantity] for row in pairs.values()]
        errors = sorted(
            row["median_error"] for row in rows if isinstance(row, dict) and row["median_error"] is not None
        )
        met = sum(each <= AIM for each in errors)
        told[quantity] = {"median_error": errors[len(errors) // 2], "pairs": len(errors), "pairs_that_meet_aim": met}
    return told


def least_energy_clocks(fits: Fits, instance: Instance) -> dict[str, object]:
    """The clock of least energy in each power model, and what it saves and costs against the highest."""
    found: dict[str, object] = {}
    for variant in BRACKET:
        table = modelled_profile(fits, instance, Provenance([], 0), variant).table()
        best = least_energy(table, [REFERENCE], fitting_batch(table, REFERENCE))[0]
        found[variant] = {
            "sm_clock_mhz": best.best.sm_clock_mhz,
            "energy_saved": round(best.saving, 4),
            "slower": round(best.slower, 4),
        }
    return found


def main() -> int:
    """Measure and record, unless the recorded result is of these very inputs and this very code."""
    folder = Path(os.environ.get("FREESH_DATA", "")) / "profiles"
    if not folder.is_dir():
        sys.stderr.write("FREESH_DATA is not set: it names the folder of the public data sets\n")
        return 2
    inputs = [folder / each for each in FILES]
    if is_current(NAME, inputs, CODE):
        sys.stdout.write(f"{NAME}: is current\n")
        return 0
    observations = read_published(folder)
    fits, misses = Fits.of(observations), leave_out(observations)
    pairs = grouped(misses, lambda miss: " on ".join(miss.observation.pair))
    results = {
        "aim": AIM,
        "left_out": "each pair of model and GPU family in turn, from all sources at once",
        "all_figures": summary(misses),
        "over_pairs": over_pairs(pairs),
        "fitted": summary(fits.misses(observations)),
        "by_source": grouped(misses, lambda miss: f"{miss.observation.source}, {miss.observation.kind}"),
        "by_pair": pairs,
        "least_energy_clocks": {each.file_name: least_energy_clocks(fits, each) for each in SHIPPED},
    }
    path = record(NAME, command="python -m bench.profile_fit", inputs=inputs, code=CODE, results=results)
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
