"""What makes the simulated shard fail a call."""

from freesh_plugin.core.errors import FreeshError


class Refusal(FreeshError):
    """A call that a shard cannot carry out, or that would have spoilt its memory; the reason names the request."""
