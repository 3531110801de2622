"""A decision tried on the books of a paged KV memory, by counting only."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from freesh_plugin.runtime.memory_account import Account, Stay
from freesh_plugin.runtime.prefix_cache import Node

if TYPE_CHECKING:
    from freesh_plugin.runtime.paged_memory import PagedMemory


class PagedTrial:
    """Counts blocks as the books would after a decision; its cost does not depend on how long prompts are.

    Never says that something fits which then does not. It may say no where requests that are added share a part of a
    stretch that nobody has read yet.
    """

    def __init__(self, memory: "PagedMemory") -> None:
        """A trial without changes."""
        self._memory = memory
        self._available = memory.available_blocks
        self._locks: dict[Node, int] = {}
        self._stays: dict[int, Stay] = {}
        self._kept: dict[int, int] = {}

    def add(self, request_id: int) -> bool:
        """Count a waiting or parked request into the batch if it fits."""
        account = self._memory.account(request_id)
        path: list[Node] = []
        if self._stay(request_id, account) is Stay.PARKED:
            missing = self._memory.blocks_of(account) - self._kept_by(request_id, account)
        else:
            missing, path = self._missing(account)
        unread = [node for node in path if not self._locked(node)]
        missing += sum(len(node.blocks) for node in unread)
        if missing > self._available:
            return False
        self._available -= missing
        for node in path:
            self._locks[node] = self._locks.get(node, 0) + 1
        self._stays[request_id] = Stay.RUNNING
        return True

    def park(self, request_id: int) -> None:
        """Take a running request out of the batch."""
        account = self._memory.account(request_id)
        keep = self._memory.kept_blocks(account)
        if not keep:
            self._free(request_id, account, len(account.blocks))
            return
        self._available += len(account.blocks) - keep
        self._kept[request_id] = keep
        self._stays[request_id] = Stay.PARKED

    def drop(self, request_id: int) -> None:
        """Take away what a parked request keeps."""
        account = self._memory.account(request_id)
        if self._stay(request_id, account) is Stay.PARKED:
            self._free(request_id, account, self._kept_by(request_id, account))

    def _missing(self, account: Account) -> tuple[int, list[Node]]:
        """Blocks that a waiting request needs beyond the cached ones, and the nodes that hold those."""
        match = self._memory.match(account)
        node: Node | None = match.node
        found = match.blocks
        if match.inside < len(match.node.blocks):
            # Cut off from the rest of its node only by a claim: until then it is there if the node is read anyway.
            found -= 0 if self._locked(match.node) else match.inside
            node = match.node.parent
        return self._memory.blocks_of(account) - found, list(_upwards(node))

    def _free(self, request_id: int, account: Account, blocks: int) -> None:
        self._available += blocks - account.shared
        for node in _upwards(account.node):
            self._locks[node] = self._locks.get(node, 0) - 1
            if not self._locked(node):
                self._available += len(node.blocks)
        self._stays[request_id] = Stay.WAITING

    def _locked(self, node: Node) -> bool:
        return node.locks + self._locks.get(node, 0) > 0

    def _stay(self, request_id: int, account: Account) -> Stay:
        return self._stays.get(request_id, account.stay)

    def _kept_by(self, request_id: int, account: Account) -> int:
        return self._kept.get(request_id, len(account.blocks))


def _upwards(node: Node | None) -> Iterator[Node]:
    """A node and its ancestors."""
    while node is not None:
        yield node
        node = node.parent
