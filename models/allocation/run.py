"""Running a program in this process: the form that was asked for, with its solvers and its deadline."""

from models.allocation.full_solve import solve_full
from models.allocation.paper_solve import solve_paper
from models.allocation.promises import full_notes, paper_notes
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import solver_chain
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario


def run_program(
    scenario: Scenario, *, formulation: str, solver: str, gap: float, time_limit_s: float
) -> AllocationResult:
    """Build and solve here; arguments as `allocate`, already checked."""
    chain, budget = solver_chain(solver), Budget(time_limit_s)
    if formulation == "paper":
        return solve_paper(scenario, scenario.objective, chain, gap=gap, budget=budget, notes=paper_notes(scenario))
    return solve_full(scenario, chain, gap=gap, budget=budget, notes=full_notes(scenario))
