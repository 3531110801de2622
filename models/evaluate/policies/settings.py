"""How instances serve under the compared policies: first come first served at one clock, or as FREESH does."""

from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.policy import Policy as Order
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.instance_types import InstanceSettings

_STATIC = GovernorSettings(mode=GovernorMode.STATIC)

FCFS_STATIC = InstanceSettings(SchedulerSettings(policy=Order.FCFS), _STATIC)
"""First come first served, at the highest clock that the target allows."""

LLF_STATIC = InstanceSettings(SchedulerSettings(policy=Order.LLF), _STATIC)
"""Least laxity first, at that clock."""

TBT_QUANTILE = 0.9
"""Quantile of the passes that the governor holds against the bound of TBT.

The bound is on a request's mean. A few passes read a prompt and take longer than it; most do not, and where more than a
tenth do, the mean is at risk.
"""

LLF_MIAD = InstanceSettings(
    SchedulerSettings(policy=Order.LLF), GovernorSettings(mode=GovernorMode.MIAD, tbt_quantile=TBT_QUANTILE)
)
"""Least laxity first, the clock governed: FREESH."""
