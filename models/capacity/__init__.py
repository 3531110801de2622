"""Capacity and power of an instance from token-level profiles: what one serves under a class's service level."""

from models.capacity.derive import Derived, derive
from models.capacity.service import Bind, Bounds, Served, serve

__all__ = ["Bind", "Bounds", "Derived", "Served", "derive", "serve"]
