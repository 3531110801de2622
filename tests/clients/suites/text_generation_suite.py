"""Checks of `text-generation`, TGI's own Python client: both of its clients, every method that a router answers."""

# mypy: ignore-errors
# Its library is in an environment of its own.

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import requests
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
from text_generation import AsyncClient, Client
from text_generation.errors import OverloadedError, ValidationError
from text_generation.types import FinishReason, Grammar, GrammarType, Message, StreamResponse, Tool

MESSAGES = [Message(**message) for message in CHAT]
ENDS = {FinishReason.Length, FinishReason.EndOfSequenceToken}


def client(target: Target) -> Client:
    return Client(target.url, headers=target.headers, timeout=60)


def async_client(target: Target) -> AsyncClient:
    return AsyncClient(target.url, headers=target.headers, timeout=60)


def generate(target: Target) -> None:
    response = client(target).generate(QUESTION, max_new_tokens=8, decoder_input_details=True)
    details = response.details
    check_that(details.finish_reason in ENDS)
    check_that(1 <= details.generated_tokens <= 8)
    equal(len(details.tokens), details.generated_tokens)
    equal("".join(token.text for token in details.tokens if not token.special), response.generated_text)
    check_that(details.prefill and details.prefill[0].logprob is None)
    equal(details.seed, None)


def generate_is_repeatable(target: Target) -> None:
    once, again = (client(target).generate(QUESTION, max_new_tokens=8).generated_text for _ in range(2))
    equal(once, again)
    sampled = [client(target).generate(QUESTION, max_new_tokens=8, do_sample=True, seed=7) for _ in range(2)]
    equal(sampled[0].generated_text, sampled[1].generated_text)
    equal(sampled[0].details.seed, 7)


def generate_with_every_parameter(target: Target) -> None:
    response = client(target).generate(
        QUESTION,
        do_sample=True,
        max_new_tokens=4,
        repetition_penalty=1.1,
        frequency_penalty=0.1,
        return_full_text=True,
        seed=1,
        stop_sequences=["photographer"],
        temperature=0.7,
        top_k=10,
        top_p=0.9,
        truncate=5,
        typical_p=0.9,
        watermark=True,
        top_n_tokens=2,
    )
    check_that(response.generated_text.startswith(QUESTION))
    check_that(all(response.details.top_tokens))


def generate_best_of(target: Target) -> None:
    details = client(target).generate(QUESTION, max_new_tokens=4, do_sample=True, best_of=2).details
    equal(len(details.best_of_sequences), 1)


def generate_stops(target: Target) -> None:
    whole = client(target).generate(QUESTION, max_new_tokens=8)
    stop = whole.details.tokens[1].text
    response = client(target).generate(QUESTION, max_new_tokens=8, stop_sequences=[stop])
    equal(response.details.finish_reason, FinishReason.StopSequence)
    check_that(response.generated_text.endswith(stop))


def generate_by_grammar(target: Target) -> None:
    by_regex = Grammar(type=GrammarType.Regex, value=REGEX)
    text = client(target).generate(QUESTION, max_new_tokens=GRAMMAR_TOKENS, grammar=by_regex).generated_text
    check_that(len(text) == 3 and set(text) <= set("abc"), text)
    by_schema = Grammar(type=GrammarType.Json, value=SCHEMA)
    text = client(target).generate(QUESTION, max_new_tokens=GRAMMAR_TOKENS, grammar=by_schema).generated_text
    check_that(isinstance(json.loads(text)["sunny"], bool))


def generate_stream(target: Target) -> None:
    whole = client(target).generate(QUESTION, max_new_tokens=8)
    _check_stream(list(client(target).generate_stream(QUESTION, max_new_tokens=8)), whole.generated_text)


def _check_stream(events: list[StreamResponse], text: str) -> None:
    *before, last = events
    check_that(all(event.generated_text is None and event.details is None for event in before))
    equal(last.generated_text, text)
    equal(last.details.generated_tokens, len(events))
    check_that(last.details.finish_reason in ENDS)


def chat(target: Target) -> None:
    answer = client(target).chat(MESSAGES, max_tokens=8, seed=3, temperature=0.5, top_p=0.9)
    [choice] = answer.choices
    equal((answer.object, choice.message.role), ("chat.completion", "assistant"))
    check_that(choice.message.content and choice.finish_reason in ("length", "stop"))
    check_that(1 <= answer.usage["completion_tokens"] <= 8)


def chat_with_logprobs(target: Target) -> None:
    [choice] = client(target).chat(MESSAGES, max_tokens=4, logprobs=True, top_logprobs=2).choices
    check_that(all(len(token["top_logprobs"]) >= 2 for token in choice.logprobs["content"]))


def chat_calls_a_tool(target: Target) -> None:
    tools = [Tool(**tool) for tool in TOOLS]
    answer = client(target).chat(MESSAGES, max_tokens=GRAMMAR_TOKENS, tools=tools, tool_choice="set_unit")
    [call] = answer.choices[0].message.tool_calls
    equal(call["function"]["name"], "set_unit")
    check_that(json.loads(call["function"]["arguments"])["unit"] in ("celsius", "fahrenheit"))
    equal(answer.choices[0].message.content, None)


def chat_stream(target: Target) -> None:
    # This client reads OpenAI's closing `[DONE]` as JSON and raises, whichever router it talks to.
    chunks = []
    with raising(json.JSONDecodeError):
        for chunk in client(target).chat(MESSAGES, max_tokens=8, temperature=0.0, stream=True):
            chunks.append(chunk)  # what came before the error is what counts
    _check_chunks(target, chunks)


def _check_chunks(target: Target, chunks: list) -> None:
    whole = client(target).chat(MESSAGES, max_tokens=8, temperature=0.0)
    equal("".join(chunk.choices[0].delta.content for chunk in chunks), whole.choices[0].message.content)
    equal(chunks[-1].choices[0].finish_reason, whole.choices[0].finish_reason)


def refused_values(target: Target) -> None:
    with raising(ValidationError, saying="Input validation error: "):
        client(target).generate(QUESTION, max_new_tokens=4, stop_sequences=list("abcdefgh"))
    with raising(ValidationError, saying="Input validation error: "):
        list(client(target).generate_stream(QUESTION, max_new_tokens=4, stop_sequences=list("abcdefgh")))
    with raising(ValidationError, saying="Input validation error: "):
        client(target).chat(MESSAGES, max_tokens=0)


def keyed_wrong_key(target: Target) -> None:
    # The refusal is bare, as TGI's is; this client looks for JSON in it.
    with raising(requests.exceptions.JSONDecodeError):
        Client(target.url, headers={"Authorization": f"Bearer {WRONG_KEY}"}).generate(QUESTION)


def full_house(target: Target) -> None:
    held: list[Iterator[StreamResponse]] = []

    def attempts() -> Iterator[bool]:
        while True:
            try:
                held.append(client(target).generate_stream(QUESTION, max_new_tokens=HELD_TOKENS))
                next(held[-1])
                client(target).generate(QUESTION, max_new_tokens=1)
            except OverloadedError as error:
                equal(str(error), "Model is overloaded")
                yield True
            yield False

    until_refused(attempts())
    for stream in held:
        stream.close()


def asynchronous(target: Target) -> None:
    asyncio.run(_asynchronous(target))


async def _asynchronous(target: Target) -> None:
    whole = await async_client(target).generate(QUESTION, max_new_tokens=8)
    equal(whole.generated_text, client(target).generate(QUESTION, max_new_tokens=8).generated_text)
    stream = [event async for event in async_client(target).generate_stream(QUESTION, max_new_tokens=8)]
    _check_stream(stream, whole.generated_text)
    answer = await async_client(target).chat(MESSAGES, max_tokens=8, seed=3)
    check_that(answer.choices[0].message.content)
    chunks = []
    with raising(json.JSONDecodeError):
        async for chunk in await _chat_stream(target):
            chunks.append(chunk)  # what came before the error is what counts
    _check_chunks(target, chunks)
    with raising(ValidationError):
        await async_client(target).generate(QUESTION, stop_sequences=list("abcdefgh"))


async def _chat_stream(target: Target) -> AsyncIterator:
    return await async_client(target).chat(MESSAGES, max_tokens=8, temperature=0.0, stream=True)


if __name__ == "__main__":
    run(
        [
            generate,
            generate_is_repeatable,
            generate_with_every_parameter,
            generate_best_of,
            generate_stops,
            generate_by_grammar,
            generate_stream,
            chat,
            chat_with_logprobs,
            chat_calls_a_tool,
            chat_stream,
            refused_values,
            keyed_wrong_key,
            asynchronous,
            full_house,
        ]
    )
