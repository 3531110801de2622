"""What data sheets say of GPUs; the rest, marked as assumed, is what no sheet says."""

from dataclasses import dataclass

from freesh_plugin.core.errors import ProfileError


@dataclass(frozen=True)
class GpuSheet:
    """One GPU.

    Attributes:
        name: As scenarios call it.
        family: Whose fitted constants are its own; None = of no GPU in the public data.
        flops: Dense operations a second in 16 bits on tensor cores.
        memory_bytes_per_s: Bandwidth of its memory.
        memory_bytes: Its size.
        board_w: Board power.
        top_clock_mhz: Highest SM clock.
        idle_w: Assumed: a model is loaded, nothing runs.
        source: Of the sheet.
    """

    name: str
    family: str | None
    flops: float
    memory_bytes_per_s: float
    memory_bytes: float
    board_w: float
    top_clock_mhz: float
    idle_w: float
    source: str


SHEETS = {
    each.name: each
    for each in (
        GpuSheet("A100-40GB", "A100", 312e12, 1.555e12, 40e9, 400, 1410, 55, "NVIDIA A100 data sheet, SXM4 40 GB"),
        GpuSheet("A100", "A100", 312e12, 2.039e12, 80e9, 400, 1410, 55, "NVIDIA A100 data sheet, SXM4 80 GB"),
        GpuSheet("H100", "H100", 989e12, 3.35e12, 80e9, 700, 1980, 70, "NVIDIA H100 data sheet, SXM5"),
        GpuSheet("H200", None, 989e12, 4.8e12, 141e9, 700, 1980, 70, "NVIDIA H200 data sheet, SXM5"),
        GpuSheet("L40S", None, 362e12, 0.864e12, 48e9, 350, 2520, 35, "NVIDIA L40S data sheet"),
    )
}
"""By name. A100-40GB is the A100 of some of the public data; no profile is made for it."""

EXTRAPOLATED_FROM = {"H200": "H100", "L40S": "A100"}
"""Whose fitted constants stand in for those of a GPU of which no figure is public here."""


def sheet(name: str) -> GpuSheet:
    """A GPU by its name.

    Raises:
        ProfileError: it is not known.
    """
    try:
        return SHEETS[name]
    except KeyError:
        raise ProfileError(f"GPU {name!r} is not known; known are {', '.join(SHEETS)}") from None
