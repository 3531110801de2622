"""What is recorded of a run of the fleet; its rows are made of it."""

from dataclasses import dataclass

from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_model import FleetModel
from models.simulator.signals import Signals
from models.simulator.tally import Tally


@dataclass(frozen=True)
class FleetRecord:
    """One run.

    Attributes:
        fleet, signals: Of what, and scored by which signals.
        tally, books: Service and energy.
        duration_s: Length of the workload.
        end_s: When its last request ended, at least its length.
        starts, stops, relabels: Instances started, stopped, and moved to another pool without a restart.
        detours: Requests sent to a location to which the plan gave no share, for none with a share had an instance.
        spills: Requests that an instance of another class took, for their own had none.
        clock_changes: Of all instances.
        loaded_s: Seconds for which instances were loaded, over all of them.
        gpu_s: Seconds of the workload for which GPUs were held, over all of them.
        wall_s: Seconds that simulating took.
    """

    fleet: FleetModel
    signals: Signals
    tally: Tally
    books: EnergyBooks
    duration_s: float
    end_s: float
    starts: int
    stops: int
    relabels: int
    detours: int
    spills: int
    clock_changes: int
    loaded_s: float
    gpu_s: float
    wall_s: float
