"""What the scheduler asks of memory: whether requests fit together, and what it costs to start one."""

from typing import Protocol


class MemoryTrial(Protocol):
    """A copy of the books, to try one decision on; nothing real changes."""

    def add(self, request_id: int) -> bool:
        """Count a waiting or parked request into the batch if it fits; a parked one goes on with what it keeps."""
        ...

    def park(self, request_id: int) -> None:
        """Take a running request out of the batch; it keeps its state where the engine can keep it."""
        ...

    def drop(self, request_id: int) -> None:
        """Take away what a parked request keeps (also one parked in this trial)."""
        ...


class Memory(Protocol):
    """The books of the engine's memory, as the scheduler reads them; the router's loop writes them."""

    def trial(self) -> MemoryTrial:
        """A copy to try on."""
        ...

    def prefill_tokens(self, request_id: int) -> int:
        """Tokens to compute before the request's next token: 1 if its state is kept, fewer with a cached prefix."""
        ...

    def resume_tokens(self, request_id: int) -> int:
        """Tokens to compute before a running request's next token, were it parked now: 1 where its state is kept."""
        ...

    def keeps(self, request_id: int) -> bool:
        """Whether a parked request still keeps its state (so that `drop` would free something)."""
        ...
