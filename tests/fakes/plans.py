"""Sample plans, sealed and valid, for every test that needs one; the numbers are made up."""

import msgspec

from freesh_plugin.core.plan import (
    SCHEMA_VERSION,
    Baselines,
    CarbonStep,
    DemandStep,
    Footprint,
    Hold,
    InputState,
    InstanceBand,
    Plan,
    PlanCells,
    PlanInput,
    PlanMode,
    PlanPartition,
    Pool,
    Route,
    Slice,
    Slo,
    SolverReport,
)
from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_json import encode_plan, seal
from freesh_plugin.core.units import EPOCH_S, PLAN_LIFETIME_S, epoch_start_s

SAMPLE_EPOCH = 1_000_000
"""Epoch of the sample plans: starts 1,800,000,000 s after 1970."""


def sample_plan(
    epoch: int = SAMPLE_EPOCH, revision: int = 1, mode: PlanMode = PlanMode.ACT, instances: int = 2, **changes: object
) -> Plan:
    """A sealed plan of one pool at one location; `changes` replace top-level fields before it is sealed."""
    start_s = epoch_start_s(epoch)
    plan = Plan(
        schema_version=SCHEMA_VERSION,
        scenario="sample",
        epoch=epoch,
        revision=revision,
        mode=mode,
        valid_from=start_s,
        stale_after=start_s + EPOCH_S,
        expires_at=start_s + PLAN_LIFETIME_S,
        partition={"default": PlanPartition("a", ("SS", "SL", "LS", "LL"), (256,), (444,))},
        cells={"default": PlanCells((256,), (444,))},
        pools=(_pool(instances),),
        slices=(Slice("loc1", "m1", "default", "SS", "TP2xA100", instances),),
        transitions=(),
        routes=(Route("default", "SS", "any", {"loc1": 1.0}),),
        carbon={"loc1": (CarbonStep(0, 210.5, "average", 190.0, 240.0),)},
        demand=(DemandStep("default", "SS", "any", "default", 0, 1.5, 2.0, 0.95),),
        shed_allowed={"default": 0.0},
        predicted=Footprint(energy_j=3.6e6, carbon_g=210.5),
        baselines=Baselines(all_on=Footprint(energy_j=7.2e6, carbon_g=421.0)),
        solver=SolverReport(status="optimal", solver="sample", objective=210.5, bound=210.5, gap=0.0),
        inputs=(PlanInput("carbon", "v1", InputState.OK, 600.0),),
        holds=(Hold("no_price", "No prices are known, so cost is left out."),),
    )
    return seal(msgspec.structs.replace(plan, **changes))


def sample_text(
    epoch: int = SAMPLE_EPOCH, revision: int = 1, mode: PlanMode = PlanMode.ACT, instances: int = 2, **changes: object
) -> bytes:
    """JSON text of a sample plan; arguments as for `sample_plan`."""
    return encode_plan(sample_plan(epoch, revision, mode, instances, **changes))


def sample_document(
    epoch: int = SAMPLE_EPOCH, revision: int = 1, mode: PlanMode = PlanMode.ACT, instances: int = 2, **changes: object
) -> PlanDocument:
    """A sample plan with its text; arguments as for `sample_plan`."""
    return PlanDocument.read(sample_text(epoch, revision, mode, instances, **changes))


def _pool(instances: int) -> Pool:
    return Pool(
        location="loc1",
        model="default",
        request_class="SS",
        mode="TP2xA100",
        tier="default",
        instances=InstanceBand(min=1, target=instances, max=instances + 1),
        slo=Slo(latency_s=10.0, ttft_s=1.0, tbt_s=0.2),
        capacity_rps=2.5,
    )
