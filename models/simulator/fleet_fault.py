"""Instances that are lost: what was under way in them is sent again, once."""

from dataclasses import dataclass

LOST = "lost"
"""Code of a request that was lost a second time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """At `at_s` the first instance that serves at a location is lost; its GPUs stay, and it is started anew."""

    at_s: float
    location: str
