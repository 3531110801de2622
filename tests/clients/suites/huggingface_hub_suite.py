"""Checks of `huggingface_hub`'s InferenceClient and its asynchronous twin: every method that a router answers."""

# mypy: ignore-errors
# Its library is in an environment of its own.

import asyncio
import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from checking import (
    CHAT,
    GRAMMAR_TOKENS,
    HELD_TOKENS,
    QUESTION,
    REGEX,
    SCHEMA,
    TOOLS,
    WRONG_KEY,
    Target,
    check_that,
    equal,
    raising,
    run,
    until_refused,
)
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError, OverloadedError, ValidationError

ENDS = {"length", "eos_token"}


@cache  # a stream ends with the client that opened it
def client(target: Target) -> InferenceClient:
    return InferenceClient(target.url, provider="hf-inference", token=target.key or None, timeout=60)


def async_client(target: Target) -> AsyncInferenceClient:
    return AsyncInferenceClient(target.url, provider="hf-inference", token=target.key or None, timeout=60)


def endpoint(target: Target) -> None:
    check_that(client(target).health_check())
    info = client(target).get_endpoint_info()
    check_that(info["model_id"] and info["max_total_tokens"] > info["max_input_tokens"] > 0)


def text_generation(target: Target) -> None:
    # `POST /` answers with prompt and answer unless told otherwise, as TGI does for models of this task.
    text = client(target).text_generation(QUESTION, max_new_tokens=8, return_full_text=False)
    check_that(isinstance(text, str) and text)
    equal(client(target).text_generation(QUESTION, max_new_tokens=8), QUESTION + text)


def text_generation_with_details(target: Target) -> None:
    output = client(target).text_generation(
        QUESTION, max_new_tokens=8, details=True, decoder_input_details=True, return_full_text=False
    )
    details = output.details
    check_that(details.finish_reason in ENDS and 1 <= details.generated_tokens <= 8 and details.prefill)
    equal("".join(token.text for token in details.tokens if not token.special), output.generated_text)


def text_generation_with_every_parameter(target: Target) -> None:
    output = client(target).text_generation(
        QUESTION,
        details=True,
        adapter_id=None,
        do_sample=True,
        frequency_penalty=0.1,
        max_new_tokens=4,
        repetition_penalty=1.1,
        seed=1,
        stop=["photographer"],
        temperature=0.7,
        top_k=10,
        top_n_tokens=2,
        top_p=0.9,
        truncate=5,
        typical_p=0.9,
        watermark=True,
    )
    equal(output.details.seed, 1)
    check_that(all(output.details.top_tokens))


def text_generation_best_of(target: Target) -> None:
    output = client(target).text_generation(QUESTION, details=True, max_new_tokens=4, do_sample=True, best_of=2)
    equal(len(output.details.best_of_sequences), 1)


def text_generation_by_grammar(target: Target) -> None:
    def answer(kind: str, value: object) -> str:
        grammar: Any = {"type": kind, "value": value}
        return client(target).text_generation(
            QUESTION, max_new_tokens=GRAMMAR_TOKENS, grammar=grammar, return_full_text=False
        )

    check_that(set(answer("regex", REGEX)) <= set("abc"))
    check_that(isinstance(json.loads(answer("json", SCHEMA))["sunny"], bool))


def text_generation_stream(target: Target) -> None:
    text = client(target).text_generation(QUESTION, max_new_tokens=8)
    pieces = list(client(target).text_generation(QUESTION, max_new_tokens=8, stream=True))
    check_that((QUESTION + "".join(pieces)).startswith(text))
    *before, last = client(target).text_generation(QUESTION, max_new_tokens=8, stream=True, details=True)
    check_that(all(event.generated_text is None for event in before))
    equal(last.generated_text, text)
    equal(last.details.generated_tokens, len(before) + 1)
    check_that(last.details.input_length > 0)


def chat(target: Target) -> None:
    answer = client(target).chat_completion(CHAT, max_tokens=8, seed=3, temperature=0.5, top_p=0.9, stop=["photo"])
    [choice] = answer.choices
    check_that(choice.message.content and choice.finish_reason in ("length", "stop"))
    check_that(1 <= answer.usage.completion_tokens <= 8)
    equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)


def chat_by_its_other_name(target: Target) -> None:
    check_that(client(target).chat.completions.create(messages=CHAT, max_tokens=4, seed=3).choices[0].message.content)


def chat_with_logprobs(target: Target) -> None:
    [choice] = client(target).chat_completion(CHAT, max_tokens=4, logprobs=True, top_logprobs=2).choices
    check_that(all(len(token.top_logprobs) >= 2 for token in choice.logprobs.content))


def chat_stream(target: Target) -> None:
    whole = client(target).chat_completion(CHAT, max_tokens=8, temperature=0.0)
    chunks = list(
        client(target).chat_completion(
            CHAT, max_tokens=8, temperature=0.0, stream=True, stream_options={"include_usage": True}
        )
    )
    *words, usage = chunks
    equal("".join(chunk.choices[0].delta.content for chunk in words), whole.choices[0].message.content)
    equal(words[-1].choices[0].finish_reason, whole.choices[0].finish_reason)
    equal((usage.choices, usage.usage.total_tokens), ([], whole.usage.total_tokens))


def chat_in_a_form(target: Target) -> None:
    forms = [
        {"type": "json_object", "value": SCHEMA},
        {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA}},
    ]
    for form in forms:
        answer = client(target).chat_completion(CHAT, max_tokens=GRAMMAR_TOKENS, response_format=form)
        check_that(isinstance(json.loads(answer.choices[0].message.content)["sunny"], bool))


def chat_calls_a_tool(target: Target) -> None:
    choice = {"type": "function", "function": {"name": "set_unit"}}
    answer = client(target).chat_completion(CHAT, max_tokens=GRAMMAR_TOKENS, tools=TOOLS, tool_choice=choice)
    [call] = answer.choices[0].message.tool_calls
    equal((call.id, call.type, call.function.name), ("0", "function", "set_unit"))
    check_that(json.loads(call.function.arguments)["unit"] in ("celsius", "fahrenheit"))
    equal(answer.choices[0].message.content, None)
    told = {"role": "assistant", "tool_calls": [{"id": call.id, "type": call.type, "function": call.function}]}
    answered = [*CHAT, told, {"role": "tool", "tool_call_id": call.id, "content": "done"}]
    check_that(client(target).chat_completion(answered, max_tokens=4, seed=3).choices[0].message.content)


def chat_streams_a_tool_call(target: Target) -> None:
    stream = client(target).chat_completion(
        CHAT, max_tokens=GRAMMAR_TOKENS, tools=TOOLS, tool_choice="required", stream=True
    )
    calls = [chunk.choices[0].delta.tool_calls[0].function for chunk in stream]
    equal([call.name for call in calls if call.name], ["set_unit"])
    check_that(json.loads("".join(call.arguments for call in calls))["unit"] in ("celsius", "fahrenheit"))


def chat_without_the_tools(target: Target) -> None:
    answer = client(target).chat_completion(CHAT, max_tokens=4, seed=3, tools=TOOLS, tool_choice="none")
    check_that(answer.choices[0].message.content and answer.choices[0].message.tool_calls is None)


def refused_values(target: Target) -> None:
    with raising(ValidationError, saying="Input validation error: "):
        client(target).text_generation(QUESTION, max_new_tokens=0)
    with raising(ValidationError, saying="Input validation error: "):
        list(client(target).text_generation(QUESTION, max_new_tokens=0, stream=True))
    with raising(HfHubHTTPError, saying="Input validation error: "):
        client(target).chat_completion(CHAT, max_tokens=0)
    with raising(ValidationError, saying="Input validation error: "):
        list(client(target).chat_completion(CHAT, max_tokens=0, stream=True))


def keyed_wrong_key(target: Target) -> None:
    wrong = InferenceClient(target.url, provider="hf-inference", token=WRONG_KEY)
    for ask in (lambda: wrong.text_generation(QUESTION), lambda: wrong.chat_completion(CHAT)):
        with raising(HfHubHTTPError) as caught:
            ask()
        equal(caught[0].response.status_code, 401)


def full_house(target: Target) -> None:
    held: list[Iterable[str]] = []

    def attempts() -> Iterator[bool]:
        while True:
            try:
                held.append(client(target).text_generation(QUESTION, max_new_tokens=HELD_TOKENS, stream=True))
                next(iter(held[-1]))
                client(target).text_generation(QUESTION, max_new_tokens=1)
            except OverloadedError as error:
                equal(str(error), "Model is overloaded")
                yield True
            yield False

    until_refused(attempts())


def asynchronous(target: Target) -> None:
    asyncio.run(_asynchronous(target))


async def _asynchronous(target: Target) -> None:
    ours = async_client(target)
    check_that(await ours.health_check())
    text = await ours.text_generation(QUESTION, max_new_tokens=8)
    events = [
        event async for event in await ours.text_generation(QUESTION, max_new_tokens=8, stream=True, details=True)
    ]
    equal(events[-1].generated_text, text)
    whole = await ours.chat_completion(CHAT, max_tokens=8, temperature=0.0)
    stream = await ours.chat_completion(CHAT, max_tokens=8, temperature=0.0, stream=True)
    said = "".join([chunk.choices[0].delta.content async for chunk in stream])
    equal(said, whole.choices[0].message.content)
    with raising(ValidationError):
        await ours.text_generation(QUESTION, max_new_tokens=0)


if __name__ == "__main__":
    run(
        [
            endpoint,
            text_generation,
            text_generation_with_details,
            text_generation_with_every_parameter,
            text_generation_best_of,
            text_generation_by_grammar,
            text_generation_stream,
            chat,
            chat_by_its_other_name,
            chat_with_logprobs,
            chat_stream,
            chat_in_a_form,
            chat_calls_a_tool,
            chat_streams_a_tool_call,
            chat_without_the_tools,
            refused_values,
            keyed_wrong_key,
            asynchronous,
            full_house,
        ]
    )
