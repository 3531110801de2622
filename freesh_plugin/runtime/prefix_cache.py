"""Blocks of KV memory kept for prompts that begin alike: a radix tree over token ids; the least recently used go."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any


@dataclass(slots=True, eq=False)
class Node:
    """A stretch of ids with the blocks that hold their keys and values; those before it are its ancestors'.

    Attributes:
        ids: The stretch, a whole number of blocks.
        blocks: One for each `block_size` ids.
        parent: What comes before; None for a root.
        end: Blocks from the beginning of the prompt to the end of this node.
        children: What may follow, by the ids of its first block.
        locks: Requests that read this node; whoever locks a node locks its ancestors too.
        used: When it was last read or written, as a count.
        queued: Whether it is in the queue of leaves to evict.
        namespace: Of a root: whose ids these are; the same ids under another adapter have other keys and values.
    """

    ids: list[int]
    blocks: list[int]
    parent: "Node | None"
    end: int
    used: int
    children: dict[Any, "Node"] = field(default_factory=dict)
    locks: int = 0
    queued: bool = False
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """The longest known beginning of some ids.

    Attributes:
        node: The node that holds its last block, or the root.
        blocks: Its length.
    """

    node: Node
    blocks: int

    @property
    def inside(self) -> int:
        """How many of the node's blocks belong to it: the first so many."""
        return self.blocks - (self.node.end - len(self.node.blocks))

    @property
    def holds(self) -> bool:
        """Whether all of it is still cached; a node that was evicted has no blocks left."""
        return 0 < self.inside <= len(self.node.blocks)


class PrefixCache:
    """What is cached. Blocks that nobody reads are evicted when memory is wanted."""

    def __init__(self, block_size: int) -> None:
        """`block_size` in tokens."""
        self._block_size = block_size
        self._roots: dict[str, Node] = {}
        self._queue: list[tuple[int, int, Node]] = []
        self._order = 0
        self._count = 0
        self.epoch = 0
        """Changes whenever a match may have changed."""
        self.blocks = 0
        """Blocks that are cached."""
        self.evictable = 0
        """Of these, blocks that nobody reads."""

    def match(self, namespace: str, ids: list[int], most_blocks: int, known: Match | None = None) -> Match:
        """The longest known beginning of `ids`, at most `most_blocks` long; nothing changes.

        `known` is what an earlier call found for the same ids: what has been cached since is searched from there on.
        """
        if known is not None and known.holds:
            node, depth = known.node, known.blocks
        else:
            node, depth = self._roots.get(namespace) or Node([], [], None, 0, 0, namespace=namespace), 0
        # Inside a node nothing longer can match: whatever branches off there has cut the node.
        while depth < most_blocks and depth == node.end:
            start = depth * self._block_size
            child = node.children.get(self._key(ids, start))
            if child is None:
                break
            depth += min(self._common(child.ids, ids, start), most_blocks - depth)
            node = child
        return Match(node, depth)

    def take(self, match: Match) -> tuple[Node, list[int]]:
        """Read what was matched: it stays until `unlock` of the node that is returned with its blocks."""
        node = match.node
        if match.inside < len(node.blocks):
            node = self._split(node, match.inside)
        elif node.parent is None:
            node = self._roots.setdefault(node.namespace, node)
        self._count += 1
        path = []
        step: Node | None = node
        while step is not None:
            path.append(step)
            step.used = self._count
            if step.locks == 0:
                self.evictable -= len(step.blocks)
            step.locks += 1
            step = step.parent
        return node, [block for part in reversed(path) for block in part.blocks]

    def unlock(self, node: Node) -> None:
        """End reading."""
        self._count += 1
        step: Node | None = node
        while step is not None:
            step.used = self._count
            step.locks -= 1
            if step.locks == 0:
                self.evictable += len(step.blocks)
                self._tidy(step)
            step = step.parent

    def insert(self, after: Node, ids: list[int], blocks: list[int]) -> list[int]:
        """Cache `ids` that follow on `after`, which the caller has locked; returns blocks that it held already."""
        self._count += 1
        node, done = after, 0
        while done < len(blocks):
            start = done * self._block_size
            child = node.children.get(self._key(ids, start))
            if child is None:
                self._add_leaf(node, list(ids[start:]), list(blocks[done:]))
                return list(blocks[:done])
            inside = self._common(child.ids, ids, start)
            done += inside
            if inside < len(child.blocks):
                if done == len(blocks):
                    break
                child = self._split(child, inside)
            child.used = self._count
            node = child
        return list(blocks[:done])

    def evict(self, count: int) -> list[int]:
        """Forget at least `count` blocks if so many are evictable, the ends of those least recently used first."""
        freed: list[int] = []
        while len(freed) < count and self._queue:
            used, _, leaf = heappop(self._queue)
            leaf.queued = False
            if leaf.locks or leaf.children:
                continue
            if used == leaf.used:
                freed += self._shortened(leaf, count - len(freed))
            else:
                self._tidy(leaf)
        return freed

    def _shortened(self, leaf: Node, count: int) -> list[int]:
        """Cut up to `count` blocks off a leaf's end; returns them."""
        assert leaf.parent is not None
        keep = max(len(leaf.blocks) - count, 0)
        if not keep:
            del leaf.parent.children[self._key(leaf.ids, 0)]
            self._tidy(leaf.parent)
        freed = leaf.blocks[keep:]
        leaf.end -= len(freed)
        del leaf.blocks[keep:]
        del leaf.ids[keep * self._block_size :]
        self.blocks -= len(freed)
        self.evictable -= len(freed)
        self.epoch += 1
        if keep:
            self._tidy(leaf)
        return freed

    def _key(self, ids: list[int], start: int) -> Any:  # noqa: ANN401  # an id, or several
        return ids[start] if self._block_size == 1 else tuple(ids[start : start + self._block_size])

    def _common(self, known: list[int], ids: list[int], start: int) -> int:
        """Whole blocks that `known` and `ids` from `start` on have in common; the first is known to be."""
        size = self._block_size
        low, high = 1, min(len(known), len(ids) - start) // size
        if known[: high * size] == ids[start : start + high * size]:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            if known[low * size : middle * size] == ids[start + low * size : start + middle * size]:
                low = middle
            else:
                high = middle
        return low

    def _split(self, node: Node, blocks: int) -> Node:
        """Cut a node after some blocks; returns the first part, a new node: `node` itself still ends where it did."""
        assert node.parent is not None
        cut = blocks * self._block_size
        end = node.parent.end + blocks
        head = Node(node.ids[:cut], node.blocks[:blocks], node.parent, end, node.used, locks=node.locks)
        node.parent.children[self._key(node.ids, 0)] = head
        del node.ids[:cut]
        del node.blocks[:blocks]
        head.children[self._key(node.ids, 0)] = node
        node.parent = head
        self.epoch += 1
        return head

    def _add_leaf(self, parent: Node, ids: list[int], blocks: list[int]) -> None:
        leaf = Node(ids, blocks, parent, parent.end + len(blocks), self._count)
        parent.children[self._key(ids, 0)] = leaf
        self.blocks += len(blocks)
        self.evictable += len(blocks)
        self.epoch += 1
        self._tidy(leaf)

    def _tidy(self, node: Node) -> None:
        """Queue a node for eviction if it can be evicted; let go of a root with nothing under it."""
        if node.locks or node.children:
            return
        if node.parent is None:
            self._roots.pop(node.namespace, None)
        elif not node.queued:
            node.queued = True
            self._order += 1
            heappush(self._queue, (node.used, self._order, node))
