"""POST /v1/completions: goes on from a prompt, or from several at once, whole or streamed."""

import time
from collections.abc import AsyncGenerator

from msgspec import UNSET

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.exchange import DONE, Call, EventStream, Reply, event, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.generate_types import GenerateParameters
from freesh_plugin.adapters.tgi.http.inference import Answer, Step
from freesh_plugin.adapters.tgi.http.openai.answer_sums import sum_ends, sum_timings
from freesh_plugin.adapters.tgi.http.openai.chat_request import adapter_of, sampling, stop_texts
from freesh_plugin.adapters.tgi.http.openai.chat_types import Usage, openai_reason
from freesh_plugin.adapters.tgi.http.openai.completion_types import (
    Completion,
    CompletionChoice,
    CompletionChunk,
    CompletionRequest,
)
from freesh_plugin.adapters.tgi.http.openai.merged import merged
from freesh_plugin.adapters.tgi.http.openai.openai_errors import StreamErrorEvent
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.timings import answer_headers, stream_headers
from freesh_plugin.adapters.tgi.http.together import together


async def completions(front: Front, call: Call, request: CompletionRequest) -> Reply | EventStream:
    """Go on from every prompt; an error in a stream is an event of it.

    Raises:
        ApiError: the request does not fit, or an answer could not be generated.
    """
    for _ in request.prompts:
        front.metrics.arrived()
    _check(front, request)
    if request.stream:
        headers = stream_headers(front.settings.compute_type, _characters(request))
        return EventStream(_events(front, call, request), headers)
    parameters = _parameters(request)
    answers = await together(front.inference.whole(call, prompt, parameters) for prompt in request.prompts)
    return _whole(front.settings, request, answers)


def _check(front: Front, request: CompletionRequest) -> None:
    most = front.settings.max_client_batch_size
    if request.suffix is not None:
        reason = "Suffix is not supported and can be achieved by preprocessing the prompt."
        raise front.inference.failed(ApiError(422, reason, "suffix not supported", "validation"))
    if len(request.prompts) > most:
        reason = f"Number of prompts exceeds the maximum allowed batch size of {most}"
        raise front.inference.failed(ApiError(422, reason, "batch size exceeded", "validation"))


def _parameters(request: CompletionRequest) -> GenerateParameters:
    greedy, temperature = sampling(request.temperature)
    return GenerateParameters(
        do_sample=not greedy,
        temperature=temperature,
        repetition_penalty=request.repetition_penalty,
        frequency_penalty=request.frequency_penalty,
        top_p=request.top_p,
        max_new_tokens=request.max_tokens,
        stop=stop_texts(request.stop),
        details=True,
        seed=request.seed,
        adapter_id=adapter_of(request.model),
    )


def _characters(request: CompletionRequest) -> int:
    return sum(len(prompt) for prompt in request.prompts)


def _whole(settings: RouterSettings, request: CompletionRequest, answers: list[Answer]) -> Reply:
    prompt_tokens = sum(answer.ended.input_tokens for answer in answers)
    end = sum_ends([answer.ended.end for answer in answers])
    timings = sum_timings([answer.ended.timings for answer in answers])
    choices = [
        CompletionChoice(index, answer.ended.text, None, openai_reason(answer.ended.end.finish_reason))
        for index, answer in enumerate(answers)
    ]
    completion = Completion(
        created=int(time.time()),
        model=settings.model_id,
        system_fingerprint=settings.system_fingerprint,
        choices=choices,
        usage=Usage.of(prompt_tokens, end),
    )
    headers = answer_headers(settings.compute_type, _characters(request), timings, prompt_tokens, end)
    return json_reply(completion, headers)


async def _events(front: Front, call: Call, request: CompletionRequest) -> AsyncGenerator[bytes, None]:
    parameters = _parameters(request)
    streams = [_prompt_events(front, call, i, prompt, parameters) for i, prompt in enumerate(request.prompts)]
    async for chunk in merged(streams):
        yield chunk
    yield DONE


async def _prompt_events(
    front: Front, call: Call, index: int, prompt: str, parameters: GenerateParameters
) -> AsyncGenerator[bytes, None]:
    try:
        with await front.inference.open(call, prompt, parameters) as generation:
            async for step in generation.steps():
                yield event(_chunk(front.settings, index, step))
    except ApiError as error:
        yield event(StreamErrorEvent.of(error))


def _chunk(settings: RouterSettings, index: int, step: Step) -> CompletionChunk:
    ended = step.ended
    # TGI keeps its own word for the model's end here, and the text of special tokens.
    reason = "" if ended is None else ended.end.finish_reason.value
    return CompletionChunk(
        created=int(time.time()),
        choices=[CompletionChoice(index, step.token.text, None, reason)],
        model=settings.model_id,
        system_fingerprint=settings.system_fingerprint,
        usage=UNSET if ended is None else Usage.of(ended.input_tokens, ended.end),
    )
