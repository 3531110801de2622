"""Many hours under many policies, on all cores, each run kept as soon as it is done."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from models.allocation import SolveWorker
from models.commands.planning import planning
from models.commands.progress import Progress
from models.commands.simulated_hours import run_one
from models.evaluate.bounded import bounded
from models.evaluate.cell import Cell, cell_of
from models.evaluate.described import described
from models.evaluate.hour_data import hour_data
from models.evaluate.hours import Hour
from models.evaluate.outlook import Forecasts
from models.evaluate.policies import POLICIES, STEPS
from models.evaluate.run_files import KeptHour, KeptRun, RunFiles
from models.evaluate.tradeoff import tradeoff_of
from models.evaluate.tuned import read_tuned
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand

GAP, LIMIT_S = 0.02, 120.0
"""Of each plan: relative gap at which a solve stops, and seconds at most."""

_ALL = {**POLICIES, **STEPS}

_LOOK_S = 5.0
"""So often it is looked how many runs are done."""


@dataclass(frozen=True)
class Wanted:
    """A run that is wanted: name of the policy, and the power model."""

    policy: str
    power_model: str


@dataclass(frozen=True)
class HourJob:
    """The runs of one hour, which share its plans.

    Attributes:
        hour: Which.
        wanted: Its runs.
        data_folder: Of the public data sets; None = only synthetic hours can be run.
        files: Where runs are kept.
    """

    hour: Hour
    wanted: tuple[Wanted, ...]
    data_folder: Path | None
    files: RunFiles

    @property
    def left(self) -> list[Wanted]:
        """Runs that are not kept yet."""
        return [each for each in self.wanted if self.kept(each) is None]

    @property
    def kept_hour(self) -> KeptHour | None:
        """What the hour consists of, and its bound, if that is done."""
        return self.files.kept_hour(self.hour.name)

    def kept(self, wanted: Wanted) -> KeptRun | None:
        """A run, if it is done."""
        return self.files.kept(self.hour.name, wanted.policy, wanted.power_model)


def run_jobs(jobs: Sequence[HourJob], workers: int, told: Progress | None = None) -> None:
    """Do what is left of all jobs.

    Raises:
        FreeshError: an hour cannot be run; what was done before is kept.
    """
    left = [each for each in jobs if each.left or each.kept_hour is None]
    total = sum(len(each.wanted) for each in jobs)
    if workers < 2 or len(left) < 2:
        for job in left:
            run_job(job, lambda: _tell(jobs, total, told))
        return
    # Hours run side by side: threads of numerical libraries would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Spawned, not forked: the parent may have threads (a progress bar).
    with ProcessPoolExecutor(min(workers, len(left)), mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            _wait({pool.submit(run_job, job) for job in left}, lambda: _tell(jobs, total, told))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _wait(pending: set[Future[None]], look: Callable[[], None]) -> None:
    """Until all are done, or one has failed."""
    while pending:
        done, pending = wait(pending, _LOOK_S, FIRST_EXCEPTION)
        look()
        for each in done:
            each.result()


def run_job(job: HourJob, done: Callable[[], None] | None = None) -> None:
    """Do what is left of one job."""
    data = hour_data(job.hour, job.data_folder)
    with SolveWorker() as worker:
        cell = cell_of(data, Forecasts(forecast_carbon, forecast_demand), planning(worker, GAP, LIMIT_S), read_tuned())
        if job.kept_hour is None:
            kept = KeptHour(job.files.made_from, described(cell), tradeoff_of(cell.site), bounded(cell))
            job.files.keep_hour(kept)
        for wanted in job.left:
            run = run_one(_drawing(cell, wanted.power_model), _ALL[wanted.policy])
            job.files.keep(KeptRun(job.files.made_from, wanted.power_model, run.scores, run.classes, run.series))
            if done is not None:
                done()


def _drawing(cell: Cell, power_model: str) -> Cell:
    return cell if cell.site.power_model == power_model else cell.drawing(power_model)


def _tell(jobs: Sequence[HourJob], total: int, told: Progress | None) -> None:
    if told is not None:
        told("runs", total - sum(len(each.left) for each in jobs), total)
