"""The process that gives one GPU's clock back to the driver, or says why not."""

import os
import sys

from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.gpu import GpuError
from freesh_plugin.services.gpu_resets import FREE, NO_DRIVER, NOT_FREE


def main(uuid: str) -> int:
    """Free the clock of one GPU; returns the exit status."""
    try:
        NvmlClocks().free(uuid)
    except GpuError as error:
        sys.stdout.write(f"{error.failure}: {error.reason}")
        return NOT_FREE
    except FreeshError as error:
        sys.stdout.write(str(error))
        return NO_DRIVER
    return FREE


if __name__ == "__main__":
    status = main(sys.argv[1])
    sys.stdout.flush()
    os._exit(status)  # a thread that hangs in the driver must not keep the process
