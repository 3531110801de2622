"""A process that owns clocks: it keeps changing them until a call fails, then waits to be ended."""

import itertools
import signal
import sys
import time
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_client import HelperClient, child_helper
from freesh_plugin.core.gpu import GpuError


def main(run_dir: Path, uuids: tuple[str, ...]) -> None:
    """Change the clocks of all every few milliseconds."""
    clocks = HelperClient(child_helper(run_dir))
    try:
        for sm_clock_mhz in itertools.cycle((1110, 1605, 1005, 1980)):
            clocks.limit_sm_clock_mhz(uuids, sm_clock_mhz)
            time.sleep(0.005)
    except GpuError as error:
        sys.stderr.write(f"{error}\n")
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
