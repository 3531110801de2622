"""Text from elsewhere made fit for one line of a log, a header-less answer or a terminal."""

_LIMIT_CHARACTERS = 500


def one_line(text: str, limit: int = _LIMIT_CHARACTERS) -> str:
    """The text with control characters escaped and its end cut off beyond `limit` characters.

    A plan's names and faults come over the network: raw escape sequences could forge log lines or drive a terminal.
    """
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
