"""A worker process that solves, kept warm between calls, and killed only when it overruns its hard limit."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict, Unpack, cast

from freesh_plugin.core.errors import FreeshError
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Objective, Scenario

GRACE_S = 5.0
"""What a worker may overrun the limit that it was given before it is killed, seconds."""
EVALUATION_S = 30.0
"""Time for routing a given allocation, seconds: linear programs, or nearly."""
_START_S = 60.0
"""Time for a new worker to import its libraries, seconds."""
_ROOT = Path(__file__).parents[3]


class Options(TypedDict, total=False):
    """Keyword arguments of `allocate`, but for the worker."""

    formulation: str
    objective: Objective | None
    solver: str
    gap: float
    time_limit_s: float


class SolveWorker:
    """One solving process, started on first use. A context manager; not for several threads at once.

    It is a new interpreter, not a fork: nothing of the caller's threads or memory goes with it. It leads a process
    group of its own, so that a solver it has started ends with it.

    Args:
        grace_s: What it may overrun its limit before it is killed, seconds.
        program: Module that the process runs; another one stands in for it in tests.
    """

    def __init__(self, *, grace_s: float = GRACE_S, program: str = "models.allocation.solve.worker_main") -> None:
        self._grace_s = grace_s
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None

    def __enter__(self) -> "SolveWorker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id, None while none runs."""
        return None if self._process is None else self._process.pid

    def allocate(self, scenario: Scenario, **options: Unpack[Options]) -> AllocationResult:
        """As `models.allocation.allocate`, in this worker."""
        from models.allocation.allocate import allocate  # it imports this module

        return allocate(scenario, worker=self, **options)

    def evaluate_fixed(
        self,
        scenario: Scenario,
        partition: str | Mapping[str, str],
        instances: Sequence[InstanceCount],
        objective: Objective | None = None,
    ) -> AllocationResult:
        """As `models.allocation.evaluate_fixed`, in this worker; no incumbent when it overran its limit or crashed."""
        from models.allocation.allocate import evaluate_fixed  # it imports this module

        return evaluate_fixed(scenario, partition, instances, objective, worker=self)

    def evaluate(
        self, scenario: Scenario, partition: Mapping[str, str], instances: Sequence[InstanceCount]
    ) -> AllocationResult:
        """Route one given allocation."""
        return self._call("evaluate", EVALUATION_S, scenario, partition, tuple(instances))

    def run_program(
        self, scenario: Scenario, *, formulation: str, solver: str, gap: float, time_limit_s: float
    ) -> AllocationResult:
        """Build and solve one program; no incumbent, with a note, when the worker overran its limit or crashed."""
        options = {"formulation": formulation, "solver": solver, "gap": gap, "time_limit_s": time_limit_s}
        return self._call("run_program", time_limit_s, scenario, **options)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _call(self, name: str, limit_s: float, *arguments: object, **options: object) -> AllocationResult:
        try:
            pipe = self._started()
            pipe.send((name, arguments, options))
            if not pipe.poll(limit_s + self._grace_s):
                self.close()
                return _lost(f"The solver was killed: {self._grace_s:g} s past its limit of {limit_s:g} s.")
            answer = pipe.recv()
        except (EOFError, OSError):
            status = self._exit_status()
            self.close()
            return _lost(f"The solving process ended by itself with status {status}.")
        if isinstance(answer, FreeshError):
            raise answer
        return cast("AllocationResult", answer)

    def _started(self) -> "Connection[Any, Any]":
        """The pipe to a running worker, which has imported its libraries.

        Raises:
            OSError: it did not come up.
        """
        # A pipe that has something to say between calls is one that has closed.
        if self._process is not None and self._process.poll() is None and self._pipe and not self._pipe.poll():
            return self._pipe
        self.close()
        ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": _python_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the caller's is for its own results
                process_group=0,
            )
        self._pipe = ours
        if not ours.poll(_START_S):
            raise TimeoutError(f"the solving process did not start within {_START_S:g} s")
        ours.recv()
        return ours

    def _exit_status(self) -> int | None:
        if self._process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        return self._process.returncode


def _python_path() -> str:
    return os.pathsep.join(each for each in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if each)


def _lost(note: str) -> AllocationResult:
    return AllocationResult(
        status=Outcome.NO_INCUMBENT, objective=None, bound=None, gap=None, partition={}, instances=(), notes=(note,)
    )
