"""A plan when no solver gave one."""

from collections.abc import Sequence

from freesh_plugin.core.errors import AllocationError
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario


def fall_back(scenario: Scenario, reasons: Sequence[str]) -> AllocationResult:
    """Not built yet."""
    raise AllocationError("the full form is not built yet")
