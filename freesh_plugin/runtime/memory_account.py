"""What the books of memory know of one request."""

from dataclasses import dataclass, field
from enum import Enum

from freesh_plugin.runtime.prefix_cache import Match, Node


class Stay(Enum):
    """Where a request is, as memory sees it."""

    WAITING = 1
    """It holds nothing."""
    RUNNING = 2
    """It holds memory for its whole leg."""
    PARKED = 3
    """It holds what is computed, for its next leg."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Memory of a leg, as the shard is told: blocks, the slot of each position, and positions that are computed."""

    blocks: list[int]
    slots: list[int]
    cache_len: int


@dataclass(slots=True)
class Account:
    """One request.

    Attributes:
        ids: Prompt and answer, the router's own list: it grows while the request runs.
        leg_tokens: Most tokens of its next leg, or of the one under way.
        shareable: Whether its prompt may begin with what is cached, and be cached.
        namespace: Whose keys and values these are: the adapter.
        stay: Where it is.
        blocks: Its blocks by position; the first `shared` of them are the cache's.
        shared: See there.
        node: The cache's node at which the shared blocks end, while it holds any memory.
        computed: Positions that were computed when the leg began, or when it was parked.
        began: Length of `ids` when the leg began.
        match: What of it is cached, found at `epoch` of the cache.
        epoch: See there.
    """

    ids: list[int]
    leg_tokens: int
    shareable: bool = True
    namespace: str = ""
    stay: Stay = Stay.WAITING
    blocks: list[int] = field(default_factory=list)
    shared: int = 0
    node: Node | None = None
    computed: int = 0
    began: int = 0
    match: Match | None = None
    epoch: int = -1

    @property
    def written(self) -> int:
        """Positions that are surely in memory: all but the last token once the leg has brought one."""
        if self.stay is Stay.RUNNING and len(self.ids) > self.began:
            return len(self.ids) - 1
        return self.computed

    @property
    def left_tokens(self) -> int:
        """Most tokens still to come in this leg."""
        return self.leg_tokens - (len(self.ids) - self.began if self.stay is Stay.RUNNING else 0)
