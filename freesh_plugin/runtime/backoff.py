"""When what failed is tried again: after a pause that doubles with each failure in a row."""

_MOST_DOUBLINGS = 4


class Backoff:
    """Pauses of `first_s`, twice that, and so on up to sixteen times that; a success starts anew."""

    def __init__(self, first_s: float = 5.0) -> None:
        """Nothing has failed yet."""
        self._first_s = first_s
        self._failures = 0
        self._due_s = float("-inf")

    def failed(self, now_s: float) -> None:
        """It was tried, and failed."""
        self._due_s = now_s + self._first_s * 2 ** min(self._failures, _MOST_DOUBLINGS)
        self._failures += 1

    def succeeded(self) -> None:
        """It was tried, and did not fail."""
        self._failures = 0
        self._due_s = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Whether it may be tried at `now_s`."""
        return now_s >= self._due_s
