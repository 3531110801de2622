"""Plan metrics in Prometheus text, computed from a status when they are asked for."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from freesh_plugin.core.plan_status import RuntimeStatus, Verdict


class _PlanCollector(Collector):
    def __init__(self, status: RuntimeStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        epoch = GaugeMetricFamily("freesh_plan_epoch", "Epoch of the plan in force; absent without one.")
        age = GaugeMetricFamily("freesh_plan_age_seconds", "Seconds since the plan in force became valid.")
        if status.plan is not None and status.age_s is not None:
            epoch.add_metric([], status.plan.epoch)
            age.add_metric([], status.age_s)
        yield epoch
        yield age
        holds = CounterMetricFamily("freesh_hold", "Holds of accepted plans, by code.", labels=["reason"])
        for reason, count in sorted(status.holds_total.items()):
            holds.add_metric([reason], count)
        yield holds
        yield CounterMetricFamily("freesh_plans_accepted", "Plans accepted.", value=status.accepted_total)
        refusals = CounterMetricFamily("freesh_plan_refusals", "Plans and requests refused.", labels=["reason"])
        for verdict in Verdict:
            if not verdict.accepted:
                refusals.add_metric([verdict.value], status.refusals_total.get(verdict, 0))
        yield refusals


def plan_metrics(status: RuntimeStatus) -> bytes:
    """The metrics of one status, Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_PlanCollector(status))
    return generate_latest(registry)
