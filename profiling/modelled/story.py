"""What stands behind a modelled profile: every constant with its source, every fit with its error."""

from collections.abc import Iterator, Sequence
from math import exp

from freesh_plugin.core.profile_document import FitError, Parameter, Provenance
from freesh_plugin.core.request_energy import Length, fitting_batch, least_energy
from profiling.modelled.gpu_sheet import EXTRAPOLATED_FROM, sheet
from profiling.modelled.leave_out import Fits, Miss, median_off
from profiling.modelled.llm_size import llm_size
from profiling.modelled.modelled_profile import ENGINE, POWER_OF, Instance, modelled_profile
from profiling.modelled.observation import Observation
from profiling.modelled.power_fit import USES
from profiling.modelled.power_models import BRACKET, power_model
from profiling.modelled.terms import CLOCK_SHARES, TERMS
from profiling.modelled.time_fit import FAMILIES

REFERENCE = Length("512 prompt, 256 answer tokens", 512, 256)
"""The request for which clocks of least energy are told."""

_POWER_UNITS = {
    "idle_w": "W", "clock_w": "W", "memory_w": "W", "dynamic_w": "W", "knee_mhz": "MHz", "knee_voltage": "of top",
    "top_clock_mhz": "MHz", "cap_w": "W",
}  # fmt: skip


def story(
    fits: Fits, instance: Instance, observations: Sequence[Observation], misses: Sequence[Miss], variant: str
) -> Provenance:
    """The provenance of a modelled profile.

    Args:
        fits: To all figures.
        instance: What the profile is for.
        observations: The figures.
        misses: Of each figure, predicted without its pair.
        variant: The power model that is used.
    """
    gpu = sheet(instance.gpu)
    sources = sorted({one.source for one in observations})
    notes = [
        f"engine: {ENGINE}",
        "no published table gives time and power over SM clocks: the way from the top clock down is modelled",
        *_least_energy_clocks(fits, instance),
    ]
    if gpu.family is None:
        notes.insert(0, f"EXTRAPOLATED: fitted constants are those of {EXTRAPOLATED_FROM[gpu.name]}; no figure of"
                     f" {gpu.name} was in the data")  # fmt: skip
    return Provenance(
        sources=[*sources, gpu.source, f"configuration files of {instance.llm}"],
        cells=0,
        errors=list(_errors(fits, instance, observations, misses)),
        parameters=list(_parameters(fits, instance, variant)),
        notes=notes,
    )


def _errors(
    fits: Fits, instance: Instance, observations: Sequence[Observation], misses: Sequence[Miss]
) -> Iterator[FitError]:
    pair = (llm_size(instance.llm).name, sheet(instance.gpu).family)
    own = [each for each in misses if each.observation.pair == pair]
    groups = (
        ("fitted", fits.misses(observations)),
        ("predicted without its model and GPU", misses),
        (f"{pair[0]} on {pair[1]}, predicted without it", own),
    )
    for what, group in groups:
        for quantity, values in (
            ("throughput", [each.throughput for each in group]),
            ("power", [e.power for e in group]),
        ):
            off, count = median_off(values)
            if off is not None:
                yield FitError(f"{quantity}, {what}", round(off, 4), count)


def _parameters(fits: Fits, instance: Instance, variant: str) -> Iterator[Parameter]:
    gpu, llm, model = sheet(instance.gpu), llm_size(instance.llm), power_model(sheet(instance.gpu), variant)
    family = gpu.family or EXTRAPOLATED_FROM[gpu.name]
    for name, value, unit in (
        ("flops", gpu.flops, "1/s"), ("memory_bytes_per_s", gpu.memory_bytes_per_s, "B/s"),
        ("memory_bytes", gpu.memory_bytes, "B"), ("board_w", gpu.board_w, "W"),
    ):  # fmt: skip
        yield Parameter(f"sheet.{name}", value, unit, gpu.source)
    for name, value, unit in (
        ("parameters", llm.parameters, "1"), ("active", llm.active, "1"), ("layers", llm.layers, "1"),
        ("hidden", llm.hidden, "1"), ("kv_width", llm.kv_width, "1"),
    ):  # fmt: skip
        yield Parameter(f"model.{name}", value, unit, "the model's published configuration")
    fitted = f"fitted to published times; engine {ENGINE}, GPU family {family}"
    for name, factor in zip(TERMS, fits.times.factors(ENGINE, family), strict=True):
        yield Parameter(f"time.{name}", _short(factor), "x the sheet's seconds", fitted)
    uses = fits.powers.use + fits.powers.by_family[FAMILIES.index(family)]
    for name, log in zip(USES, uses, strict=True):
        source = f"fitted to published powers; GPU family {family}"
        yield Parameter(f"power.{name}", _short(exp(log)), "x (board - idle)", source)
    for kind, engine in POWER_OF.items():
        scale = exp(fits.powers.by_source[fits.powers.sources.index(engine)])
        yield Parameter(f"power.scale of a {kind}", _short(scale), "1", f"fitted to published powers; engine {engine}")
    for name, unit in _POWER_UNITS.items():
        yield Parameter(
            f"power_model.{name}", _short(getattr(model, name)), unit, f"core/power_model.py: {model.source}"
        )
    for name, share in CLOCK_SHARES.items():
        source = "arithmetic scales with the clock" if share == 1 else "assumed, as in core/step_model.py"
        yield Parameter(f"clock_share.{name}", share, "1", source)


def _least_energy_clocks(fits: Fits, instance: Instance) -> Iterator[str]:
    """The clock of least energy in each of the power models that bracket the published ones."""
    found = []
    for variant in BRACKET:
        document = modelled_profile(fits, instance, Provenance([], 0), variant)
        table = document.table()
        best = least_energy(table, [REFERENCE], fitting_batch(table, REFERENCE))[0].best
        found.append(f"{best.sm_clock_mhz:g}")
    yield (
        f"least energy at {', '.join(found)} MHz in the power models {', '.join(BRACKET)}"
        f" ({REFERENCE.name}, full batch)"
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")
