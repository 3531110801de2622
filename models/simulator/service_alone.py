"""How long a request takes alone in an empty instance at the top clock: what its slowdown is told by."""

from math import ceil

from freesh_plugin.core.step_model import step_s
from models.domain.engine import EngineModel


class ServiceAlone:
    """Service times of one instance, empty and at its top clock.

    The prompt takes passes of `chunk_tokens` tokens, the last of which gives the first token; every further token takes
    a pass of its own. A pass's time is linear in what it reads and computes, so that three passes tell all.
    """

    def __init__(self, engine: EngineModel) -> None:
        top_mhz, step = float(engine.clocks_mhz[-1]), engine.step
        self._chunk_tokens = engine.chunk_tokens
        self._pass_s = step_s(step, top_mhz, 1, 0, 0)
        self._read_s = (step_s(step, top_mhz, 1, _MANY, 0) - self._pass_s) / _MANY
        self._compute_s = (step_s(step, top_mhz, 1, 0, _MANY) - self._pass_s) / _MANY

    def service_s(self, prompt_tokens: int, answer_tokens: int) -> float:
        """Seconds from arrival to last token."""
        chunks = ceil(prompt_tokens / self._chunk_tokens)
        more = answer_tokens - 1
        # The i-th chunk reads what is there after it; the k-th further token the prompt and k tokens.
        read = prompt_tokens * (chunks + 1) / 2 + more * (prompt_tokens + answer_tokens / 2)
        return (chunks + more) * self._pass_s + read * self._read_s + prompt_tokens * self._compute_s


_MANY = 1_000_000
