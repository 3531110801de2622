"""One request in a simulated shard's batch, from its prefill to its end or until it is filtered out."""

from dataclasses import dataclass

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated import language
from freesh_plugin.adapters.tgi.simulated.kv_memory import KvMemory
from freesh_plugin.adapters.tgi.simulated.speakers import Speaker
from freesh_plugin.adapters.tgi.simulated.vocabulary import EOS_ID, FIRST_BYTE_ID, VOCABULARY

_LONGEST_OUTPUT, _OUTPUT_KEPT = 300, 200
_UNFINISHED = "\ufffd"


@dataclass(slots=True)
class Leg:
    """Its ids, how far they are computed, and what it has said.

    Attributes:
        request: As it came.
        ids: Prompt and answer.
        states: The model's state after each id of the prompt.
        speaker: Chooses the next token.
        slots: Memory for each position; empty for a padded model.
        blocks: How many blocks that is.
        computed: Positions that are in memory.
        chunk: Tokens to compute in the next pass.
    """

    request: messages.Request
    ids: list[int]
    states: list[int]
    speaker: Speaker
    slots: list[int]
    blocks: int
    computed: int
    chunk: int
    prompt_tokens: int = 0
    state: int = 0
    generated: int = 0
    ended: bool = False
    _reading: int = 0
    _pending: bytes = b""
    _output: str = ""

    def __post_init__(self) -> None:
        """Remember the prompt's length."""
        self.prompt_tokens = len(self.ids)

    @property
    def prompt_left(self) -> int:
        """Prompt tokens still to be computed after the next pass."""
        return max(self.prompt_tokens - self.computed - self.chunk, 0)

    @property
    def prefilling(self) -> bool:
        """Whether the next pass computes prompt tokens."""
        return self.computed < self.prompt_tokens

    def compute(self, memory: KvMemory | None) -> None:
        """Compute the next chunk into memory.

        Raises:
            Refusal: the memory does not hold what it should.
        """
        start, end = self.computed, self.computed + self.chunk
        states = self._states(start, end)
        if memory is not None:
            self._enter(memory)
            memory.write(self.request.id, self.slots[start:end], states)
            self._reading = end
        self.computed, self.state = end, states[-1]

    def leave(self, memory: KvMemory | None) -> None:
        """End reading memory."""
        if memory is not None:
            memory.leave(self.slots[: self._reading])
        self._reading = 0

    def say(self, with_generation: bool) -> messages.Generation | None:
        """Choose the next token; its generation if this rank is to tell it."""
        token_id = self.speaker.next_id(self.state, self.ids)
        self.ids.append(token_id)
        self.generated += 1
        text = self._text_of(token_id)
        reason = self._finish_reason(token_id, text)
        self.ended = reason is not None
        return self._generation(token_id, text, reason) if with_generation else None

    def _states(self, start: int, end: int) -> list[int]:
        if self.prefilling:
            return self.states[start:end]
        return language.states_after(self.state, self.ids[start:end])

    def _enter(self, memory: KvMemory) -> None:
        if self._reading < self.computed:
            memory.read_prefix(self.request.id, self.slots[: self.computed], self.states[: self.computed])
            self._reading = self.computed

    def _text_of(self, token_id: int) -> str:
        text = VOCABULARY.text_of[token_id]
        if text is not None and not self._pending:
            return text
        self._pending += VOCABULARY.bytes_of[token_id]
        text = self._pending.decode(errors="replace")
        if text.endswith(_UNFINISHED):
            return ""
        self._pending = b""
        return text

    def _finish_reason(self, token_id: int, text: str) -> int | None:
        stopping = self.request.stopping_parameters
        if self.generated >= stopping.max_new_tokens:
            return messages.FINISH_REASON_LENGTH
        if token_id == EOS_ID and not stopping.ignore_eos_token:
            return messages.FINISH_REASON_EOS_TOKEN
        return messages.FINISH_REASON_STOP_SEQUENCE if stopping.stop_sequences and self._stopped(text) else None

    def _stopped(self, text: str) -> bool:
        self._output += text
        if len(self._output) > _LONGEST_OUTPUT:
            self._output = self._output[-_OUTPUT_KEPT:]
        # As in TGI, only at the end of the output, a line feed after it allowed.
        return any(
            self._output.endswith((stop, f"{stop}\n")) for stop in self.request.stopping_parameters.stop_sequences
        )

    def _generation(self, token_id: int, text: str, reason: int | None) -> messages.Generation:
        logprob = _logprob(self.state)
        return messages.Generation(
            request_id=self.request.id,
            prefill_tokens=self._prefill_tokens() if self.generated == 1 and self.request.prefill_logprobs else None,
            tokens=messages.Tokens(
                ids=(token_id,), logprobs=(logprob,), texts=(text,), is_special=(token_id < FIRST_BYTE_ID,)
            ),
            generated_text=None if reason is None else self._generated_text(reason),
            top_tokens=() if not self.request.top_n_tokens else (self._top_tokens(token_id, logprob),),
        )

    def _generated_text(self, reason: int) -> messages.GeneratedText:
        said = (VOCABULARY.bytes_of[i] for i in self.ids[self.prompt_tokens :] if i >= FIRST_BYTE_ID)
        text = b"".join(said).decode(errors="replace")
        return messages.GeneratedText(
            text="" if text.endswith(_UNFINISHED) else text,  # as in TGI: all or nothing
            generated_tokens=self.generated,
            finish_reason=reason,
            seed=self.speaker.seed,
        )

    def _prefill_tokens(self) -> messages.Tokens:
        prompt = self.ids[: self.prompt_tokens]
        known = self.request.cache_len + 1
        return messages.Tokens(
            ids=prompt,
            logprobs=[float("nan")] * known + [_logprob(state) for state in self.states[known - 1 : -1]],
            texts=[VOCABULARY.bytes_of[token_id].decode(errors="replace") for token_id in prompt],
        )

    def _top_tokens(self, token_id: int, logprob: float) -> messages.Tokens:
        rivals = [(token_id + 97 * place) % VOCABULARY.size for place in range(self.request.top_n_tokens)]
        return messages.Tokens(
            ids=rivals,
            logprobs=[logprob - place for place in range(len(rivals))],
            texts=[VOCABULARY.bytes_of[rival].decode(errors="replace") for rival in rivals],
            is_special=[rival < FIRST_BYTE_ID for rival in rivals],
        )


def _logprob(state: int) -> float:
    return -(language.mix(state ^ 1) % 4096) / 2048
