"""Fairness across clients: who of late has had more than an equal share of the batch gives way to the others."""

from math import exp, inf


class FairShares:
    """Recent use of the batch by each client, in place-seconds that are forgotten exponentially.

    An equal share is what the clients that are here would each have had. A client's weight is 1 up to that, and
    falls with what it had beyond: its requests count for less when not all can be in time, and only then.
    """

    def __init__(self, memory_s: float, power: float) -> None:
        """Forget with a time constant of `memory_s` seconds; the weight is (equal share / use) to this power."""
        self._memory_s = memory_s
        self._power = power
        self._use_s: dict[str, float] = {}
        self._here: dict[str, int] = {}
        self._as_of_s = -inf
        self._total_s = 0.0

    def enter(self, client: str) -> None:
        """A request of this client has come."""
        self._here[client] = self._here.get(client, 0) + 1

    def exit(self, client: str) -> None:
        """A request of this client is gone."""
        left = self._here[client] - 1
        if left:
            self._here[client] = left
        else:
            del self._here[client]

    def charge(self, client: str, service_s: float) -> None:
        """A request of this client has used a place for so long."""
        self._use_s[client] = self._use_s.get(client, 0.0) + service_s
        self._total_s += service_s

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to `forget`: a second has passed."""
        return now_s - self._as_of_s >= _FORGETS_EVERY_S

    def forget(self, now_s: float) -> None:
        """Let time pass: what was used counts for less."""
        kept = exp((self._as_of_s - now_s) / self._memory_s)
        self._as_of_s = now_s
        self._use_s = {client: use_s * kept for client, use_s in self._use_s.items() if use_s * kept > _NOTHING_S}
        self._total_s = sum(self._use_s.values())

    def weight(self, client: str) -> float:
        """How much a request of this client counts, in (0, 1]."""
        use_s = self._use_s.get(client, 0.0)
        equal_s = self._total_s / max(len(self._here), 1)
        return 1.0 if use_s <= equal_s else float((equal_s / use_s) ** self._power)


_NOTHING_S = 1e-3
_FORGETS_EVERY_S = 1.0
