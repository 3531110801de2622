"""A naive KV memory for the tests of the books: what each slot holds, written as a shard would write it."""

from freesh_plugin.runtime.memory_account import Account, Stay
from freesh_plugin.runtime.paged_memory import PagedMemory
from freesh_plugin.runtime.prefix_cache import Node

Content = tuple[str, tuple[int, ...]]
"""What keys and values depend on: the adapter and all ids up to a position."""


class KvSlots:
    """Slots by number, and checks of the books against them."""

    def __init__(self, memory: PagedMemory) -> None:
        self.memory = memory
        self.held: dict[int, Content] = {}

    def write(self, account: Account, slots: list[int], start: int, end: int) -> None:
        """Write positions of a request; nobody else may read the blocks that are written."""
        size = self.memory.shape.block_size
        cached = {block for _, _, blocks in self.cached() for block in blocks}
        for position in range(start, end):
            assert slots[position] // size == account.blocks[position // size]
            assert slots[position] // size not in cached, "a shared block is written"
            self.held[slots[position]] = (account.namespace, tuple(account.ids[: position + 1]))

    def check_reads(self, account: Account, positions: int) -> None:
        """The first positions of a request hold what it computed, or what another computed in the same way."""
        size = self.memory.shape.block_size
        for position in range(positions):
            slot = account.blocks[position // size] * size + position % size
            assert self.held[slot] == (account.namespace, tuple(account.ids[: position + 1]))

    def cached(self) -> list[tuple[Node, list[int], list[int]]]:
        """Every node of the cache, with the ids up to its end and its own blocks."""
        found = []
        for root in self.memory.cache._roots.values():
            waiting = [(root, list[int]())]
            while waiting:
                node, before = waiting.pop()
                ids = before + node.ids
                found.append((node, ids, node.blocks))
                waiting += [(child, ids) for child in node.children.values()]
        return found

    def longest_prefix(self, account: Account) -> int:
        """Tokens at the front of a request that are cached, in whole blocks, one token at least left out."""
        if not (account.shareable and self.memory.shape.prefix_caching):
            return 0
        size, longest = self.memory.shape.block_size, 0
        for node, ids, _ in self.cached():
            root = node
            while root.parent is not None:
                root = root.parent
            if root.namespace == account.namespace:
                alike = 0
                while alike < min(len(ids), len(account.ids) - 1) and ids[alike] == account.ids[alike]:
                    alike += 1
                longest = max(longest, alike // size * size)
        return longest

    def check_books(self, accounts: dict[int, Account]) -> None:
        """Every block is somebody's, once; what is cached is what it claims to be; readers are counted rightly."""
        memory, nodes = self.memory, self.cached()
        own = [block for account in accounts.values() for block in account.blocks[account.shared :]]
        every = [*memory.pool._free, *(block for _, _, blocks in nodes for block in blocks), *own]
        assert sorted(every) == list(range(1, memory.pool.total + 1))
        assert memory.free_blocks + memory.cached_blocks + memory.held_blocks == memory.pool.total
        assert memory.held_blocks == len(own)
        assert memory.cached_blocks == sum(len(blocks) for _, _, blocks in nodes)
        assert memory.cache.evictable == sum(len(blocks) for node, _, blocks in nodes if node.locks == 0)
        self._check_cached(nodes)
        self._check_locks(nodes, accounts)

    def _check_cached(self, nodes: list[tuple[Node, list[int], list[int]]]) -> None:
        size = self.memory.shape.block_size
        for node, ids, blocks in nodes:
            root = node
            while root.parent is not None:
                root = root.parent
            assert len(node.ids) == size * len(blocks)
            start = len(ids) - len(node.ids)
            for position in range(start, len(ids)):
                slot = blocks[(position - start) // size] * size + position % size
                assert self.held[slot] == (root.namespace, tuple(ids[: position + 1]))

    def _check_locks(self, nodes: list[tuple[Node, list[int], list[int]]], accounts: dict[int, Account]) -> None:
        readers = {id(node): 0 for node, _, _ in nodes}
        for account in accounts.values():
            assert (account.node is None) == (account.stay is Stay.WAITING)
            step = account.node
            while step is not None:
                readers[id(step)] += 1
                step = step.parent
        assert all(readers[id(node)] == node.locks for node, _, _ in nodes)
