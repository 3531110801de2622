"""The books of a paged KV memory: who holds which block, what is cached, and what would fit."""

from dataclasses import dataclass

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.runtime.kv_blocks import BlockPool
from freesh_plugin.runtime.memory_account import Account, Claim, Stay
from freesh_plugin.runtime.paged_trial import PagedTrial
from freesh_plugin.runtime.prefix_cache import Match, PrefixCache


@dataclass(frozen=True, slots=True)
class PagedShape:
    """What the engine's memory is like.

    Attributes:
        total_tokens: Tokens that fit, block 0 included.
        block_size: Tokens in a block.
        speculate: Tokens that a step may guess beyond the next one.
        prefix_caching: Whether prompts that begin alike share blocks.
        keeps_state: Whether a leg may begin with what an earlier one computed (`cache_len` above 0, exact ids).
    """

    total_tokens: int
    block_size: int
    speculate: int = 0
    prefix_caching: bool = True
    keeps_state: bool = True

    def __post_init__(self) -> None:
        """Check it.

        Raises:
            ConfigError: there is not one block to give away.
        """
        if self.block_size < 1 or self.total_tokens < 2 * self.block_size or self.speculate < 0:
            raise ConfigError(
                f"KV memory of {self.total_tokens} tokens in blocks of {self.block_size}, {self.speculate} guessed: "
                "expected at least two blocks, and 0 or more guessed"
            )


class PagedMemory:
    """Blocks are set aside for a whole leg at its start, so that no leg ever ends for want of memory.

    Models with a sliding window get blocks for every position too, as if they had none. What requests have computed,
    answers included, stays cached after them until its room is wanted. No block that is shared is ever written: of a
    prompt that is cached to its end, the last block is computed anew.
    """

    def __init__(self, shape: PagedShape) -> None:
        """All blocks are free."""
        self.shape = shape
        self.pool = BlockPool(shape.total_tokens // shape.block_size)
        self.cache = PrefixCache(shape.block_size)
        self._accounts: dict[int, Account] = {}

    @property
    def longest_tokens(self) -> int:
        """Most tokens of prompt and answer that one request can ever have: the last one is never written."""
        return self.pool.total * self.shape.block_size + 1 - self.shape.speculate

    @property
    def free_blocks(self) -> int:
        """Blocks that hold nothing."""
        return len(self.pool)

    @property
    def cached_blocks(self) -> int:
        """Blocks in the prefix cache, read by requests or not."""
        return self.cache.blocks

    @property
    def held_blocks(self) -> int:
        """Blocks that one request alone holds."""
        return self.pool.total - len(self.pool) - self.cache.blocks

    @property
    def available_blocks(self) -> int:
        """Blocks that a request could have now: free ones, and cached ones that nobody reads."""
        return len(self.pool) + self.cache.evictable

    def __len__(self) -> int:
        """Requests that are known."""
        return len(self._accounts)

    def account(self, request_id: int) -> Account:
        """The account of a request."""
        return self._accounts[request_id]

    def register(
        self, request_id: int, ids: list[int], leg_tokens: int, *, shareable: bool = True, namespace: str = ""
    ) -> None:
        """Open the account of a waiting request.

        Args:
            request_id: Unique among those known.
            ids: Prompt and answer: the caller's own list, to which it appends every new token.
            leg_tokens: Most tokens of its next leg.
            shareable: Whether it may read and leave cached prefixes.
            namespace: Requests share prefixes only within one (the adapter).
        """
        assert request_id not in self._accounts
        self._accounts[request_id] = Account(ids, leg_tokens, shareable, namespace)

    def claim(self, request_id: int) -> Claim | None:
        """Set memory aside for the next leg of a waiting or parked request; None if it does not fit."""
        account = self._accounts[request_id]
        assert account.stay is not Stay.RUNNING
        if account.stay is Stay.WAITING:
            self._take_prefix(account)
        missing = self.blocks_of(account) - len(account.blocks)
        if missing > self.available_blocks:
            if account.stay is Stay.WAITING:
                self._forget_blocks(account)
            return None
        if missing > len(self.pool):
            self.pool.give(self.cache.evict(missing - len(self.pool)))
        account.blocks += self.pool.take(missing)
        account.stay, account.began = Stay.RUNNING, len(account.ids)
        return Claim(list(account.blocks), self._slots(account), account.computed)

    def park(self, request_id: int, leg_tokens: int) -> None:
        """Take a running request out of the batch, to go on for `leg_tokens` at most; it keeps what it can."""
        account = self._accounts[request_id]
        assert account.stay is Stay.RUNNING
        keep = self.kept_blocks(account)
        if keep:
            account.computed = account.written
            self.pool.give(account.blocks[keep:])
            del account.blocks[keep:]
            account.stay = Stay.PARKED
        else:
            self.drop(request_id)
        account.leg_tokens = leg_tokens

    def drop(self, request_id: int, trusted: bool = True) -> None:
        """Let a request start anew: what it holds is cached if it can be `trusted`, else forgotten."""
        account = self._accounts[request_id]
        if account.stay is not Stay.WAITING:
            self._leave_blocks(account, trusted)

    def release(self, request_id: int, trusted: bool = True) -> None:
        """Close the account of a request, wherever it is; what it holds is cached if it can be `trusted`."""
        self.drop(request_id, trusted)
        del self._accounts[request_id]

    def trial(self) -> PagedTrial:
        """A copy of the books to try on."""
        return PagedTrial(self)

    def prefill_tokens(self, request_id: int) -> int:
        """Tokens to compute before the next one; 1 for a running request."""
        account = self._accounts[request_id]
        if account.stay is Stay.WAITING:
            return len(account.ids) - self.match(account).blocks * self.shape.block_size
        return len(account.ids) - account.written

    def resume_tokens(self, request_id: int) -> int:
        """Tokens to compute were it parked now: what memory neither keeps nor has cached."""
        account = self._accounts[request_id]
        kept = account.written if self.kept_blocks(account) else account.shared * self.shape.block_size
        return len(account.ids) - kept

    def keeps(self, request_id: int) -> bool:
        """Whether a parked request keeps its state."""
        return self._accounts[request_id].stay is Stay.PARKED

    def match(self, account: Account) -> Match:
        """What of a waiting request's prompt is cached; at least one token is left to compute."""
        if account.match is None or account.epoch != self.cache.epoch:
            shares = account.shareable and self.shape.prefix_caching
            most = (len(account.ids) - 1) // self.shape.block_size if shares else 0
            account.match = self.cache.match(account.namespace, account.ids, most, account.match)
            account.epoch = self.cache.epoch
        return account.match

    def blocks_of(self, account: Account) -> int:
        """Blocks that a leg of a waiting or parked request takes: the last token that it may bring is never stored."""
        return -(-self._tokens(account) // self.shape.block_size)

    def kept_blocks(self, account: Account) -> int:
        """Blocks that a running request would keep if it were parked; 0 where that is no more than what is cached."""
        keep = -(-account.written // self.shape.block_size) if self.shape.keeps_state else 0
        return keep if keep > account.shared else 0

    def _tokens(self, account: Account) -> int:
        return max(len(account.ids) + account.leg_tokens + self.shape.speculate - 1, len(account.ids))

    def _slots(self, account: Account) -> list[int]:
        size, tokens = self.shape.block_size, self._tokens(account)
        if size == 1:
            return account.blocks[:tokens]
        return [slot for block in account.blocks for slot in range(block * size, (block + 1) * size)][:tokens]

    def _take_prefix(self, account: Account) -> None:
        node, blocks = self.cache.take(self.match(account))
        account.node, account.blocks, account.shared = node, blocks, len(blocks)
        account.computed = len(blocks) * self.shape.block_size

    def _forget_blocks(self, account: Account) -> None:
        """Give up what is shared, without having had anything else."""
        assert account.node is not None
        self.cache.unlock(account.node)
        account.blocks, account.node, account.match = [], None, None
        account.shared = account.computed = 0

    def _leave_blocks(self, account: Account, trusted: bool) -> None:
        assert account.node is not None
        size, shared, blocks = self.shape.block_size, account.shared, account.blocks
        whole = account.written // size
        if trusted and account.shareable and self.shape.prefix_caching and whole > shared:
            ids = account.ids[shared * size : whole * size]
            self.pool.give(self.cache.insert(account.node, ids, blocks[shared:whole]))
        else:
            whole = shared
        self.pool.give(blocks[whole:])
        self._forget_blocks(account)
        account.stay = Stay.WAITING
