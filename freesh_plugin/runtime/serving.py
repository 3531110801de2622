"""One request while it is served: its ids, its legs, and what must stay right across any number of preemptions."""

from collections.abc import Sequence
from hashlib import blake2b

from freesh_plugin.core.generation import FinishReason, GenerationRequest, GrammarType, Token

_WINDOW = 5
"""Ids that a shard decodes together to find the text of the first token of a leg."""
_WINDOW_BITS = (1 << _WINDOW + 1) - 1


class Serving:
    """A request's state between steps. A leg is one stay in a shard's batch; a shard forgets all of it afterwards.

    So what spans legs lives here: all ids, the count of tokens, the end of the text for stop sequences.
    """

    __slots__ = (
        "_longest_stop",
        "_tail",
        "_with_text",
        "exact_ids",
        "generated",
        "ids",
        "leg_began_at",
        "legs",
        "losses",
        "lost",
        "preemptions",
        "request",
        "started_s",
    )

    def __init__(self, request: GenerationRequest, exact_ids: bool) -> None:
        """Nothing generated yet; `exact_ids`: shards can be told ids, and not a text alone."""
        self.request = request
        self.exact_ids = exact_ids
        self.ids = list(request.prompt_ids)
        self.generated = 0
        self.legs = 0
        self.leg_began_at = 0
        """Tokens that were generated when the present leg began."""
        self.preemptions = 0
        self.losses = 0
        """In how many failed passes it may have been the cause."""
        self.lost = False
        """Whether its batch was lost in the last failed pass."""
        self.started_s: float | None = None
        self._with_text = 0
        """Bit i: whether the token before the last i ones added text, and not only a part of a character."""
        self._tail = ""
        self._longest_stop = max(map(len, request.stop_sequences), default=0)

    @property
    def remaining(self) -> int:
        """Tokens that it may still get."""
        return self.request.max_new_tokens - self.generated

    @property
    def restorable(self) -> bool:
        """Whether ids are all that a shard needs to go on exactly as if nothing had happened.

        Not so with a grammar (its automaton starts anew) or a named seed (the random numbers start anew), nor when
        shards make ids of a text by themselves: prompt and answer together give other ids than they came from.
        """
        sampling = self.request.sampling
        return (
            self.exact_ids
            and sampling.grammar_type is GrammarType.NONE
            and not (sampling.draws and sampling.seed_given)
        )

    @property
    def cuttable(self) -> bool:
        """Whether it may leave the batch now: its leg has made a token, and no text is lost over it.

        A shard makes a new token's text by decoding the last ids, and begins a leg with the last five. So the last
        token must end a character, and the five must begin with one. (Of 8,143 such cuts with two tokenizers none
        changed any token's text; with the first condition alone, a quarter did where bytes are tokens.)
        """
        made, latest = self.generated, self._with_text & 1
        if made == self.leg_began_at or not self.restorable or not latest:
            return False
        return made == _WINDOW or (made > _WINDOW and bool(self._with_text >> _WINDOW & 1))

    @property
    def in_later_leg(self) -> bool:
        """Whether the shard has not seen all of the answer in one leg."""
        return self.leg_began_at > 0

    def used_up(self, leg_tokens: int, share: int) -> bool:
        """Whether its leg has made `leg_tokens`, more are to come, and it can be cut here, or must be.

        The last token of the shard's `share` would end the leg by its length, even if it ended the answer.
        """
        made = self.generated - self.leg_began_at
        if not self.restorable or self.remaining < 1 or made < leg_tokens:
            return False
        return self.cuttable or made >= share - 1

    def begin_leg(self, now_s: float) -> None:
        """It joins a batch."""
        self.legs += 1
        self.leg_began_at = self.generated
        if self.started_s is None:
            self.started_s = now_s

    def take(self, tokens: Sequence[Token]) -> bool:
        """Add what the shard made; returns whether a stop sequence that began in an earlier leg is complete.

        A shard matches within one leg only. It looks at the end of the text after each token, where a line break after
        the stop sequence does no harm; so does this.
        """
        self.generated += len(tokens)
        self.ids += [token.id for token in tokens]
        for token in tokens:
            self._with_text = (self._with_text << 1 | bool(token.text or token.special)) & _WINDOW_BITS
        if not self._longest_stop:
            return False
        self._tail = (self._tail + "".join(token.text for token in tokens))[-self._longest_stop - 1 :]
        stops = self.request.stop_sequences
        ended = self._tail.endswith(stops) or self._tail.removesuffix("\n").endswith(stops)
        return ended and self.in_later_leg

    def leg_seed(self) -> int:
        """Seed for the next leg: the request's own at first, then one derived from it and from the tokens made.

        The same seed again would repeat the random numbers of the first leg.
        """
        seed = self.request.sampling.seed
        if not self.generated:
            return seed
        digest = blake2b(f"{seed}:{self.generated}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def finish_reason(self, reason: FinishReason) -> FinishReason | None:
        """What a leg's end means for the answer: a leg that used up its own share of tokens ends nothing."""
        return None if reason is FinishReason.LENGTH and self.remaining > 0 else reason
