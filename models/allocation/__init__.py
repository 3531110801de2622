"""The allocation program: which instances run where, by the published form or the full one."""

from models.allocation.allocate import allocate, evaluate_fixed
from models.allocation.solve.worker import SolveWorker

__all__ = ["SolveWorker", "allocate", "evaluate_fixed"]
