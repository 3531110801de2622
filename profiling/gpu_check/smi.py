"""What nvidia-smi says of the GPUs: the other witness."""

import shutil
import subprocess

from freesh_plugin.core.errors import ConfigError

_TIMEOUT_S = 60.0


def smi(query: str) -> list[list[str]]:
    """Cells of `--query-gpu`, a row a GPU.

    Raises:
        ConfigError: there is no nvidia-smi, or it fails.
    """
    return _rows(f"--query-gpu={query}")


def smi_clocks_mhz() -> set[int]:
    """Graphics clocks that it lists as supported, of all GPUs."""
    return {int(cell) for row in _rows("--query-supported-clocks=gr") for cell in row if cell.isdigit()}


def _rows(query: str) -> list[list[str]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        raise ConfigError("nvidia-smi is not here")
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"nvidia-smi fails: {error}") from error
    return [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
