"""Runs a workload through a simulated fleet: the plugin's own scheduler, governor and balancer, under a controller."""

from collections.abc import Sequence
from time import perf_counter

from models.domain.workload import Workload
from models.simulator.fleet_checks import held_gpu_s
from models.simulator.fleet_fault import Fault
from models.simulator.fleet_loop import FleetLoop, MakeInstance, Progress
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_run import FleetRun
from models.simulator.fleet_target import Controller
from models.simulator.instance import SimulatedInstance
from models.simulator.instance_types import InstanceSettings
from models.simulator.signals import Signals


def run_fleet(
    fleet: FleetModel,
    workload: Workload,
    controller: Controller,
    settings: InstanceSettings,
    signals: Signals,
    *,
    make_instance: MakeInstance = SimulatedInstance,
    progress: Progress | None = None,
    faults: Sequence[Fault] = (),
) -> FleetRun:
    """Run a workload through a fleet; the same inputs give the same run.

    Args:
        fleet: Locations, machines, instances by mode, and what runs at the start.
        workload: Requests.
        controller: Decides what the fleet is to be; sees the past alone.
        settings: How instances serve.
        signals: By which the run is scored; the controller does not see them.
        make_instance: Makes an instance when it is loaded.
        progress: Told now and then: requests so far, and seconds simulated.
        faults: Instances that are lost on the way.

    Raises:
        SimulationError: the run cannot be as asked, or breaks a law of conservation.
    """
    begin_s = perf_counter()
    loop = FleetLoop(fleet, workload, controller, settings, make_instance, faults)
    loop.run(progress)
    served = [each for each in loop.roster.all() if each.served]
    return FleetRun(
        fleet=fleet,
        signals=signals,
        tally=loop.tally,
        books=loop.books,
        duration_s=workload.duration_s,
        end_s=loop.end_s,
        starts=loop.transition.starts,
        stops=loop.transition.stops,
        relabels=loop.transition.relabels,
        detours=loop.routing.detours,
        spills=loop.routing.spills,
        clock_changes=sum(each.clock_changes for each in served),
        loaded_s=sum(each.drawn_until_s - each.ready_s for each in served),
        gpu_s=sum(held_gpu_s(loop.roster, workload.duration_s).values()),
        wall_s=perf_counter() - begin_s,
    )
