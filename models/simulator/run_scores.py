"""How one run of the fleet simulator went, in numbers; its rows are what tables and reports are made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunScores:
    """One policy over one hour. Energy and carbon are at the wall (PUE) unless said otherwise.

    Attributes:
        policy: Name of the policy.
        hour: Name of the hour.
        scenario: Kind of grids.
        seed: Of what is random.
        energy_kwh: At the wall, all power counted.
        energy_gpu_kwh: Of the GPUs alone, without hosts and PUE.
        busy_kwh, idle_kwh, loading_kwh, parked_kwh, host_kwh: Its parts before PUE.
        carbon_kg: Attributed (average intensity); None where that is not known.
        carbon_marginal_kg: Consequential, negative marginal values counted as 0; None where not known.
        carbon_marginal_signed_kg: The same with negative values as they are.
        cost_usd: None where prices are not known.
        offered, finished, refused, shed: Requests; `shed` by the plan, `refused` by an instance or for want of a pool.
        slo_attainment: Share of the offered that kept their class's SLO (latency, TTFT and worst TBT by quantile).
        attainment_relaxed: Share with TTFT <= 2 s and mean TBT <= 200 ms.
        attainment_tight: Share with TTFT <= .45 s and mean TBT <= 40 ms.
        ttft_p50_s, …, latency_p99_s: Quantiles over the served; TBT is each request's mean.
        p99_stall_s: 99 % quantile of the longest time without a token.
        fairness_jain: Jain's index of the clients' mean slowdown.
        slowdown_gap: Largest less smallest mean slowdown of the clients.
        goodput_rps: Requests a second that kept their SLO.
        preemptions_per_request, prefix_hit_rate: Over the served; cached over all prompt tokens.
        starts, stops: Instances started and stopped.
        relabels: Instances that changed class without a restart.
        clock_changes_per_min: Of an instance, on average.
        gpu_hours: GPUs that held a model, hours.
        simulated_s, wall_s: Time simulated, and taken for it.
    """

    policy: str
    hour: str
    scenario: str
    seed: int
    energy_kwh: float
    energy_gpu_kwh: float
    busy_kwh: float
    idle_kwh: float
    loading_kwh: float
    parked_kwh: float
    host_kwh: float
    carbon_kg: float | None
    carbon_marginal_kg: float | None
    carbon_marginal_signed_kg: float | None
    cost_usd: float | None
    offered: int
    finished: int
    refused: int
    shed: int
    slo_attainment: float
    attainment_relaxed: float
    attainment_tight: float
    ttft_p50_s: float
    ttft_p95_s: float
    ttft_p99_s: float
    tbt_p50_s: float
    tbt_p95_s: float
    tbt_p99_s: float
    latency_p50_s: float
    latency_p95_s: float
    latency_p99_s: float
    p99_stall_s: float
    fairness_jain: float
    slowdown_gap: float
    goodput_rps: float
    preemptions_per_request: float
    prefix_hit_rate: float
    starts: int
    stops: int
    relabels: int
    clock_changes_per_min: float
    gpu_hours: float
    simulated_s: float
    wall_s: float


@dataclass(frozen=True)
class ClassScores:
    """One request class of one run: requests, attainment, and 95 % quantiles in seconds."""

    policy: str
    hour: str
    scenario: str
    seed: int
    request_class: str
    tier: str
    offered: int
    attainment: float
    ttft_p95_s: float
    tbt_p95_s: float
    latency_p95_s: float


@dataclass(frozen=True)
class SeriesRow:
    """One location in one slot (5 minutes) of one run; means over the slot, watts at the wall."""

    policy: str
    hour: str
    scenario: str
    seed: int
    start_s: float
    location: str
    power_w: float
    carbon_gco2e_per_kwh: float | None
    marginal_gco2e_per_kwh: float | None
    served_rps: float
    instances: float
    busy_share: float
    sm_clock_mhz: float
