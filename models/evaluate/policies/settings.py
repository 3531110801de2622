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

GOVERNOR = GovernorSettings(mode=GovernorMode.MIAD, ttft_quantile=0.8, tbt_quantile=0.5, min_samples=5)
"""Quantiles as service is scored, chosen on the synthetic hour.

The bound of TBT is on a request's mean, so the median pass counts: one that reads a prompt may take longer than it. A
location gets a request or two a second, so that few first tokens are in the window; their largest would be one long
prompt, whose own bound is twice that of a short one.
"""

LLF_MIAD = InstanceSettings(SchedulerSettings(policy=Order.LLF), GOVERNOR)
"""Least laxity first, the clock governed: FREESH."""
