"""The wording of a plan's holds: one sentence each, of bearable length."""

_LONGEST = 600
"""Longest reason of a hold, characters."""


def sentence(text: str) -> str:
    """A hold's reason ends like a sentence, and stays one even when a provider's fault was a page long."""
    text = text.strip().rstrip(".;:")
    return text[:_LONGEST].rstrip() + "." if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " ..."
