"""Turns what a client asked for into a request for the step loop, within the limits; TGI's checks in TGI's order."""

import math
import secrets
import struct
from dataclasses import dataclass
from itertools import count

import msgspec

from freesh_plugin.adapters.tgi.http.errors import Rejection, invalid
from freesh_plugin.adapters.tgi.http.generate_types import GenerateParameters
from freesh_plugin.adapters.tgi.http.grammar import grammar_expression
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.core.generation import EngineInfo, GenerationRequest, GrammarType, Sampling, ServiceWish

_STEP_TOKENS = 1024
"""A longer wish is checked as if it were for this many tokens, and then takes what still fits."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be generated, before it is checked."""

    inputs: str
    parameters: GenerateParameters
    arrival_s: float
    wish: ServiceWish
    add_special_tokens: bool = True


class Validator:
    """Checks orders and numbers the requests that come of them."""

    def __init__(self, settings: RouterSettings, info: EngineInfo, tokenizer: Tokenizer) -> None:
        """Check against these limits."""
        self._settings = settings
        self._info = info
        self._tokenizer = tokenizer
        self._ids = count(1)

    def best_of(self, wanted: int) -> int:
        """How many answers to generate.

        Raises:
            ApiError: more than allowed.
        """
        most = self._settings.max_best_of
        if most == 1 and wanted != 1:
            raise invalid("`best_of` != 1 is not allowed for this endpoint")
        if wanted > most:
            raise invalid(f"`best_of` must be > 0 and <= {most}. Given: {wanted}")
        return wanted

    async def request(self, order: Order) -> GenerationRequest:
        """The request that `order` asks for.

        Raises:
            ApiError: a value that does not fit, or a prompt that is too long.
        """
        given = order.parameters
        sampling = _sampling(given)
        self._check_counts(order)
        truncate = self._truncate(given.truncate)
        prompt = await self._tokenizer.encode(order.inputs, order.add_special_tokens, truncate)
        max_new_tokens = self._max_new_tokens(len(prompt.ids), given.max_new_tokens)
        grammar, grammar_type = await self._grammar(given)
        return GenerationRequest(
            request_id=next(self._ids),
            arrival_s=order.arrival_s,
            inputs=order.inputs,
            prompt_ids=prompt.ids,
            max_new_tokens=max_new_tokens,
            truncate=truncate or self._info.max_input_tokens,
            add_special_tokens=order.add_special_tokens,
            stop_sequences=tuple(given.stop),
            sampling=msgspec.structs.replace(sampling, grammar=grammar, grammar_type=grammar_type),
            prefill_logprobs=given.decoder_input_details,
            top_n_tokens=given.top_n_tokens or 0,
            adapter_id=given.adapter_id,
            wish=order.wish,
        )

    def _check_counts(self, order: Order) -> None:
        given, settings = order.parameters, self._settings
        if given.max_new_tokens == 0:
            raise invalid("`max_new_tokens` must be strictly positive")
        if len(given.stop) > settings.max_stop_sequences:
            raise invalid(
                f"`stop` supports up to {settings.max_stop_sequences} stop sequences. Given: {len(given.stop)}"
            )
        if given.seed is not None and (given.best_of or 1) > 1:
            raise invalid("`seed` must not be set when `best_of` > 1")
        if given.top_n_tokens is not None and given.top_n_tokens > settings.max_top_n_tokens:
            raise invalid(
                f"`top_n_tokens` must be >= 0 and <= {settings.max_top_n_tokens}. Given: {given.top_n_tokens}"
            )
        if not order.inputs:
            raise invalid("`inputs` cannot be empty")

    def _truncate(self, wanted: int | None) -> int | None:
        most = self._info.max_input_tokens
        if wanted is not None and not 0 < wanted <= most:
            raise invalid(f"`truncate` must be strictly positive and less than {most}. Given: {wanted}")
        return wanted

    def _max_new_tokens(self, input_tokens: int, wanted: int | None) -> int:
        if input_tokens == 0:
            raise invalid("`inputs` cannot be empty")
        most, left = self._info.max_total_tokens, max(0, self._info.max_total_tokens - input_tokens)
        checked = min(left if wanted is None else wanted, _STEP_TOKENS)
        if input_tokens + checked > most or left == 0:
            raise invalid(
                f"`inputs` tokens + `max_new_tokens` must be <= {most}. "
                f"Given: {input_tokens} `inputs` tokens and {checked} `max_new_tokens`"
            )
        if input_tokens > self._info.max_input_tokens:
            raise invalid(f"`inputs` must have less than {self._info.max_input_tokens} tokens. Given: {input_tokens}")
        return left if wanted is None else min(wanted, left)

    async def _grammar(self, given: GenerateParameters) -> tuple[str, GrammarType]:
        if given.grammar is None:
            return "", GrammarType.NONE
        if self._settings.disable_grammar_support:
            raise invalid("grammar is not supported")
        return await grammar_expression(given.grammar), GrammarType.REGEX


def _sampling(given: GenerateParameters) -> Sampling:
    """The choice of tokens that is asked for, without grammar; numbers are rounded to 32 bits, as shards see them."""
    wants_sampling = given.do_sample or any(
        value is not None for value in (given.temperature, given.top_k, given.top_p, given.typical_p)
    )
    if (given.best_of or 1) > 1 and not wants_sampling:
        raise invalid("you must use sampling when `best_of` is > 1")
    return Sampling(
        temperature=_positive("temperature", given.temperature),
        repetition_penalty=_positive("repetition_penalty", given.repetition_penalty),
        frequency_penalty=_frequency_penalty(given.frequency_penalty),
        top_p=_mass("top_p", given.top_p),
        typical_p=_mass("typical_p", given.typical_p),
        top_k=_top_k(given.top_k),
        do_sample=given.do_sample,
        seed=_seed(given.seed),
        seed_given=given.seed is not None,
        watermark=given.watermark,
    )


def _single(value: float) -> float:
    """The nearest number of 32 bits; infinity for one that is too large."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _positive(name: str, value: float | None) -> float:
    single = 1.0 if value is None else _single(value)
    if single <= 0:
        raise invalid(f"`{name}` must be strictly positive")
    return single


def _frequency_penalty(value: float | None) -> float:
    single = 0.0 if value is None else _single(value)
    if not -2 <= single <= 2:
        raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    return single


def _mass(name: str, value: float | None) -> float:
    if value is None:
        return 1.0
    if not 0 < _single(value) < 1:
        raise invalid(f"`{name}` must be > 0.0 and < 1.0")
    return _single(value)


def _top_k(value: int | None) -> int:
    if value is not None and value <= 0:
        raise invalid("`top_k` must be strictly positive")
    return value or 0


def _seed(value: int | None) -> int:
    if value is None:
        return secrets.randbits(64)
    if value >= 2**64:
        raise Rejection(
            422,
            f"Failed to deserialize the JSON body into the target type: parameters.seed: Expected `int` <= {2**64 - 1}",
        )
    return value
