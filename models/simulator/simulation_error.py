"""The error of a simulation that contradicts itself or cannot be run as asked."""

from freesh_plugin.core.errors import FreeshError


class SimulationError(FreeshError):
    """What is asked cannot be simulated, or the simulation broke a law of conservation; says what, where and when."""
