"""The KV memory of a simulated instance: the live router's books, kept in units of several tokens."""

from freesh_plugin.runtime.memory_account import Account, Stay
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from freesh_plugin.runtime.paged_trial import PagedTrial
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.simulator.instance_request import InstanceRequest

UNIT_TOKENS = 16
"""Tokens that the books keep as one: a memory then differs from one by tokens by less than so many a request."""

_UNITS_PER_PREFIX_BLOCK = PREFIX_BLOCK_TOKENS // UNIT_TOKENS


class UnitMemory:
    """`PagedMemory` over units of `UNIT_TOKENS` tokens, one symbol a unit.

    Units of a named prefix are equal wherever the name is; after it, those of a session are, for a session's prompts
    are taken to be what was said before, answers included, and more. All others are equal to nothing.

    An answer's units are written into the books when somebody looks, so that passes cost nothing here.
    """

    def __init__(self, kv_tokens: int) -> None:
        """Room for so many tokens."""
        # One unit more: the books never give the first one away, of which a live engine's is a token.
        self.books = PagedMemory(PagedShape(total_tokens=kv_tokens // UNIT_TOKENS + 1, block_size=1))
        self._requests: dict[int, InstanceRequest] = {}

    @property
    def longest_tokens(self) -> int:
        """Most tokens of prompt and answer that one request can ever have."""
        return self.books.pool.total * UNIT_TOKENS + 1

    def __len__(self) -> int:
        """Requests that are known."""
        return len(self._requests)

    def register(self, request: InstanceRequest, leg_tokens: int) -> None:
        """Open the account of a waiting request, whose next leg has at most so many tokens."""
        self._requests[request.request_id] = request
        symbols = _symbols(request)
        self.books.register(request.request_id, symbols, _leg_units(request, symbols, leg_tokens))

    def claim(self, request: InstanceRequest) -> int | None:
        """Set memory aside for the next leg; tokens of it that are computed already, or None if it does not fit."""
        parked = self.keeps(request.request_id)
        claim = self.books.claim(request.request_id)
        if claim is None:
            return None
        return request.tokens - 1 if parked else claim.cache_len * UNIT_TOKENS

    def park(self, request: InstanceRequest, leg_tokens: int) -> None:
        """Take a running request out of the batch, to go on for `leg_tokens` at most; it keeps what it can."""
        account = self._synced(request.request_id)
        self.books.park(request.request_id, _leg_units(request, account.ids, leg_tokens))

    def drop(self, request_id: int) -> None:
        """Let a request start anew."""
        self._synced(request_id)
        self.books.drop(request_id)

    def release(self, request_id: int) -> None:
        """Close the account of a request, wherever it is; what it holds stays cached."""
        self._synced(request_id)
        self.books.release(request_id)
        del self._requests[request_id]

    def trial(self) -> "UnitTrial":
        """A copy of the books to try on."""
        return UnitTrial(self)

    def prefill_tokens(self, request_id: int) -> int:
        """Tokens to compute before the next one."""
        account = self.books.account(request_id)
        if account.stay is not Stay.WAITING:
            return 1
        return self._requests[request_id].tokens - self.books.match(account).blocks * UNIT_TOKENS

    def resume_tokens(self, request_id: int) -> int:
        """Tokens to compute before a running request's next token, were it parked now."""
        account = self._synced(request_id)
        if self.books.kept_blocks(account):
            return 1
        return self._requests[request_id].tokens - account.shared * UNIT_TOKENS

    def keeps(self, request_id: int) -> bool:
        """Whether a parked request keeps its state."""
        return self.books.keeps(request_id)

    def sync(self, request_id: int) -> None:
        """Write down what a running request has generated."""
        self._synced(request_id)

    def _synced(self, request_id: int) -> Account:
        account = self.books.account(request_id)
        if account.stay is Stay.RUNNING:
            request = self._requests[request_id]
            if not request.in_new_leg:
                grown = units_of(request.tokens) - len(account.ids)
                if grown > 0:
                    account.ids += [_own_symbol(request.arrival.request, request_id)] * grown
                account.began = 0  # the books take it that a leg without a longer list has no token yet
        return account


class UnitTrial(PagedTrial):
    """A trial that looks at what running requests have generated before they are parked in it."""

    def __init__(self, memory: UnitMemory) -> None:
        """A trial without changes."""
        super().__init__(memory.books)
        self._units = memory

    def park(self, request_id: int) -> None:
        """Take a running request out of the batch."""
        self._units.sync(request_id)
        super().park(request_id)


def units_of(tokens: int) -> int:
    """Units that so many tokens touch."""
    return -(-tokens // UNIT_TOKENS)


def _leg_units(request: InstanceRequest, symbols: list[int], leg_tokens: int) -> int:
    """What the books must be told so that a leg takes the units of all its tokens; the last is never written."""
    return units_of(request.tokens + leg_tokens - 1) - len(symbols) + 1


def _symbols(request: InstanceRequest) -> list[int]:
    """The prompt's units: a symbol's place tells which unit of its prefix, session or request it is."""
    units = units_of(request.prompt_tokens)
    own = _own_symbol(request.arrival.request, request.request_id)
    if not request.arrival.request.prefix:
        return [own] * units
    # Whole units of the prompt alone can be shared: the last of a prompt that ends within one is its own.
    named = [3 * name for name in request.arrival.request.prefix for _ in range(_UNITS_PER_PREFIX_BLOCK)]
    named = named[: request.prompt_tokens // UNIT_TOKENS]
    return named + [own] * (units - len(named))


def _own_symbol(request: WorkloadRequest, request_id: int) -> int:
    return 3 * request.session + 1 if request.session else 3 * request_id + 2
