"""The KV memory of a simulated instance: the live router's books, kept in units of several tokens."""

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.runtime.memory_account import Account, Stay
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from freesh_plugin.runtime.paged_trial import PagedTrial
from models.domain.workload import PREFIX_BLOCK_TOKENS
from models.simulator.instance_request import InstanceRequest


class UnitMemory:
    """`PagedMemory` over units of several tokens, one symbol a unit: it differs by less than a unit a request.

    Units of a named prefix are equal wherever the name is; after it, those of a session are, for a session's prompts
    are taken to be what was said before, answers included, and more. All others are equal to nothing.

    An answer's units are written into the books when somebody looks, so that passes cost nothing here.
    """

    def __init__(self, kv_tokens: int, unit_tokens: int) -> None:
        """Room for so many tokens, the first of which is never given away, in units of so many."""
        if not 0 < unit_tokens <= PREFIX_BLOCK_TOKENS or PREFIX_BLOCK_TOKENS % unit_tokens:
            raise ConfigError(f"memory in units of {unit_tokens} tokens, expected a divisor of {PREFIX_BLOCK_TOKENS}")
        self.unit_tokens = unit_tokens
        self.books = PagedMemory(PagedShape(total_tokens=(kv_tokens - 1) // unit_tokens + 1, block_size=1))
        self._requests: dict[int, InstanceRequest] = {}

    @property
    def longest_tokens(self) -> int:
        """Most tokens of prompt and answer that one request can ever have."""
        return self.books.pool.total * self.unit_tokens + 1

    def __len__(self) -> int:
        """Requests that are known."""
        return len(self._requests)

    def register(self, request: InstanceRequest, leg_tokens: int) -> None:
        """Open the account of a waiting request, whose next leg has at most so many tokens."""
        self._requests[request.request_id] = request
        symbols = self._symbols(request)
        self.books.register(request.request_id, symbols, self._leg_units(request, symbols, leg_tokens))

    def claim(self, request: InstanceRequest) -> int | None:
        """Set memory aside for the next leg; tokens of it that are computed already, or None if it does not fit."""
        parked = self.keeps(request.request_id)
        claim = self.books.claim(request.request_id)
        if claim is None:
            return None
        return request.tokens - 1 if parked else claim.cache_len * self.unit_tokens

    def park(self, request: InstanceRequest, leg_tokens: int) -> None:
        """Take a running request out of the batch, to go on for `leg_tokens` at most; it keeps what it can."""
        account = self._synced(request.request_id)
        self.books.park(request.request_id, self._leg_units(request, account.ids, leg_tokens))

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
        return self._requests[request_id].tokens - self.books.match(account).blocks * self.unit_tokens

    def resume_tokens(self, request_id: int) -> int:
        """Tokens to compute before a running request's next token, were it parked now."""
        account, request = self.books.account(request_id), self._requests[request_id]
        tokens = request.tokens
        written = account.computed if request.in_new_leg else (tokens - 1) // self.unit_tokens
        return 1 if written > account.shared else tokens - account.shared * self.unit_tokens

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
                grown = self._units(request.tokens) - len(account.ids)
                if grown > 0:
                    account.ids += [_own_symbol(request)] * grown
                account.began = 0  # the books take it that a leg without a longer list has no token yet
        return account

    def _units(self, tokens: int) -> int:
        """Units that so many tokens touch."""
        return -(-tokens // self.unit_tokens)

    def _leg_units(self, request: InstanceRequest, symbols: list[int], leg_tokens: int) -> int:
        """What the books must be told so that a leg takes the units of all its tokens; the last is never written."""
        return self._units(request.tokens + leg_tokens - 1) - len(symbols) + 1

    def _symbols(self, request: InstanceRequest) -> list[int]:
        """The prompt's units: a symbol's place tells which unit of its prefix, session or request it is."""
        units, own = self._units(request.prompt_tokens), _own_symbol(request)
        prefix = request.arrival.request.prefix
        if not prefix:
            return [own] * units
        # Whole units of the prompt alone can be shared: the last of a prompt that ends within one is its own.
        named = [3 * name for name in prefix for _ in range(PREFIX_BLOCK_TOKENS // self.unit_tokens)]
        named = named[: request.prompt_tokens // self.unit_tokens]
        return named + [own] * (units - len(named))


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


def _own_symbol(request: InstanceRequest) -> int:
    session = request.arrival.request.session
    return 3 * session + 1 if session else 3 * request.request_id + 2
