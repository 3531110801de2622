"""JSON of OpenAI's older completions: a prompt or several, and the text that follows each."""

from typing import Annotated

import msgspec
from msgspec import Meta

from freesh_plugin.adapters.tgi.http.openai.chat_types import Usage

_U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class CompletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a completion request. Fields that TGI ignores (`n`, `best_of`, `echo`, …) are ignored."""

    prompt: str | Annotated[list[str], Meta(min_length=1)]
    model: str | None = None
    max_tokens: _U32 | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool = False
    seed: Annotated[int, Meta(ge=0)] | None = None
    suffix: str | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: list[str] | str | None = None

    @property
    def prompts(self) -> list[str]:
        """Its prompts."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class CompletionChoice(msgspec.Struct, frozen=True):
    """Text that follows prompt number `index`; in a stream a piece of it, and an empty reason until the last."""

    index: int
    text: str
    logprobs: None
    finish_reason: str


class CompletionChunk(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="text_completion"):
    """One event of a streamed completion; the last one of each prompt has its token counts."""

    id: str = ""
    created: int
    choices: list[CompletionChoice]
    model: str
    system_fingerprint: str
    usage: Usage | msgspec.UnsetType = msgspec.UNSET


class Completion(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="text_completion"):
    """Whole completions, one for each prompt."""

    id: str = ""
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Usage
