"""`python -m bench [--quick]`: every measurement in turn, one recorded file a cell; what has not changed is skipped."""

import os
import subprocess
import sys

QUICK = (
    ("bench.paper_vs_pulp",),
    ("bench.dag_parse",),
    ("bench.router_overhead",),
    ("bench.schedule_decision",),
    ("bench.schedule", "schedule_steady_0.9_error_0.5", "schedule_bursts_error_0.5"),
    ("bench.scale", "--quick"),
    ("bench.backtests", "backtest_carbon_zones_2023_may_june", "backtest_demand_servegen_days_8_14"),
)
"""Under ten minutes together on two cores."""

FULL = (
    *QUICK, ("bench.full_48_windows",), ("bench.solver_size",), ("bench.scale",), ("bench.backtests",),
    ("bench.demand_quantiles",), ("bench.carbon_refit",), ("bench.carbon_families",), ("bench.pareto_front",),
    ("bench.forecast_value",), ("bench.schedule",), ("bench.schedule_flood",),
    ("bench.profile_fit",), ("bench.helper_crashes",),
    ("bench.governor",), ("bench.governor_parts",), ("bench.governor_decision",),
    ("bench.schedule_batched",), ("bench.simulator_fidelity",), ("bench.capacity_confirmed",),
    ("bench.pool_allowance",),
    ("bench.simulator_scale",), ("bench.evaluation",),
)  # fmt: skip


def main() -> int:
    """Run the modules one after another; the exit status is the first that was not 0."""
    if "FREESH_DATA" not in os.environ:
        sys.stderr.write("FREESH_DATA is not set: it names the folder of the public data sets\n")
        return 2
    for module, *names in QUICK if "--quick" in sys.argv[1:] else FULL:
        sys.stdout.write(f"{module} {' '.join(names)}\n")
        sys.stdout.flush()
        status = subprocess.run([sys.executable, "-m", module, *names], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
