"""The whole check, part by part; one that fails keeps no other from being written."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freesh_plugin.core.errors import FreeshError
from profiling.gpu_check.beside_smi import beside_smi, disagreeing
from profiling.gpu_check.llm import Llm
from profiling.gpu_check.model_cells import Care, cells, measured
from profiling.gpu_check.tables import append, stretch_cells
from profiling.gpu_check.watched import watched
from profiling.sweep.measured_row import MeasuredRow
from profiling.sweep.raw_table import append_row
from profiling.sweep.run_facts import RunFacts

if TYPE_CHECKING:  # it needs msgspec, which is not on every machine
    from freesh_plugin.ports import GpuDevice

Rest = Callable[[float], None]


@dataclass
class GpuCheck:
    """What is checked, and where it is written.

    Attributes:
        gpu: The GPU.
        llm: The model; None = only the GPU at rest.
        facts: Where: basis, machine, GPU, driver; engine and model are the model's.
        out: Folder of the tables.
        seconds: When they are over, no further cell is begun.
        care: How carefully.
        rest: Lets time pass.
        problems: What went wrong, and what does not agree.
    """

    gpu: "GpuDevice"
    llm: Llm | None
    facts: RunFacts
    out: Path
    seconds: float = 330.0
    care: Care = field(default_factory=Care)
    rest: Rest = time.sleep
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        """All parts, in the order in which they do not disturb each other."""
        self._until_s = time.monotonic() + self.seconds
        with self._part("readings"):
            self._readings("at rest")
        with self._part("bare idle"):
            self._rests("bare")
        if self.llm is None:
            return
        with self._part("model start"):
            self._start(self.llm)
        with self._part("loaded idle"):
            self._rests("loaded")
        with self._part("readings under load"), _working(self.llm):
            self._readings("under load")
        with self._part("profile"):
            self._profile(self.llm)

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        began_s = time.monotonic()
        try:
            yield
        except (FreeshError, ImportError, RuntimeError, OSError) as error:  # torch's errors are RuntimeErrors
            self.problems.append(f"{name}: {type(error).__name__}: {error}")
        sys.stdout.write(f"{name}: {time.monotonic() - began_s:.1f} s\n")
        sys.stdout.flush()

    def _readings(self, state: str) -> None:
        rows = []
        for row in beside_smi(self.gpu, self.care.readings_s):
            rows.append(row)
            append(self.out / "readings.csv", {"gpu": self.facts.gpu, "state": state, **vars(row)})
        self.problems += [f"{state}: {each}" for each in disagreeing(rows)]

    def _rests(self, state: str) -> None:
        _, stretch = watched(self.gpu, lambda: self.rest(self.care.idle_s))
        append(self.out / "idle.csv", {"gpu": self.facts.gpu, "state": state, **stretch_cells(stretch)})

    def _start(self, llm: Llm) -> None:
        for stage, work in llm.stages():
            _, stretch = watched(self.gpu, work)
            row = {"gpu": self.facts.gpu, "stage": stage, **stretch_cells(stretch)}
            append(self.out / "model_start.csv", {**row, "model": llm.name})

    def _profile(self, llm: Llm) -> None:
        facts = RunFacts(**{**vars(self.facts), "engine": llm.engine, "model": llm.name})
        for cell in cells(self.care):
            if time.monotonic() > self._until_s:
                self.problems.append(f"time is over before {cell}")
                return
            with self._part(f"{cell.work} batch {cell.batch}, {cell.prompt_tokens} tokens"):
                taken = measured(cell, llm, self.gpu, self.care, self.rest)
                now = datetime.now(UTC).isoformat(timespec="seconds")
                append_row(self.out / "raw.csv", MeasuredRow(cell, taken, facts, now))


@contextmanager
def _working(llm: Llm) -> Iterator[None]:
    """Decodes all the while, in a thread."""
    over, errors = threading.Event(), list[RuntimeError]()

    def work() -> None:
        try:
            while not over.is_set():
                llm.decode(8, 512, 32)()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="load")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if errors:
        raise errors[0]
