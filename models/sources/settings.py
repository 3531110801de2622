"""Values of a source's settings: read, checked, and named when they cannot be used."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from freesh_plugin.core.errors import ConfigError
from models.domain.scenario import CarbonSignal
from models.sources.scenario.spot import nearest
from models.sources.web import WebRequest, check_url, refuse_plain_token

Settings = Mapping[str, Any]

LONGEST_S = 30 * 86_400
"""Longest lag or age that a setting can state, seconds."""


def path(settings: Settings) -> Path:
    """The path of a file.

    Raises:
        ConfigError: it is none.
    """
    given = settings["path"]
    if not isinstance(given, str) or not given:
        raise ConfigError(f"path: {given!r} is not the path of a file")
    return Path(given)


def url(settings: Settings, default: str = "") -> str:
    """Where a server is, without a slash at the end.

    Raises:
        ConfigError: no http or https URL.
    """
    return check_url(text(settings, "url", default), "url")


def text(settings: Settings, name: str, default: str | None = None) -> str:
    """A text.

    Raises:
        ConfigError: it is none, or empty.
    """
    given = settings.get(name, default)
    if not isinstance(given, str) or not given.strip():
        raise ConfigError(f"{name}: {given!r} is not a text")
    return given


def token(settings: Settings, where: str) -> str | None:
    """The token for the server at the URL `where`, None without one; never shown.

    Raises:
        ConfigError: no text, or one that cannot travel in a header, or would travel unencrypted to another machine.
    """
    given = settings.get("token")
    if given is None:
        return None
    if not isinstance(given, str):
        raise ConfigError("token: not a text")
    refuse_plain_token(where, given, allow_plain_http=settings.get("allow_plain_http") is True)
    WebRequest("GET", where, token=given)
    return given


def required_token(settings: Settings, where: str) -> str:
    """The token for the server at the URL `where`.

    Raises:
        ConfigError: as `token`, or it is missing.
    """
    given = token(settings, where)
    if given is None:
        raise ConfigError("token: missing")
    return given


def number(settings: Settings, name: str, default: float | None, low: float, high: float) -> float:
    """A number within [low, high].

    Raises:
        ConfigError: it is none.
    """
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name}: {value!r} is not a number within {low:g} and {high:g}")
    return value


def whole(settings: Settings, name: str, default: int, low: int, high: int) -> int:
    """A whole number within [low, high].

    Raises:
        ConfigError: it is none.
    """
    value = number(settings, name, default, low, high)
    if value != int(value):
        raise ConfigError(f"{name}: {value!r} is not a whole number")
    return int(value)


def seconds(settings: Settings, name: str) -> timedelta:
    """A time from 0 to 30 days, stated in seconds.

    Raises:
        ConfigError: it is none.
    """
    return timedelta(seconds=number(settings, name, None, 0, LONGEST_S))


def one_of(settings: Settings, name: str, default: str, known: tuple[str, ...]) -> str:
    """One of the known words.

    Raises:
        ConfigError: it is none of them.
    """
    given = text(settings, name, default)
    if given not in known:
        raise ConfigError(f"{name}: {given!r} is not known{nearest(given, known)}")
    return given


def names(settings: Settings, name: str) -> dict[str, str]:
    """Texts by name, empty when nothing is stated.

    Raises:
        ConfigError: no object of texts.
    """
    given = settings.get(name, {})
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise ConfigError(f"{name}: {given!r} is not an object of texts")
    return dict(given)


def stated_signal(settings: Settings) -> CarbonSignal | None:
    """What a file's carbon numbers are, by `signal` and `scope`; None when nothing is stated.

    Raises:
        ConfigError: a word that is not known, or a scope without a signal.
    """
    if "signal" not in settings:
        if "scope" in settings:
            raise ConfigError("scope: stated without 'signal', which is average or marginal")
        return None
    kind = one_of(settings, "signal", "", ("average", "marginal"))
    return CarbonSignal(kind, one_of(settings, "scope", "unstated", ("direct", "lifecycle", "unstated")))
