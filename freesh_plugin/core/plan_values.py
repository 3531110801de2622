"""Kinds of values that the plan's fields hold, each with what it refuses."""

from typing import Annotated

import msgspec

MAX_WHOLE = 2**53 - 1
"""Greatest whole number: beyond it JSON readers of other languages lose digits."""

NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_WHOLE)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Tokens = Annotated[int, msgspec.Meta(ge=1, le=MAX_WHOLE)]
