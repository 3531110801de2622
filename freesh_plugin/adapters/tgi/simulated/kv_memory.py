"""A KV memory that forgives nothing: it knows what every slot holds and which requests read it."""

from collections.abc import Sequence

from freesh_plugin.adapters.tgi.simulated.refusal import Refusal

_EMPTY = -1


class KvMemory:
    """Slots with the model's state after the token whose keys and values they hold.

    A write into a slot that another request still reads is refused at once, unless it changes nothing: requests with
    the same beginning may share it.
    """

    def __init__(self, blocks: int, block_size: int) -> None:
        self.blocks = blocks
        self.block_size = block_size
        self._held = [_EMPTY] * (blocks * block_size)
        self._readers = [0] * (blocks * block_size)

    def check_table(self, request_id: int, blocks: Sequence[int], slots: Sequence[int], needed: int) -> None:
        """Check a request's blocks and slots.

        Raises:
            Refusal: a block is not the request's to use, the slots are not those of the blocks, or are too few.
        """
        if len(slots) < needed:
            raise Refusal(f"request {request_id}: {len(slots)} slots, {needed} needed")
        if len(set(blocks)) != len(blocks):
            raise Refusal(f"request {request_id}: a block is named twice")
        for block in blocks:
            if not 0 < block < self.blocks:
                raise Refusal(f"request {request_id}: block {block} is not between 1 and {self.blocks - 1}")
        size = self.block_size
        expected = (
            blocks if size == 1 else [slot for block in blocks for slot in range(block * size, (block + 1) * size)]
        )
        if list(slots) != list(expected[: len(slots)]):
            raise Refusal(f"request {request_id}: the slots are not those of its blocks, in their order")

    def read_prefix(self, request_id: int, slots: Sequence[int], states: Sequence[int]) -> None:
        """Begin to read slots that were written earlier: they must hold exactly these states.

        Raises:
            Refusal: one holds something else.
        """
        held = self._held
        for position, (slot, state) in enumerate(zip(slots, states, strict=True)):
            if held[slot] != state:
                found = "nothing" if held[slot] == _EMPTY else "something else"
                raise Refusal(f"request {request_id}: slot {slot} holds {found}, not the request's position {position}")
        for slot in slots:
            self._readers[slot] += 1

    def write(self, request_id: int, slots: Sequence[int], states: Sequence[int]) -> None:
        """Write states and read them from now on.

        Raises:
            Refusal: another request reads a slot that would change.
        """
        held, readers = self._held, self._readers
        for slot, state in zip(slots, states, strict=True):
            if readers[slot] and held[slot] != state:
                raise Refusal(f"request {request_id}: writes slot {slot}, which another request still reads")
        for slot, state in zip(slots, states, strict=True):
            held[slot] = state
            readers[slot] += 1

    def leave(self, slots: Sequence[int]) -> None:
        """End reading slots; they keep what they hold."""
        for slot in slots:
            self._readers[slot] -= 1

    @property
    def slots_read(self) -> int:
        """Slots that some request reads."""
        return sum(1 for readers in self._readers if readers)
