"""`python -m profiling.gpu_check -o FOLDER`: the whole check; `--readings`: what we read of each GPU, as JSON."""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freesh_plugin.adapters.gpu.nvml import NvmlDriver
from freesh_plugin.core.errors import ConfigError, FreeshError
from profiling.gpu_check.check import GpuCheck
from profiling.gpu_check.llm import RandomLlama
from profiling.gpu_check.model_cells import Care
from profiling.sweep.run_facts import RunFacts

if TYPE_CHECKING:  # it needs msgspec, which is not on every machine
    from freesh_plugin.ports import GpuDevice


def main() -> int:
    """Run; exit status 0 all agrees, 1 something does not or failed (it is said), 2 it could not begin."""
    options = _options()
    try:
        driver = NvmlDriver()
        uuids = driver.uuids()
        if options.readings:
            gpus = [driver.gpu(uuid) for uuid in uuids]
            sys.stdout.write(json.dumps([_reading(gpu) for gpu in gpus], indent=1) + "\n")
            return 0
        return _check(driver, options.gpu or _only(uuids), options)
    except FreeshError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _check(driver: NvmlDriver, uuid: str, options: argparse.Namespace) -> int:
    gpu = driver.gpu(uuid)
    facts = RunFacts("measured", options.machine, gpu.name, 1, driver.version(), "", "")
    llm = None if options.no_model else RandomLlama()
    check = GpuCheck(gpu, llm, facts, options.output, options.seconds, Care(idle_s=options.idle_s))
    check.run()
    for problem in check.problems:
        sys.stdout.write(f"! {problem}\n")
    sys.stdout.write(f"tables in {options.output}\n")
    return 1 if check.problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m profiling.gpu_check", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("gpu_check"), help="folder of the tables")
    parser.add_argument("--gpu", help="UUID of the GPU; needed where there are several")
    parser.add_argument("--no-model", action="store_true", help="only readings and the GPU at rest")
    parser.add_argument("--seconds", type=float, default=330.0, help="begin nothing after so long")
    parser.add_argument("--idle-s", type=float, default=15.0, help="seconds of the GPU at rest, each time")
    parser.add_argument("--machine", default=platform.node(), help="name of the machine in the tables")
    parser.add_argument("--readings", action="store_true", help="only print what is read of each GPU")
    return parser.parse_args()


def _only(uuids: tuple[str, ...]) -> str:
    if len(uuids) != 1:
        raise ConfigError(f"--gpu: {len(uuids)} GPUs are here, name one: {', '.join(uuids) or 'none'}")
    return uuids[0]


def _reading(gpu: "GpuDevice") -> dict[str, Any]:
    reading, clocks = gpu.read(time.monotonic()), gpu.supported_clocks_mhz()
    return {
        "uuid": gpu.uuid,
        "name": gpu.name,
        "sm_clock_mhz": reading.sm_clock_mhz,
        "lowest_clock_mhz": clocks[0] if clocks else None,
        "highest_clock_mhz": clocks[-1] if clocks else None,
        "power_w": reading.power_w,
        "energy_j": reading.energy_j,
        "reasons": [each.name for each in reading.reasons],
        "mig": reading.mig,
    }


if __name__ == "__main__":
    sys.exit(main())
