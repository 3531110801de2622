"""The planner as commands hand it to use cases: plans as they are published, solved in a worker under a hard limit."""

from freesh_plugin.core.plan import Plan
from models.allocation import SolveWorker, allocate
from models.allocation.to_plan import to_plan
from models.domain.scenario import Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.forecast_value import MakePlan


def planning(worker: SolveWorker, gap: float, limit_s: float) -> MakePlan:
    """Plans solved to a gap, at most so many seconds each."""

    def make_plan(scenario: Scenario, epoch: Epoch) -> Plan:
        result = allocate(scenario, gap=gap, time_limit_s=limit_s, worker=worker)
        return to_plan(scenario, result, epoch=epoch.slot, revision=1, mode="advise")

    return make_plan
