"""Blocks of KV memory that nobody holds."""

from collections.abc import Iterable


class BlockPool:
    """Free blocks by number. Block 0 is never given away: shards prove on it that they are alive."""

    def __init__(self, blocks: int) -> None:
        """All but block 0 of `blocks` are free."""
        self._blocks = blocks
        self._free = list(range(blocks - 1, 0, -1))

    @property
    def total(self) -> int:
        """Blocks that requests can have, free or not."""
        return max(self._blocks - 1, 0)

    def __len__(self) -> int:
        """Blocks that are free."""
        return len(self._free)

    def take(self, count: int) -> list[int]:
        """Take `count` free blocks; there must be so many."""
        assert 0 <= count <= len(self._free)
        cut = len(self._free) - count
        taken = self._free[cut:]
        del self._free[cut:]
        taken.reverse()
        return taken

    def give(self, blocks: Iterable[int]) -> None:
        """Take back blocks that nobody holds any longer."""
        self._free.extend(blocks)
