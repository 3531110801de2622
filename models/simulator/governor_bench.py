"""Runs of the governor's simulation by policy, load and seed, under one of the power models."""

from dataclasses import dataclass, field, replace
from functools import cache

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.power_model import VARIANTS, power_w, shares
from freesh_plugin.core.step_model import step_s
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.pressure import PressureGauge
from models.simulator.governor_clairvoyant import BLOCK_S, clairvoyant_mhz
from models.simulator.governor_model import Instance
from models.simulator.governor_policies import (
    Aimd,
    ClockPolicy,
    Governed,
    Pid,
    PressurePrice,
    Range,
    Scheduled,
    Static,
)
from models.simulator.governor_run import GovernorScores, serve, slo_of
from models.simulator.governor_workload import Load, Trace, draw

CAPACITY_RPS = 6.5
"""`capacity_rps` of the assumed instance at its highest clock."""

SUPPORTED_MHZ = tuple(range(345, 1981, 15))
"""Clocks of the simulated GPU: steps of 15 MHz, as is usual."""

STATIC = "static-"
RULES = ("miad", "hysteresis", "aimd", "pid", "primal-dual")
CLAIRVOYANT = "clairvoyant"
ALLOWED = {load: (0.02, 0.02) if load is Load.BURSTS else (0.005, 0.005) for load in Load}
"""Shares of requests and tokens that the clairvoyant schedule may have late beyond those at the highest clock."""

_STATIC_STEP_MHZ = 90


@dataclass(frozen=True)
class GovernorRun:
    """What is run.

    Attributes:
        policy: One of `policies`.
        load: How requests arrive.
        seed: Of the requests; the same for all policies.
        instance: What serves.
        capacity_rps: What loads are shares of.
        settings: Of the governor, whose mode is the policy's.
        floor_mhz: The lowest clock; None = that of least energy under the instance's power model.
    """

    policy: str
    load: Load
    seed: int
    instance: Instance = field(default_factory=Instance)
    capacity_rps: float = CAPACITY_RPS
    settings: GovernorSettings = field(default_factory=GovernorSettings)
    floor_mhz: int | None = None


def instance_with(power_model: str) -> Instance:
    """The assumed instance under a power model: low, mid or high."""
    return Instance(power=VARIANTS[power_model])


@cache
def clocks_of(instance: Instance) -> Range:
    """From the clock of least energy for a usual pass (32 requests, 1,000 tokens each, 50 prompt tokens) to the top."""

    def energy_j(mhz: int) -> float:
        took_s = step_s(instance.step, mhz, 32, 32_000, 50)
        return took_s * power_w(instance.power, mhz, shares(instance.step, mhz, 32, 50, took_s, instance.shares))

    return Range(SUPPORTED_MHZ, min(SUPPORTED_MHZ, key=energy_j), SUPPORTED_MHZ[-1])


def policies(clocks: Range) -> list[str]:
    """Names of all policies: static clocks from the top down to the floor, rules, and the clairvoyant schedule."""
    static = range(clocks.ceiling_mhz, clocks.floor_mhz, -_STATIC_STEP_MHZ)
    return [*(f"{STATIC}{mhz}" for mhz in (*static, clocks.floor_mhz)), *RULES, CLAIRVOYANT]


def run_one(run: GovernorRun) -> GovernorScores:
    """Scores of one run."""
    clocks = clocks_of(run.instance)
    if run.floor_mhz is not None:
        clocks = Range(SUPPORTED_MHZ, run.floor_mhz, clocks.ceiling_mhz)
    trace = draw(run.load, run.capacity_rps, run.seed)
    return serve(run.instance, trace, policy_of(run, clocks, trace), clocks.ceiling_mhz)[0]


def policy_of(run: GovernorRun, clocks: Range, trace: Trace) -> ClockPolicy:
    """The policy by its name.

    Raises:
        ScenarioError: there is none of that name.
    """
    slo, settings = slo_of(run.instance), run.settings
    if run.policy in (GovernorMode.MIAD, GovernorMode.HYSTERESIS):
        return Governed(_in_mode(settings, GovernorMode(run.policy)), clocks, slo)
    if run.policy == CLAIRVOYANT:
        return Scheduled(clairvoyant_mhz(run.instance, trace, clocks, ALLOWED[run.load]), BLOCK_S)
    if run.policy.startswith(STATIC):
        return Static(_static_mhz(run.policy, clocks))
    gauge = PressureGauge(settings)
    if run.policy == "aimd":
        return Aimd(clocks, slo, gauge)
    if run.policy == "pid":
        return Pid(clocks, slo, gauge)
    if run.policy == "primal-dual":
        return PressurePrice(clocks, slo, gauge, run.instance.power)
    raise _unknown(run.policy)


def check_policy(name: str, clocks: Range) -> None:
    """See that there is a policy of this name.

    Raises:
        ScenarioError: there is none.
    """
    if name.startswith(STATIC):
        _static_mhz(name, clocks)
    elif name not in (*RULES, CLAIRVOYANT):
        raise _unknown(name)


def _unknown(name: str) -> ScenarioError:
    return ScenarioError(f"policy {name!r} is none of {', '.join((*RULES, CLAIRVOYANT))}, {STATIC}MHZ")


def _in_mode(settings: GovernorSettings, mode: GovernorMode) -> GovernorSettings:
    return settings if settings.mode is mode else replace(settings, mode=mode)


def _static_mhz(name: str, clocks: Range) -> int:
    number = name.removeprefix(STATIC)
    if not number.isdecimal() or int(number) not in clocks.supported_mhz:
        lowest, highest = clocks.supported_mhz[0], clocks.supported_mhz[-1]
        raise ScenarioError(f"policy {name!r}: not a clock of the list, {lowest} to {highest} MHz in steps of 15")
    return int(number)
