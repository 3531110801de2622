"""The books of a padded model's memory: no blocks, every request as long as the longest of its batch."""

from freesh_plugin.runtime.memory_account import Account, Claim, Stay


class PaddedMemory:
    """Counts tokens as TGI does: all prompts padded to the longest, plus all that may still be generated.

    Nothing is kept of a request that leaves the batch: it starts anew.
    """

    def __init__(self, max_batch_total_tokens: int, max_prefill_tokens: int, speculate: int = 0) -> None:
        """Limits in tokens: of a batch with all its answers, and of the prompts of one step, both with padding."""
        self.max_batch_total_tokens = max_batch_total_tokens
        self.max_prefill_tokens = max_prefill_tokens
        self.speculate = speculate
        self._accounts: dict[int, Account] = {}
        self._running: dict[int, Account] = {}

    @property
    def longest_tokens(self) -> int:
        """Most tokens of prompt and answer that one request can ever have."""
        return self.max_batch_total_tokens - self.speculate

    def __len__(self) -> int:
        """Requests that are known."""
        return len(self._accounts)

    @property
    def running(self) -> dict[int, Account]:
        """Accounts of the requests in the batch."""
        return self._running

    def account(self, request_id: int) -> Account:
        """The account of a request."""
        return self._accounts[request_id]

    def register(
        self, request_id: int, ids: list[int], leg_tokens: int, *, shareable: bool = True, namespace: str = ""
    ) -> None:
        """Open the account of a waiting request; as for paged memory, where nothing is shared."""
        assert request_id not in self._accounts
        self._accounts[request_id] = Account(ids, leg_tokens, shareable, namespace)

    def claim(self, request_id: int) -> Claim | None:
        """Count a waiting request into the batch; None if it does not fit.

        How much is computed in this step is the trial's to watch.
        """
        account = self._accounts[request_id]
        assert account.stay is Stay.WAITING
        if self.trial().total_with(account) > self.max_batch_total_tokens:
            return None
        account.stay, account.began = Stay.RUNNING, len(account.ids)
        self._running[request_id] = account
        return Claim([], [], 0)

    def park(self, request_id: int, leg_tokens: int) -> None:
        """Take a running request out of the batch, to start anew for `leg_tokens` at most."""
        self.drop(request_id)
        self._accounts[request_id].leg_tokens = leg_tokens

    def drop(self, request_id: int, trusted: bool = True) -> None:
        """Let a request start anew."""
        self._running.pop(request_id, None)
        self._accounts[request_id].stay = Stay.WAITING

    def release(self, request_id: int, trusted: bool = True) -> None:
        """Close the account of a request, wherever it is."""
        self.drop(request_id)
        del self._accounts[request_id]

    def trial(self) -> "PaddedTrial":
        """A copy of the books to try on."""
        return PaddedTrial(self)

    def prefill_tokens(self, request_id: int) -> int:
        """Tokens to compute before the next one; 1 for a running request."""
        account = self._accounts[request_id]
        return 1 if account.stay is Stay.RUNNING else len(account.ids)

    def resume_tokens(self, request_id: int) -> int:
        """Tokens to compute were it parked now: all."""
        return len(self._accounts[request_id].ids)

    def keeps(self, request_id: int) -> bool:
        """Nothing is ever kept."""
        return False


class PaddedTrial:
    """Counts tokens as the books would after a decision."""

    def __init__(self, memory: PaddedMemory) -> None:
        """A trial without changes."""
        self._memory = memory
        self._batch = dict(memory.running)
        self._left = sum(account.left_tokens for account in self._batch.values())
        self._longest = max((len(account.ids) for account in self._batch.values()), default=0)
        self._new = self._new_longest = 0

    def total_with(self, account: Account) -> int:
        """Tokens of the batch with one more request."""
        longest = max(self._longest, len(account.ids))
        return (len(self._batch) + 1) * longest + self._left + account.leg_tokens + self._memory.speculate

    def add(self, request_id: int) -> bool:
        """Count a waiting request into the batch if it fits."""
        account = self._memory.account(request_id)
        new_longest = max(self._new_longest, len(account.ids))
        # One that is longer by itself, as an answer in a later leg may be, is prefilled alone rather than never.
        if self._new and (self._new + 1) * new_longest > self._memory.max_prefill_tokens:
            return False
        if self.total_with(account) > self._memory.max_batch_total_tokens:
            return False
        self._batch[request_id] = account
        self._left += account.leg_tokens
        self._longest = max(self._longest, len(account.ids))
        self._new, self._new_longest = self._new + 1, new_longest
        return True

    def park(self, request_id: int) -> None:
        """Take a running request out of the batch."""
        account = self._batch.pop(request_id)
        self._left -= account.left_tokens
        if len(account.ids) == self._longest:
            self._longest = max((len(other.ids) for other in self._batch.values()), default=0)

    def drop(self, request_id: int) -> None:
        """Nothing is kept that could be taken away."""
