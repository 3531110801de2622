"""Generation as the routes see it: a place in the house, a checked request, its tokens one by one, its end."""

import logging
import math
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from freesh_plugin.adapters.tgi.http.errors import ApiError, from_failure, incomplete, overloaded
from freesh_plugin.adapters.tgi.http.exchange import Call
from freesh_plugin.adapters.tgi.http.front_metrics import FrontMetrics
from freesh_plugin.adapters.tgi.http.generate_types import GenerateParameters
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.timings import Timings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.adapters.tgi.http.validation import Order, Validator
from freesh_plugin.core.generation import FailureEvent, GenerationEnd, GenerationRequest, Token, TokensEvent
from freesh_plugin.ports import Engine, TokenStream

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer, with its whole text."""

    text: str
    end: GenerationEnd
    input_tokens: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class Step:
    """One token, its rivals if asked for, and with the last one the end."""

    token: Token
    top_tokens: list[Token]
    ended: Ended | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with all its tokens."""

    ended: Ended
    prefill: list[Token]
    tokens: list[Token]
    top_tokens: list[list[Token]]

    @property
    def mean_logprob(self) -> float:
        """By what the best of several answers is chosen: log-probability per token."""
        return sum(token.logprob or 0.0 for token in self.tokens) / len(self.tokens)


class Inference:
    """Lets orders in, up to a number at a time, and follows their answers."""

    def __init__(self, settings: RouterSettings, engine: Engine, tokenizer: Tokenizer, metrics: FrontMetrics) -> None:
        """Serve by this engine."""
        self._engine = engine
        self._tokenizer = tokenizer
        self._metrics = metrics
        self._validator = Validator(settings, engine.info, tokenizer)
        self._free = settings.max_concurrent_requests
        self._speculates = engine.info.speculate > 0

    async def open(
        self, call: Call, inputs: str, parameters: GenerateParameters, add_special_tokens: bool = True
    ) -> "Generation":
        """Check an order and submit it; the caller enters the generation, which gives its place back at the end.

        Raises:
            ApiError: no place is free, or a value does not fit. It has been counted.
        """
        if self._free <= 0:
            raise self.failed(overloaded())
        self._free -= 1
        try:
            order = Order(inputs, parameters, call.arrival_s, call.wish, add_special_tokens)
            request = await self._validator.request(order)
        except ApiError as error:
            self._free += 1
            raise self.failed(error) from None
        except BaseException:
            self._free += 1
            raise
        self._metrics.accepted(len(request.prompt_ids), request.max_new_tokens)
        return Generation(self, request, self._engine.submit(request))

    async def whole(
        self, call: Call, inputs: str, parameters: GenerateParameters, add_special_tokens: bool = True
    ) -> Answer:
        """Generate and wait for the end.

        Raises:
            ApiError: as `open`, and whatever ends an answer early.
        """
        with await self.open(call, inputs, parameters, add_special_tokens) as generation:
            return await generation.whole()

    def best_of(self, wanted: int) -> int:
        """How many answers to generate.

        Raises:
            ApiError: more than allowed. It has been counted.
        """
        try:
            return self._validator.best_of(wanted)
        except ApiError as error:
            raise self.failed(error) from None

    def came(self, tokens: int) -> None:
        """So many tokens came in one step."""
        if self._speculates:
            self._metrics.skipped(tokens - 1)

    def release(self) -> None:
        """Give a place back."""
        self._free += 1

    def ended(self, request: GenerationRequest, answer_ids: list[int], end: GenerationEnd) -> Ended:
        """The end of a request, which is counted."""
        text = self._tokenizer.answer(request.prompt_ids, answer_ids) if end.text is None else end.text
        timings = Timings.of(request, end, time.monotonic())
        self._metrics.succeeded(timings, end.generated_tokens)
        log.info(
            "success total_s=%.6f validation_s=%.6f queue_s=%.6f inference_s=%.6f tokens=%d",
            timings.total_s,
            timings.validation_s,
            timings.queue_s,
            timings.inference_s,
            end.generated_tokens,
        )
        return Ended(text, end, len(request.prompt_ids), timings)

    def failed(self, error: ApiError) -> ApiError:
        """The same error, counted."""
        self._metrics.failed(error.metric)
        level = logging.INFO if error.status in (422, 429) else logging.ERROR
        log.log(level, "failure status=%d error_type=%s", error.status, error.body.error_type)
        return error


class Generation:
    """An answer under way. Enter it: leaving gives its place back and, before its end, cancels it."""

    def __init__(self, inference: Inference, request: GenerationRequest, stream: TokenStream) -> None:
        """Follow `stream`."""
        self._inference = inference
        self._stream = stream
        self.request = request
        self.prefill: list[Token] = []
        """The prompt with log-probabilities, from the first step on, if asked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.cancel()
        self._inference.release()

    async def steps(self, streaming: bool = True) -> AsyncGenerator[Step, None]:
        """Tokens as they come; the last one has the end.

        Raises:
            ApiError: the engine gave up, or ended without an end; worded for a stream or not. It has been counted.
        """
        answer_ids: list[int] = []
        async for event in self._stream:
            if isinstance(event, FailureEvent):
                raise self._inference.failed(from_failure(event, streaming))
            self.prefill = event.prefill or self.prefill
            answer_ids += [token.id for token in event.tokens]
            self._inference.came(len(event.tokens))
            for step in self._steps_of(event, answer_ids):
                yield step
                if step.ended is not None:
                    return
        raise self._inference.failed(incomplete(streaming))

    def _steps_of(self, event: TokensEvent, answer_ids: list[int]) -> list[Step]:
        last = len(event.tokens) - 1
        tops = event.top_tokens
        return [
            Step(
                token,
                tops[i] if i < len(tops) else [],
                self._inference.ended(self.request, answer_ids, event.end) if i == last and event.end else None,
            )
            for i, token in enumerate(event.tokens)
        ]

    async def whole(self) -> Answer:
        """Wait for the end.

        Raises:
            ApiError: as `steps`.
        """
        tokens: list[Token] = []
        top_tokens: list[list[Token]] = []
        async for step in self.steps(streaming=False):
            tokens.append(step.token)
            top_tokens.append(step.top_tokens)
            if step.ended is not None:
                return Answer(step.ended, self.prefill, tokens, top_tokens if self.request.top_n_tokens else [])
        raise incomplete()


def best(answers: list[Answer]) -> int:
    """Index of the answer of the greatest log-probability per token; of equal ones the first."""
    scores = [answer.mean_logprob for answer in answers]
    return max(range(len(scores)), key=lambda i: -math.inf if math.isnan(scores[i]) else scores[i])
