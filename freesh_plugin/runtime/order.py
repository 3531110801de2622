"""Orders of the policies: a key by which requests are served, smaller first, and what a preemption must gain."""

from collections.abc import Callable
from dataclasses import dataclass

from freesh_plugin.runtime.entry import Entry
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings

ServiceOf = Callable[[Entry], float]
"""Predicted seconds of an entry's remaining work."""


@dataclass(frozen=True, slots=True)
class Order:
    """One policy's order.

    Attributes:
        key: Place of an entry, given its remaining service in seconds; it stays while the entry waits.
        preemptive: Whether a running request may be preempted.
        margin: By how much a waiting entry's key must be smaller to preempt a running one.
    """

    key: Callable[[Entry, float], float]
    preemptive: bool
    margin: float = 0.0


def order_of(settings: SchedulerSettings) -> Order:
    """The order of the policy that the settings name."""
    if settings.policy is Policy.FCFS:
        return Order(lambda entry, service_s: entry.job.arrival_s, preemptive=False)
    if settings.policy is Policy.EDF:
        return Order(lambda entry, service_s: entry.job.deadline_s, preemptive=True)
    if settings.policy is Policy.SRTF:
        return Order(lambda entry, service_s: service_s, preemptive=True)
    return Order(lambda entry, service_s: entry.job.deadline_s + 2 * service_s, True, settings.hysteresis_s)
