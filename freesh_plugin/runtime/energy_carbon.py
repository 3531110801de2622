"""The carbon intensity that the plan in force has for a place and time."""

from freesh_plugin.core.plan import Plan
from freesh_plugin.core.units import STEP_S
from freesh_plugin.runtime.energy_account import Intensity


def intensity_at(plan: Plan | None, location: str | None, utc_s: float) -> Intensity | None:
    """Intensity of the step that holds `utc_s`; None without plan, location or step, or if the plan knows no grams.

    A plan whose carbon signal is in a unit of its own predicts no grams, and none can be told from it.
    """
    if plan is None or location is None or plan.predicted.carbon_g is None:
        return None
    step = int((utc_s - plan.valid_from) // STEP_S)
    for each in plan.carbon.get(location, ()):
        if each.step == step:
            return Intensity(each.carbon_gco2e_per_kwh, each.kind)
    return None
