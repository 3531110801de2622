"""Turns by weight: each place gets its share of the requests, within one request at any time."""

from collections.abc import Mapping
from math import log
from zlib import crc32

SESSION_DRIFT = 16.0
"""A session is taken to its home until that place is so many requests ahead of its share."""

_ROUNDING = 1e-9


class Turns:
    """Whose turn it is, by weights.

    Without sessions these are the turns of Tijdeman (The chairman assignment problem, 1980): of the n places that are
    at least 1/(2n - 2) of a request behind, the one that would soonest be 1 - 1/(2n - 2) behind. After every
    request each place has had its share of all requests within 1 - 1/(2n - 2).

    A session goes to its home, which is drawn by its number with the odds of the weights and is the same each time,
    unless the home is `SESSION_DRIFT` requests ahead of its share.
    """

    def __init__(self, weights: Mapping[str, float], behind: Mapping[str, float] | None = None) -> None:
        """Begin with weights above 0, and with how far each place is behind under the weights before."""
        whole = sum(weights.values())
        self._names = sorted(weights)
        self._shares = [weights[name] / whole for name in self._names]
        known = [(behind or {}).get(name, 0.0) for name in self._names]
        mean = sum(known) / len(known)
        self._behind = [each - mean for each in known]
        self._least = 1 / (2 * len(self._names) - 2) if len(self._names) > 1 else 0.0
        self._homes = [crc32(name.encode()) for name in self._names]

    @property
    def behind(self) -> dict[str, float]:
        """Requests by which each place is behind its share; they add up to 0."""
        return dict(zip(self._names, self._behind, strict=True))

    def next(self, session: int = 0) -> str:
        """Where the next request goes; `session` 0 = it belongs to none."""
        if len(self._names) == 1:
            return self._names[0]
        behind = self._behind
        for place, share in enumerate(self._shares):
            behind[place] += share
        chosen = self._home(session) if session else -1
        if chosen < 0:
            chosen = self._soonest()
        behind[chosen] -= 1
        return self._names[chosen]

    def _home(self, session: int) -> int:
        """Place of the session's home, -1 where that is too far ahead: weighted rendezvous hashing."""
        scores = [share / -log(unit_hash(session, home)) for share, home in zip(self._shares, self._homes, strict=True)]
        home = scores.index(max(scores))
        return home if self._behind[home] - 1 >= -SESSION_DRIFT else -1

    def _soonest(self) -> int:
        """Of those that are behind, the one that would soonest be too far behind."""
        behind, least = self._behind, self._least
        chosen, soonest = -1, 0.0
        for place, share in enumerate(self._shares):
            if behind[place] >= least - _ROUNDING:
                left = (1 - least - behind[place]) / share
                if chosen < 0 or left < soonest:
                    chosen, soonest = place, left
        return chosen if chosen >= 0 else behind.index(max(behind))


def unit_hash(number: int, key: int) -> float:
    """A number in (0, 1) that looks random and depends on its two arguments alone (splitmix64's last steps)."""
    mixed = (number * 0x9E3779B97F4A7C15 + key * 0xD1B54A32D192ED03) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    # 52 bits and a half: as many as stay below 1 in a float.
    return (((mixed ^ (mixed >> 31)) >> 12) + 0.5) / (1 << 52)


_MASK = (1 << 64) - 1
