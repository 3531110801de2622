"""A given allocation, evaluated: its best flows, what it sheds, objective and totals."""

from collections.abc import Sequence

from freesh_plugin.core.errors import AllocationError
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Scenario


def evaluate(scenario: Scenario, partition: str, instances: Sequence[InstanceCount]) -> AllocationResult:
    """As `models.allocation.evaluate_fixed`."""
    raise AllocationError("the full form is not built yet")
