"""A planning problem of two sites and an allocation for it, small enough to work every number by hand.

North: 8 A100 on two machines, PUE 1, serves everybody. South: 4 A100, PUE 1.5, serves `eu` only.
Class S (short answers) comes from eu, class L from us. Two steps of 300 s. The numbers are made up.
"""

import dataclasses

from freesh_plugin.core.request import Partition
from models.domain.allocation import AllocationResult, Flow, InstanceCount, Outcome, Totals
from models.domain.scenario import (
    CarbonPoint,
    Demand,
    Location,
    Machine,
    Mode,
    PricePoint,
    Profile,
    Scenario,
    ServiceLevel,
)

STEPS = 2


def two_sites(**changes: object) -> Scenario:
    """The scenario; `changes` replace its fields."""
    scenario = Scenario(
        name="two-sites",
        locations=(
            Location("north", {"A100": 8}, rtt_s={"eu": 0.01, "us": 0.09}),
            Location("south", {"A100": 4}, pue=1.5, rtt_s={"eu": 0.02}, allowed_origins=("eu",)),
        ),
        modes=(Mode("TP2", {"A100": 2}), Mode("TP4", {"A100": 4}, sm_clock_ceiling_mhz=1410)),
        partitions=(Partition("a", ("S", "L"), (), (444,)),),
        profiles=(
            Profile("a", "S", "TP2", 2.0, 1000.0, 5.0, 0.1, 0.05, 400.0),
            Profile("a", "S", "TP4", 5.0, 1800.0, 4.0, 0.1, 0.04, 700.0),
            Profile("a", "L", "TP2", 1.0, 1000.0, 20.0, 0.2, 0.05, 400.0),
            Profile("a", "L", "TP4", 2.5, 1800.0, 15.0, 0.2, 0.04, 700.0),
        ),
        slos=(ServiceLevel("a", "S", 10.0, 0.5, 0.1), ServiceLevel("a", "L", 40.0, 0.5, 0.1)),
        demand=(
            Demand("a", "S", 0, 3.0, 2.0, origin="eu"),
            Demand("a", "S", 1, 3.0, 1.0, origin="eu"),
            Demand("a", "L", 0, 0.8, 0.5, origin="us"),
            Demand("a", "L", 1, 0.8, 0.5, origin="us"),
        ),
        carbon=tuple(CarbonPoint(name, t, g) for name, g in (("north", 100.0), ("south", 50.0)) for t in range(STEPS)),
        prices=tuple(PricePoint(name, t, 90.0) for name in ("north", "south") for t in range(STEPS)),
        machines=(
            Machine("north", "n1", "A100", 4),
            Machine("north", "n2", "A100", 4),
            Machine("south", "s1", "A100", 4),
        ),
        steps=STEPS,
    )
    return dataclasses.replace(scenario, **changes)  # type: ignore[arg-type]  # names are checked by replace


def two_sites_result(**changes: object) -> AllocationResult:
    """Two TP2 for S in the south, one TP2 for L in the north; `changes` replace its fields.

    Its totals, by hand. North: (440 parked + 290 idle above parked + 0.5 req/s x 600 J) = 1030 W, 618 kJ in 600 s.
    South: 220 + 2 x 290 = 800 W, and 300 J a request: (1400 + 1100) W x 300 s x 1.5 = 1125 kJ. Sum 1743 kJ;
    0.618 / 3.6 x 100 g + 1.125 / 3.6 x 50 g; 1.743 MJ = 0.48417 kWh at 9 ct.
    """
    result = AllocationResult(
        status=Outcome.OPTIMAL,
        objective=32.791667,
        bound=32.791667,
        gap=0.0,
        partition={"default": "a"},
        instances=(
            InstanceCount("north", "default", "L", "TP2", 1),
            InstanceCount("south", "default", "S", "TP2", 2),
        ),
        flows=tuple(
            flow
            for step in range(STEPS)
            for flow in (
                Flow("south", "S", "TP2", step, 3.0, origin="eu"),
                Flow("north", "L", "TP2", step, 0.8, origin="us"),
            )
        ),
        totals=Totals(energy_j=1_743_000.0, carbon_g=32.791667, cost_usd=0.043575),
        binding=("stock of A100 in south",),
        solver="by hand",
    )
    return dataclasses.replace(result, **changes)  # type: ignore[arg-type]  # names are checked by replace
