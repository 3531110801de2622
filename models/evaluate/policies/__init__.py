"""The policies that are compared, one file a family, in the order of tables."""

from collections.abc import Mapping

from models.evaluate.cell import Policy
from models.evaluate.policies.dynamollm import DYNAMOLLM_LIKE
from models.evaluate.policies.layered import RIGHT_SIZED, WITH_CARBON, WITH_CLASSES, WITH_LLF
from models.evaluate.policies.planned import (
    CARBON_AGNOSTIC_FREESH,
    FREESH,
    FREESH_CONSTANT_CARBON,
    FREESH_PERFECT,
    ONE_MIXED_POOL,
    PREVIOUS_PLAN_HELD,
    RIGHTSIZED_MIN_ENERGY,
)
from models.evaluate.policies.reactive import CLEANEST_AUTOSCALER, REACTIVE_AUTOSCALER
from models.evaluate.policies.standing import BEST_STATIC_CLOCK, REFERENCE

POLICIES: Mapping[str, Policy] = {
    each.name: each
    for each in (
        REFERENCE,
        BEST_STATIC_CLOCK,
        PREVIOUS_PLAN_HELD,
        ONE_MIXED_POOL,
        REACTIVE_AUTOSCALER,
        CLEANEST_AUTOSCALER,
        RIGHTSIZED_MIN_ENERGY,
        CARBON_AGNOSTIC_FREESH,
        DYNAMOLLM_LIKE,
        FREESH_CONSTANT_CARBON,
        FREESH,
        FREESH_PERFECT,
    )
}
"""By name."""

STEPS: Mapping[str, Policy] = {each.name: each for each in (RIGHT_SIZED, WITH_CLASSES, WITH_CARBON, WITH_LLF)}
"""Between the reference and FREESH: run for the ablation, and not compared."""

__all__ = ["POLICIES", "STEPS"]
