"""Checks of `openai`, both of its clients: models, completions and chat."""

# mypy: ignore-errors
# Its library is in an environment of its own.

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from checking import (
    CHAT,
    GRAMMAR_TOKENS,
    HELD_TOKENS,
    QUESTION,
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
from openai import (
    APIError,
    AsyncOpenAI,
    AuthenticationError,
    OpenAI,
    RateLimitError,
    Stream,
    UnprocessableEntityError,
)
from openai.types.chat import ChatCompletionChunk

MODEL = "tgi"


def client(target: Target) -> OpenAI:
    return OpenAI(base_url=f"{target.url}/v1", api_key=target.key or "none", timeout=60, max_retries=0)


def ask(target: Target, **fields: Any) -> Any:  # the client's overloads tell by `stream`
    given = {"model": MODEL, "messages": CHAT, "max_tokens": 8, "temperature": 0.0}
    return client(target).chat.completions.create(**{**given, **fields})


def models(target: Target) -> None:
    [model] = client(target).models.list().data
    equal(model.object, "model")
    equal(ask(target).model, model.id)


def chat(target: Target) -> None:
    answer = ask(target, seed=3, temperature=0.5, top_p=0.9, stop=["photographer"], n=1, user="me")
    [choice] = answer.choices
    equal((answer.object, choice.message.role, choice.index), ("chat.completion", "assistant", 0))
    check_that(choice.message.content and choice.finish_reason in ("length", "stop"))
    equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
    check_that(answer.system_fingerprint)


def chat_by_newer_names(target: Target) -> None:
    answer = ask(target, max_tokens=None, max_completion_tokens=4, stop="photographer", logit_bias={"1": -100})
    check_that(1 <= answer.usage.completion_tokens <= 4)


def chat_with_parts(target: Target) -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "it?"}]
    whole = ask(target, messages=[{"role": "user", "content": "What is it?"}])
    equal(
        ask(target, messages=[{"role": "user", "content": parts}]).choices[0].message.content,
        whole.choices[0].message.content,
    )


def chat_with_logprobs(target: Target) -> None:
    [choice] = ask(target, max_tokens=4, logprobs=True, top_logprobs=2).choices
    check_that(all(len(token.top_logprobs) >= 2 for token in choice.logprobs.content))


def chat_stream(target: Target) -> None:
    whole = ask(target)
    *words, usage = ask(target, stream=True, stream_options={"include_usage": True})
    equal("".join(chunk.choices[0].delta.content for chunk in words), whole.choices[0].message.content)
    equal(words[-1].choices[0].finish_reason, whole.choices[0].finish_reason)
    equal((usage.choices, usage.usage.total_tokens), ([], whole.usage.total_tokens))
    check_that(all(chunk.usage is None for chunk in ask(target, stream=True)))


def chat_stream_by_events(target: Target) -> None:
    with client(target).chat.completions.stream(model=MODEL, messages=CHAT, max_tokens=8, temperature=0.0) as stream:
        kinds = [event.type for event in stream]
        final = stream.current_completion_snapshot
    check_that("content.delta" in kinds)
    equal(final.choices[0].message.content, ask(target).choices[0].message.content)


def chat_calls_a_tool(target: Target) -> None:
    choice = {"type": "function", "function": {"name": "set_unit"}}
    answer = ask(target, max_tokens=GRAMMAR_TOKENS, tools=TOOLS, tool_choice=choice)
    [call] = answer.choices[0].message.tool_calls
    equal((call.id, call.type, call.function.name), ("0", "function", "set_unit"))
    check_that(json.loads(call.function.arguments)["unit"] in ("celsius", "fahrenheit"))
    equal(answer.choices[0].message.content, None)
    told = answer.choices[0].message.model_dump(exclude_none=True)
    answered = [*CHAT, told, {"role": "tool", "tool_call_id": call.id, "content": "done"}]
    check_that(ask(target, messages=answered).choices[0].message.content)
    [again] = ask(target, messages=answered, max_tokens=GRAMMAR_TOKENS, tools=TOOLS, tool_choice=choice).choices
    equal(again.message.tool_calls[0].id, "1")


def chat_streams_a_tool_call(target: Target) -> None:
    chunks = list(ask(target, max_tokens=GRAMMAR_TOKENS, tools=TOOLS, tool_choice="required", stream=True))
    calls = [chunk.choices[0].delta.tool_calls[0].function for chunk in chunks]
    equal([call.name for call in calls if call.name], ["set_unit"])
    check_that(json.loads("".join(call.arguments for call in calls))["unit"] in ("celsius", "fahrenheit"))
    check_that(chunks[-1].choices[0].finish_reason in ("stop", "length"))


def chat_without_the_tools(target: Target) -> None:
    [choice] = ask(target, tools=TOOLS, tool_choice="none").choices
    check_that(choice.message.content and choice.message.tool_calls is None)


def chat_in_a_form(target: Target) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": SCHEMA}}
    answer = ask(target, max_tokens=GRAMMAR_TOKENS, response_format=form)
    check_that(isinstance(json.loads(answer.choices[0].message.content)["sunny"], bool))
    check_that(ask(target, response_format={"type": "text"}).choices[0].message.content)


def completion(target: Target) -> None:
    answer = client(target).completions.create(model=MODEL, prompt=QUESTION, max_tokens=8, temperature=0, seed=1)
    equal((answer.object, answer.choices[0].index), ("text_completion", 0))
    check_that(answer.choices[0].text and answer.choices[0].finish_reason in ("length", "stop"))
    check_that(1 <= answer.usage.completion_tokens <= 8)


def completions_of_several_prompts(target: Target) -> None:
    prompts = [QUESTION, "Is water wet?"]
    fields: Any = {"model": MODEL, "prompt": prompts, "max_tokens": 8, "temperature": 0}
    whole = client(target).completions.create(**fields)
    equal([choice.index for choice in whole.choices], [0, 1])
    alone = client(target).completions.create(**{**fields, "prompt": prompts[1]})
    equal(whole.choices[1].text, alone.choices[0].text)
    chunks = list(client(target).completions.create(**fields, stream=True))
    for index, choice in enumerate(whole.choices):
        said = "".join(c.text for chunk in chunks for c in chunk.choices if c.index == index)
        check_that(said.startswith(choice.text))
    equal(sum(chunk.usage is not None for chunk in chunks), 2)


def raw_answers_tell_times(target: Target) -> None:
    response = client(target).chat.completions.with_raw_response.create(model=MODEL, messages=CHAT, max_tokens=4)
    check_that(int(response.headers["x-prompt-tokens"]) > 0)
    check_that(response.parse().choices)


def refused_values(target: Target) -> None:
    with raising(UnprocessableEntityError, saying="Input validation error: "):
        ask(target, max_tokens=0)
    with raising(APIError, saying="Input validation error: ") as caught:
        list(ask(target, max_tokens=0, stream=True))
    equal(caught[0].type, "validation")
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    with raising(UnprocessableEntityError, saying="this router serves text only"):
        ask(target, messages=[{"role": "user", "content": [image]}])
    with raising(UnprocessableEntityError, saying="Suffix is not supported"):
        client(target).completions.create(model=MODEL, prompt=QUESTION, suffix="!")


def keyed_wrong_key(target: Target) -> None:
    wrong = OpenAI(base_url=f"{target.url}/v1", api_key=WRONG_KEY, max_retries=0)
    with raising(AuthenticationError):
        wrong.chat.completions.create(model=MODEL, messages=CHAT)


def full_house(target: Target) -> None:
    held: list[Stream[ChatCompletionChunk]] = []

    def attempts() -> Iterator[bool]:
        while True:
            try:
                held.append(ask(target, max_tokens=HELD_TOKENS, stream=True))
                next(held[-1])
                ask(target, max_tokens=1)
            except RateLimitError as error:
                equal(error.body, "Model is overloaded")
                yield True
            except APIError as error:
                equal(error.type, "overloaded")
            yield False

    until_refused(attempts())
    for stream in held:
        stream.close()


def asynchronous(target: Target) -> None:
    asyncio.run(_asynchronous(target))


async def _asynchronous(target: Target) -> None:
    async with AsyncOpenAI(base_url=f"{target.url}/v1", api_key=target.key or "none", max_retries=0) as ours:
        fields: Any = {"model": MODEL, "messages": CHAT, "max_tokens": 8, "temperature": 0.0}
        whole = await ours.chat.completions.create(**fields)
        stream = await ours.chat.completions.create(**fields, stream=True)
        said = "".join([chunk.choices[0].delta.content async for chunk in stream])
        equal(said, whole.choices[0].message.content)
        answers = await asyncio.gather(
            *(ours.completions.create(model=MODEL, prompt=QUESTION, seed=3) for _ in range(3))
        )
        check_that(all(answer.choices[0].text for answer in answers))


if __name__ == "__main__":
    run(
        [
            models,
            chat,
            chat_by_newer_names,
            chat_with_parts,
            chat_with_logprobs,
            chat_stream,
            chat_stream_by_events,
            chat_calls_a_tool,
            chat_streams_a_tool_call,
            chat_without_the_tools,
            chat_in_a_form,
            completion,
            completions_of_several_prompts,
            raw_answers_tell_times,
            refused_values,
            keyed_wrong_key,
            asynchronous,
            full_house,
        ]
    )
