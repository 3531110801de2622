"""Owners and helpers that are ended at random moments: how long clocks stay locked, and what is left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fakes.nvml.controller import FakeDriver

ROOT = Path(__file__).parents[3]
_GIVE_UP_S = 30.0


@dataclass(frozen=True)
class Crash:
    """What came of one.

    Attributes:
        locked: Whether a clock was locked at that moment.
        free_s: Seconds from it until every clock was free, for good.
        left: What was left behind: leases, processes.
    """

    locked: bool
    free_s: float
    left: tuple[str, ...]

    @property
    def freed(self) -> bool:
        """Whether all clocks were free before the watch ended."""
        return self.free_s < _GIVE_UP_S


@dataclass
class Scene:
    """One owner on its own fake driver."""

    driver: FakeDriver
    run_dir: Path
    owner: "subprocess.Popen[bytes]"
    dice: random.Random
    started: "subprocess.Popen[bytes] | None" = None

    def owner_gets(self, number: signal.Signals) -> float:
        """Send the owner a signal; returns when."""
        self.owner.send_signal(number)
        return time.monotonic()

    def helper_gets(self, number: signal.Signals) -> float:
        """Send the helper a signal, if there is one yet; returns when."""
        for process in processes_of(self.run_dir, "gpu_helper"):
            process.send_signal(number)
        return time.monotonic()

    def await_helper(self) -> None:
        """Until there is one."""
        _until(lambda: bool(processes_of(self.run_dir, "gpu_helper")))

    def hang_call(self, name: str) -> None:
        """The next call of a function never returns, with its effect or without; those after it do."""
        self.driver.fail(name, times=1, hang_s=3600, after=self.dice.random() < 0.5)


def kill_owner(scene: Scene) -> float:
    """SIGKILL."""
    return scene.owner_gets(signal.SIGKILL)


def terminate_owner(scene: Scene) -> float:
    """SIGTERM."""
    return scene.owner_gets(signal.SIGTERM)


def interrupt_owner(scene: Scene) -> float:
    """SIGINT."""
    return scene.owner_gets(signal.SIGINT)


def hang(scene: Scene) -> float:
    """A call that sets a clock hangs for ever; the owner lives on, and is told."""
    scene.hang_call("nvmlDeviceSetGpuLockedClocks")
    _until(lambda: scene.driver.state.faults[0].remaining == 0)
    return time.monotonic()


def hang_and_kill_owner(scene: Scene) -> float:
    """The same, and the owner is killed meanwhile."""
    hang(scene)
    time.sleep(scene.dice.uniform(0, 1))
    return scene.owner_gets(signal.SIGKILL)


def kill_owner_and_hang(scene: Scene) -> float:
    """The owner is killed, and the call that would free its clock hangs for ever."""
    scene.hang_call("nvmlDeviceResetGpuLockedClocks")
    return scene.owner_gets(signal.SIGKILL)


def kill_helper(scene: Scene) -> float:
    """SIGKILL to the helper; the owner lives on, and asks for nothing more once it has been told."""
    scene.await_helper()
    return scene.helper_gets(signal.SIGKILL)


def terminate_helper(scene: Scene) -> float:
    """SIGTERM to the helper."""
    scene.await_helper()
    return scene.helper_gets(signal.SIGTERM)


def kill_both(scene: Scene) -> float:
    """SIGKILL to both at once; seconds count from the next start of anything that frees what is left."""
    scene.owner_gets(signal.SIGSTOP)  # it must not start another helper
    scene.helper_gets(signal.SIGKILL)
    scene.owner_gets(signal.SIGKILL)
    scene.owner.wait()
    _until(lambda: not processes_of(scene.run_dir))
    started_s = time.monotonic()
    command = [sys.executable, "-m", "freesh_plugin.services.gpu_free", str(scene.run_dir)]
    scene.started = subprocess.Popen(command, env=_environment(scene.driver), cwd=ROOT, stderr=subprocess.DEVNULL)
    return started_s


CRASHES: tuple[Callable[[Scene], float], ...] = (
    kill_owner, terminate_owner, interrupt_owner, hang, hang_and_kill_owner, kill_owner_and_hang, kill_helper,
    terminate_helper, kill_both,
)  # fmt: skip


def crash(library: Path, folder: Path, how: Callable[[Scene], float], seed: int) -> Crash:
    """Start an owner that changes the clocks of two GPUs all the time, crash it at a random moment, and look on."""
    dice = random.Random(seed)
    driver = FakeDriver(folder / "driver")
    driver.state.setter_s = 0.003
    driver.use(1.0, 0)
    run_dir = folder / "run"
    os.environ["LD_LIBRARY_PATH"] = str(library.parent)
    with (folder / "log").open("wb") as log:
        owner = subprocess.Popen(
            # What a shell starts in the background ignores SIGINT, and hands that down.
            [
                "env",
                "--default-signal=INT",
                sys.executable,
                "-m",
                "tests.fakes.nvml.owner",
                str(run_dir),
                *driver.uuids,
            ],
            cwd=ROOT,
            env=_environment(driver),
            stdout=log,
            stderr=log,
        )
    scene = Scene(driver, run_dir, owner, dice)
    try:
        _wait_for_a_random_moment(scene)
        locked = any(driver.locks())
        free_s = _freed(scene, how(scene))
        return Crash(locked, free_s, _left(scene))
    finally:
        for child in (owner, *((scene.started,) if scene.started else ())):
            child.kill()
            child.wait()
        for process in processes_of(run_dir):
            process.kill()
        driver.close()


def processes_of(run_dir: Path, word: str = "") -> list[psutil.Process]:
    """Living processes that work on a run folder, with a word in their command."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if str(run_dir) in command and any(word in each for each in command):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _wait_for_a_random_moment(scene: Scene) -> None:
    """Half of them while it starts, half while clocks change."""
    if scene.dice.random() < 0.5:
        time.sleep(scene.dice.uniform(0, 0.8))
        return
    _until(lambda: any(scene.driver.locks()))
    time.sleep(scene.dice.uniform(0, 0.2))


def _freed(scene: Scene, began_s: float) -> float:
    """Look until owner and helpers are done; returns the seconds after which no lock was seen any more."""
    locked_s = began_s
    end_s = began_s + _GIVE_UP_S
    while time.monotonic() < end_s:
        if any(scene.driver.locks()):
            locked_s = time.monotonic()
            time.sleep(0.002)
        elif _settled(scene):
            return locked_s - began_s
        else:
            time.sleep(0.02)
    return time.monotonic() - began_s


def _settled(scene: Scene) -> bool:
    """Whether nothing will happen any more: all are gone, or the owner waits beside a helper that holds nothing."""
    if scene.owner.poll() is None:
        return _told(scene) and not list(scene.run_dir.glob("*.json"))
    if scene.started is not None:
        scene.started.poll()
    return not processes_of(scene.run_dir)


def _told(scene: Scene) -> bool:
    return b"GPU " in (scene.run_dir.parent / "log").read_bytes()


def _left(scene: Scene) -> tuple[str, ...]:
    if scene.owner.poll() is None:
        scene.owner.kill()
    scene.owner.wait()
    _until(lambda: not processes_of(scene.run_dir), quietly=True)
    leases = [path.name for path in scene.run_dir.glob("*.json")]
    processes = [" ".join(process.cmdline()) for process in processes_of(scene.run_dir)]
    locks = [f"locked {uuid}" for uuid, lock in zip(scene.driver.uuids, scene.driver.locks(), strict=True) if lock]
    return (*leases, *processes, *locks)


def _until(is_so: Callable[[], bool], quietly: bool = False) -> None:
    end_s = time.monotonic() + _GIVE_UP_S
    while not is_so():
        if time.monotonic() > end_s:
            assert quietly, "it never came to that"
            return
        time.sleep(0.01)


def _environment(driver: FakeDriver) -> dict[str, str]:
    return {**os.environ, "FAKE_NVML_STATE": str(driver.path), "PYTHONPATH": str(ROOT)}
