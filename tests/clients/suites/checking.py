"""Runs the checks of one client against a router and prints what was checked; imports the standard library only."""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WRONG_KEY = "not-the-key"

# Checks that look at words ask greedily or with a seed: an answer that ends within a character is empty, as TGI's is.
QUESTION = "What is deep learning?"
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]

# Every answer that these allow is short, so that a model of random weights ends it, too.
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "set_unit",
            "description": "Choose the unit of temperatures",
            "parameters": {
                "type": "object",
                "properties": {"unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
                "required": ["unit"],
            },
        },
    }
]
SCHEMA = {"type": "object", "properties": {"sunny": {"type": "boolean"}}, "required": ["sunny"]}
REGEX = "[abc]{3}"
GRAMMAR_TOKENS = 100
"""More than any of these answers has, at one token a character."""
HELD_TOKENS = 800
"""Length of answers that fill the house; no more than a tiny model takes."""


@dataclass(frozen=True)
class Target:
    """The router under test.

    Attributes:
        url: Where it serves, without a slash at the end.
        key: Its API key, or empty.
        places: How many requests it lets in at once; 0 = too many to be tried.
    """

    url: str
    key: str
    places: int

    @property
    def headers(self) -> dict[str, str]:
        """Headers that carry the key."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


Check = Callable[[Target], None]


def check_that(is_so: object, what: str = "") -> None:
    """Fail unless it is so; `assert`, but for programs that may run optimised."""
    if not is_so:
        raise AssertionError(what or "it is not so")


def equal(found: object, expected: object) -> None:
    """Fail unless both are equal."""
    check_that(found == expected, f"{found!r} is not {expected!r}")


@contextmanager
def raising(*kinds: type[BaseException], saying: str = "") -> Iterator[list[BaseException]]:
    """Fail unless the block raises one of these, with these words in it; the list then holds it."""
    caught: list[BaseException] = []
    try:
        yield caught
    except kinds as error:
        caught.append(error)
        told = f"{error} {getattr(error, 'body', '')}"  # openai keeps the router's sentence in the body
        check_that(saying in told, f"{error!r} does not say {saying!r}: {told}")
    check_that(caught, f"raised none of {[kind.__name__ for kind in kinds]}")


def until_refused(attempts: Iterator[bool]) -> None:
    """Go on until an attempt tells that it was refused."""
    check_that(any(refused for refused, _ in zip(attempts, range(200), strict=False)), "nothing was refused")


def run(checks: list[Check]) -> None:
    """Run the checks that apply to the router named on the command line; exits with 1 if any fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", default="")
    parser.add_argument("--places", type=int, default=0)
    given = parser.parse_args()
    target = Target(given.url.rstrip("/"), given.key, given.places)
    outcomes = [_outcome(check, target) for check in checks]
    sys.stdout.write(json.dumps(outcomes, indent=1) + "\n")
    sys.exit(0 if all(outcome["ok"] for outcome in outcomes) else 1)


def _outcome(check: Check, target: Target) -> dict[str, object]:
    name = check.__name__
    if (name.startswith("keyed_") and not target.key) or (name.startswith("full_") and not target.places):
        return {"check": name, "ok": True, "skipped": True}
    try:
        check(target)
    except Exception:  # noqa: BLE001  # whatever it is, it is told, and the next check is run
        return {"check": name, "ok": False, "error": traceback.format_exc()}
    return {"check": name, "ok": True}
