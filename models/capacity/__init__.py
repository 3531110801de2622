"""Capacity and power of an instance from token-level profiles: what one serves under a class's service level."""

from models.capacity.derive import Derived, derive
from models.capacity.lengths import by_class
from models.capacity.missing import Tokens, bounds_of, derive_missing
from models.capacity.service import Bind, Bounds, Served, serve
from models.capacity.work import ClassWork

__all__ = [
    "Bind",
    "Bounds",
    "ClassWork",
    "Derived",
    "Served",
    "Tokens",
    "bounds_of",
    "by_class",
    "derive",
    "derive_missing",
    "serve",
]
