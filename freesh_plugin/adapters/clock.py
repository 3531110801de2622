"""The machine's own clock."""

import time


class SystemClock:
    """Implements `Clock` with the operating system's time."""

    def utc_s(self) -> float:
        """Seconds UTC since 1970; may jump when the machine's time is set."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()
