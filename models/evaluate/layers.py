"""The ablation: what each layer changes on top of those before it, from the reference to FREESH, paired over hours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.evaluate.outcome_rows import Estimate, LayerRow
from models.evaluate.paired import Paired
from models.simulator.run_scores import RunScores

MIDDLE = "mid"


@dataclass(frozen=True)
class Layer:
    """One step of the way.

    Attributes:
        name: In a few words.
        before, after: The policies whose difference it is.
        modelled: Whether it hangs on an assumed power curve.
    """

    name: str
    before: str
    after: str
    modelled: bool = False


LAYERS = (
    Layer("right-sizing", "reference", "layer_right_sized"),
    Layer("classes", "layer_right_sized", "layer_classes"),
    Layer("carbon signal", "layer_classes", "layer_carbon"),
    Layer("scheduling", "layer_carbon", "layer_llf"),
    Layer("clock", "layer_llf", "freesh", modelled=True),
)

POWER_MODELS = ("low", MIDDLE, "high")
"""Under which the modelled layers are scored; the others under the middle one."""


def layer_runs() -> tuple[tuple[str, str], ...]:
    """(Policy, power model) of every run that the layers need."""
    needed: dict[tuple[str, str], None] = {}
    for layer in LAYERS:
        for power_model in POWER_MODELS if layer.modelled else (MIDDLE,):
            needed |= {(layer.before, power_model): None, (layer.after, power_model): None}
    return tuple(needed)


def layer_rows(runs: Mapping[str, Sequence[RunScores]]) -> tuple[LayerRow, ...]:
    """Rows of the layers whose runs are there.

    Args:
        runs: Power model to its runs; pairs are made of hours that both policies of a layer have.
    """
    rows = (
        _row(layer, power_model, runs.get(power_model, ()))
        for layer in LAYERS
        for power_model in (POWER_MODELS if layer.modelled else (MIDDLE,))
    )
    return tuple(row for row in rows if row is not None)


def _row(layer: Layer, power_model: str, runs: Sequence[RunScores]) -> LayerRow | None:
    paired = Paired.of(runs, (layer.before, layer.after))
    energy = _change(paired, layer, lambda each: each.energy_kwh)
    before = paired.sums([(layer.before, lambda each: each.energy_kwh)])
    if energy is None or before is None:
        return None
    emitted = paired.sums([(layer.before, lambda each: each.carbon_kg)])
    carbon = _change(paired, layer, lambda each: each.carbon_kg)
    marginal = _change(paired, layer, lambda each: each.carbon_marginal_kg)
    return LayerRow(
        layer=layer.name,
        from_policy=layer.before,
        to_policy=layer.after,
        power_model=power_model,
        modelled=layer.modelled,
        energy_kwh=energy.mean,
        energy_low_kwh=energy.low,
        energy_high_kwh=energy.high,
        carbon_kg=None if carbon is None else carbon.mean,
        carbon_low_kg=None if carbon is None else carbon.low,
        carbon_high_kg=None if carbon is None else carbon.high,
        carbon_marginal_kg=None if marginal is None else marginal.mean,
        hours=len(set(paired.hours)),
        from_energy_kwh=before[0],
        from_carbon_kg=None if emitted is None else emitted[0],
    )


def _change(paired: Paired, layer: Layer, of: Callable[[RunScores], float | None]) -> Estimate | None:
    """After less before, over all hours, mean over seeds; negative = saved."""
    seeds = len(paired.hours) / max(len(set(paired.hours)), 1)
    return paired.estimate([(layer.after, of), (layer.before, of)], lambda sums: (sums[..., 0] - sums[..., 1]) / seeds)
