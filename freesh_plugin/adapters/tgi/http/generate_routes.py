"""TGI's own routes: `/`, `/generate`, `/generate_stream` and `/tokenize`."""

from collections.abc import AsyncGenerator
from itertools import accumulate

from msgspec import UNSET, UnsetType, structs

from freesh_plugin.adapters.tgi.http.errors import ApiError, invalid
from freesh_plugin.adapters.tgi.http.exchange import Call, EventStream, Reply, event, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.generate_types import (
    BestOfSequence,
    CompatGenerateRequest,
    Details,
    FreeshUsage,
    GenerateParameters,
    GenerateRequest,
    GenerateResponse,
    PrefillToken,
    SimpleToken,
    StreamDetails,
    StreamResponse,
    Token,
)
from freesh_plugin.adapters.tgi.http.inference import Answer, Ended, Step, best
from freesh_plugin.adapters.tgi.http.routes import GENERATION_ERRORS, Operation, Route
from freesh_plugin.adapters.tgi.http.timings import answer_headers, stream_headers
from freesh_plugin.adapters.tgi.http.together import together
from freesh_plugin.core.generation import Token as CoreToken


def routes(front: Front) -> list[Route]:
    """The routes, all of which ask for the API key."""

    async def compat(call: Call) -> Reply | EventStream:
        return await compat_generate(front, call, call.json(CompatGenerateRequest))

    async def generate(call: Call) -> Reply:
        request = call.json(GenerateRequest)
        return await generate_whole(front, call, request.inputs, request.parameters)

    async def stream(call: Call) -> EventStream:
        request = call.json(GenerateRequest)
        return generate_stream(front, call, request.inputs, request.parameters)

    async def tokenize(call: Call) -> Reply:
        request = call.json(GenerateRequest)
        encoded = await front.tokenizer.encode(request.inputs)
        return json_reply(simple_tokens(request.inputs, encoded.ids, encoded.offsets))

    return [
        Route("POST", "/", compat, _COMPAT, secured=True),
        Route("POST", "/generate", generate, _GENERATE, secured=True),
        Route("POST", "/generate_stream", stream, _STREAM, secured=True),
        Route("POST", "/tokenize", tokenize, _TOKENIZE, secured=True),
    ]


_COMPAT = Operation(
    "Generate, whole or streaming as the request says",
    CompatGenerateRequest,
    list[GenerateResponse],
    StreamResponse,
    GENERATION_ERRORS,
)
_GENERATE = Operation("Generate", GenerateRequest, GenerateResponse, errors=GENERATION_ERRORS)
_STREAM = Operation("Generate a stream of tokens", GenerateRequest, events=StreamResponse)
_TOKENIZE = Operation("Tokenise a prompt", GenerateRequest, list[SimpleToken])


async def compat_generate(front: Front, call: Call, request: CompatGenerateRequest) -> Reply | EventStream:
    """Generate as the request's switch says; a whole answer is alone in a list."""
    parameters = request.parameters
    if parameters.return_full_text is None:
        parameters = structs.replace(parameters, return_full_text=front.settings.full_text_by_default)
    if request.stream:
        return generate_stream(front, call, request.inputs, parameters)
    return await generate_whole(front, call, request.inputs, parameters, listed=True)


async def generate_whole(
    front: Front, call: Call, inputs: str, parameters: GenerateParameters, listed: bool = False
) -> Reply:
    """A whole answer, in a list if `listed`.

    Raises:
        ApiError: it could not be generated.
    """
    front.metrics.arrived()
    first, *others = await _answers(front, call, inputs, parameters)
    prompt = inputs if parameters.return_full_text else ""
    wants_details = parameters.details or parameters.decoder_input_details
    details = _details(prompt, first, others, (parameters.best_of or 1) > 1) if wants_details else UNSET
    response = GenerateResponse(prompt + first.ended.text, details)
    ended = first.ended
    headers = answer_headers(front.settings.compute_type, len(inputs), ended.timings, ended.input_tokens, ended.end)
    return json_reply([response] if listed else response, headers)


async def _answers(front: Front, call: Call, inputs: str, parameters: GenerateParameters) -> list[Answer]:
    """The best answer, then the others."""
    if (parameters.best_of or 1) == 1:
        return [await front.inference.whole(call, inputs, parameters)]
    count = front.inference.best_of(parameters.best_of or 1)
    answers = await together(front.inference.whole(call, inputs, parameters) for _ in range(count))
    answers.insert(0, answers.pop(best(answers)))
    return answers


def generate_stream(front: Front, call: Call, inputs: str, parameters: GenerateParameters) -> EventStream:
    """A stream of tokens; errors are events of it."""
    front.metrics.arrived()
    headers = stream_headers(front.settings.compute_type, len(inputs))
    return EventStream(_events(front, call, inputs, parameters), headers)


async def _events(front: Front, call: Call, inputs: str, parameters: GenerateParameters) -> AsyncGenerator[bytes, None]:
    try:
        _check_streamable(front, parameters)
        with await front.inference.open(call, inputs, parameters) as generation:
            index = 0
            async for step in generation.steps():
                index += 1
                yield event(_stream_response(index, step, inputs, parameters))
    except ApiError as error:
        yield event(error.body)


def _check_streamable(front: Front, parameters: GenerateParameters) -> None:
    if (1 if parameters.best_of is None else parameters.best_of) != 1:
        raise front.inference.failed(invalid("`best_of` != 1 is not supported when streaming tokens"))
    if parameters.decoder_input_details:
        raise front.inference.failed(invalid("`decoder_input_details` == true is not supported when streaming tokens"))


def _stream_response(index: int, step: Step, inputs: str, parameters: GenerateParameters) -> StreamResponse:
    token = Token.of(step.token)
    top_tokens = [Token.of(top) for top in step.top_tokens] if step.top_tokens else UNSET
    if step.ended is None:
        return StreamResponse(index, token, top_tokens)
    text = inputs + step.ended.text if parameters.return_full_text else step.ended.text
    return StreamResponse(index, token, top_tokens, text, _stream_details(step.ended) if parameters.details else None)


def _stream_details(ended: Ended) -> StreamDetails:
    end = ended.end
    return StreamDetails(
        end.finish_reason, end.generated_tokens, end.seed, ended.input_tokens, FreeshUsage.of(end) or UNSET
    )


def _details(prompt: str, answer: Answer, others: list[Answer], best_of: bool) -> Details:
    end = answer.ended.end
    return Details(
        finish_reason=end.finish_reason,
        generated_tokens=end.generated_tokens,
        seed=end.seed,
        prefill=_prefill(answer),
        tokens=_tokens(answer.tokens),
        best_of_sequences=[_sequence(prompt, other) for other in others] if best_of else UNSET,
        top_tokens=_top_tokens(answer),
    )


def _sequence(prompt: str, answer: Answer) -> BestOfSequence:
    end = answer.ended.end
    return BestOfSequence(
        generated_text=prompt + answer.ended.text,
        finish_reason=end.finish_reason,
        generated_tokens=end.generated_tokens,
        seed=end.seed,
        prefill=_prefill(answer),
        tokens=_tokens(answer.tokens),
        top_tokens=_top_tokens(answer),
    )


def _prefill(answer: Answer) -> list[PrefillToken]:
    return [PrefillToken(token.id, token.text, token.logprob) for token in answer.prefill]


def _tokens(tokens: list[CoreToken]) -> list[Token]:
    return [Token.of(token) for token in tokens]


def _top_tokens(answer: Answer) -> list[list[Token]] | UnsetType:
    return [_tokens(tops) for tops in answer.top_tokens] or UNSET


def simple_tokens(text: str, ids: list[int], offsets: list[tuple[int, int]]) -> list[SimpleToken]:
    """Ids with the text that each stands for; TGI counts places in bytes of UTF-8, the tokenizer in characters."""
    byte_at = [0, *accumulate(len(character.encode()) for character in text)]
    return [
        SimpleToken(id, text[start:stop], byte_at[start], byte_at[stop])
        for id, (start, stop) in zip(ids, offsets, strict=True)
    ]
