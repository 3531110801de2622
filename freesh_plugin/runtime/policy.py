"""The orders in which requests can be served, by name."""

from enum import StrEnum


class Policy(StrEnum):
    """How the scheduler orders requests."""

    LLF = "llf"
    """Least laxity first, its form following the load."""
    EDF = "edf"
    """Earliest deadline first."""
    SRTF = "srtf"
    """Shortest (expected) remaining time first."""
    FCFS = "fcfs"
    """First come, first served: nobody is preempted."""
