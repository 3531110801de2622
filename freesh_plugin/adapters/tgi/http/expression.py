"""Regular expressions that shards can enforce: one that a shard cannot read costs it a batch."""

import re
import warnings
from collections.abc import Iterable
from re import _constants as ops  # the parser behind `re`, which has no public name
from re import _parser as parser
from typing import Any

from freesh_plugin.core.errors import FreeshError

MAX_CHARACTERS = 100_000
"""Greatest length of an expression."""

MAX_POSITIONS = 20_000
"""Greatest length of an expression with its repetitions written out."""

_UNSUPPORTED = {
    ops.AT: "an anchor within",
    ops.GROUPREF: "a reference to a group",
    ops.GROUPREF_EXISTS: "a condition on a group",
    ops.ATOMIC_GROUP: "an atomic group",
    ops.POSSESSIVE_REPEAT: "a possessive repetition",
}
# What shards read otherwise than Python, or not at all; an escaped backslash and, for braces, sets are passed over.
_ESCAPES = re.compile(r"\\\\|(\\[uUN]|\\[^\x00-\x7f]|\(\?#|\(\?[aiLmsux-]*x)")
_BRACES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\{(?!(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\}))", re.DOTALL)


class ExpressionError(FreeshError):
    """An expression that is none, or that shards cannot enforce."""


def checked_expression(expression: str) -> str:
    """The expression as shards take it: an answer matches it from beginning to end, so anchors there are left out.

    Raises:
        ExpressionError: it is not an expression, holds what shards cannot enforce, or is too large.
    """
    if len(expression) > MAX_CHARACTERS:
        raise ExpressionError(f"it has {len(expression)} characters, limit {MAX_CHARACTERS}")
    expression = _without_anchors(expression)
    try:
        with warnings.catch_warnings(action="ignore"):
            parsed = parser.parse(expression)
            positions = _positions(parsed)
    except (re.error, OverflowError, RecursionError) as error:
        raise ExpressionError(str(error) or "nested too deeply") from error
    for unread in (_ESCAPES, _BRACES):
        for found in unread.finditer(expression):
            if found.group(1):
                raise ExpressionError(f"{found.group(1)!r} is not supported here")
    if positions > MAX_POSITIONS:
        raise ExpressionError(f"it is {positions} characters long with its repetitions, limit {MAX_POSITIONS}")
    return expression


def _without_anchors(expression: str) -> str:
    if "|" in expression:  # `^a|b$` anchors each half on one side only
        return expression
    expression = expression.removeprefix("^")
    escaped = len(expression[:-1]) - len(expression[:-1].rstrip("\\"))
    return expression.removesuffix("$") if escaped % 2 == 0 else expression


def _positions(parsed: Iterable[tuple[Any, Any]]) -> int:
    """Length with repetitions written out."""
    return sum(_positions_of(op, argument) for op, argument in parsed)


def _positions_of(op: Any, argument: Any) -> int:  # noqa: ANN401  # the parser's tree has no types
    if op in _UNSUPPORTED:
        raise ExpressionError(f"{_UNSUPPORTED[op]} is not supported")
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        least, most, part = argument
        times = int(least if most == ops.MAXREPEAT else most)
        return max(1, times) * _positions(part)
    if op == ops.BRANCH:
        return sum(_positions(part) for part in argument[1])
    if op == ops.SUBPATTERN:
        return _positions(argument[3])
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        if argument[0] < 0:
            raise ExpressionError("a look at what came before is not supported")
        return _positions(argument[1])
    return 1
