"""A clock that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass
class FakeClock:
    """Implements `Clock`; both times move together unless set apart."""

    now_s: float

    def utc_s(self) -> float:
        """Seconds UTC."""
        return self.now_s

    def monotonic_s(self) -> float:
        """The same seconds."""
        return self.now_s
