"""Memory that never runs out, for models of queues: whatever is asked fits, and parked requests keep their state."""


class UnlimitedMemory:
    """A `Memory` and its own trial: starting or resuming any request costs the prefill of one token."""

    def trial(self) -> "UnlimitedMemory":
        """Itself: there is nothing to count."""
        return self

    def prefill_tokens(self, request_id: int) -> int:
        """One token."""
        return 1

    def resume_tokens(self, request_id: int) -> int:
        """One token."""
        return 1

    def keeps(self, request_id: int) -> bool:
        """Nothing is kept that could be dropped."""
        return False

    def add(self, request_id: int) -> bool:
        """It fits."""
        return True

    def park(self, request_id: int) -> None:
        """Nothing to count."""

    def drop(self, request_id: int) -> None:
        """Nothing to count."""
