"""Markup that is safe by construction: text is escaped, unless it is markup already."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Markup(str):
    """Text that is HTML or SVG as it stands."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child]"
"""Markup, text to be escaped, or several of them."""

_VOID = frozenset({"br", "meta", "hr", "circle", "line", "path", "rect", "polyline", "polygon"})
"""Elements without content; SVG's are closed at once."""


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. `class_` stands for class, `_` for `-`; an attribute of None is left out, numbers have 2 decimals."""
    named = "".join(f' {_name(each)}="{_attribute(value)}"' for each, value in attributes.items() if value is not None)
    if name in _VOID and not children:
        return Markup(f"<{name}{named}/>")
    return Markup(f"<{name}{named}>{joined(children)}</{name}>")


def joined(children: Iterable[Child], between: str = "") -> Markup:
    """Children one after another."""
    return Markup(between.join(_safe(each) for each in children))


def _safe(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    return escape(child, quote=False) if isinstance(child, str) else joined(child)


def _name(attribute: str) -> str:
    return attribute.rstrip("_").replace("_", "-")


def _attribute(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape(str(value), quote=False).replace('"', "&quot;")
