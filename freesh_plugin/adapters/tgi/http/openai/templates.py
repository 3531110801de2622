"""Chat templates: a conversation becomes the prompt that the model was trained on, in jinja2's sandbox."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import msgspec
from jinja2 import Environment, Template, TemplateError, UndefinedError, nodes
from jinja2.ext import Extension
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from freesh_plugin.adapters.tgi.http.openai.chat_errors import missing_variable, template_error
from freesh_plugin.adapters.tgi.http.openai.chat_messages import Message, TemplateMessage, template_messages

MAX_PROMPT_CHARS = 32 * 1024 * 1024
"""Longest prompt that a template may write; a template that multiplies its messages is stopped here."""

DEFAULT = "default"
TOOL_USE = "tool_use"
"""Names of the templates of a model that has several; the second one is taken when there are tools."""


class _Generation(Extension):
    """Reads `{% generation %}` blocks, which mark answers for training, as the plain text that they hold."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Body of the block, without the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@dataclass(frozen=True)
class OfferedTools:
    """Tools for the template, and the instruction that goes with them."""

    tools: list[dict[str, Any]]
    """Tool definitions as TGI shows them to templates."""
    as_text: str
    """The same as JSON text, for models whose template knows no tools."""
    prompt: str


@dataclass(frozen=True)
class ChatTemplate:
    """One compiled template with the tokens it may name.

    Attributes:
        template: The compiled jinja2 template.
        uses_tools: Whether it reads the variable `tools`.
        bos_token: Text of the token that begins a sequence, if the tokenizer has one.
        eos_token: Text of the token that ends one.
    """

    template: Template
    uses_tools: bool
    bos_token: str | None = None
    eos_token: str | None = None

    def render(self, messages: list[Message], offered: OfferedTools | None = None) -> str:
        """Prompt of a conversation, ready for the answer.

        A conversation that ends with the assistant's own message is continued there, as transformers' pipelines do.

        Raises:
            ApiError: the template refuses the conversation, fails, writes too much or lacks a variable.
        """
        plain = template_messages(messages, self._tool_text(offered))
        prompt = self._write(plain, None if offered is None else offered.tools)
        return _continued(prompt, plain[-1]) if plain and plain[-1].role == "assistant" else prompt

    def _tool_text(self, offered: OfferedTools | None) -> str:
        if offered is None:
            return ""
        return f"\n---\n{offered.prompt}" if self.uses_tools else f"\n---\n{offered.as_text}\n{offered.prompt}"

    def _write(self, messages: list[TemplateMessage], tools: list[dict[str, Any]] | None) -> str:
        variables = {
            "messages": [msgspec.to_builtins(message) for message in messages],
            "tools": tools,
            "add_generation_prompt": True,
            "bos_token": self.bos_token,
            "eos_token": self.eos_token,
        }
        known = {name: value for name, value in variables.items() if value is not None or name == "tools"}
        try:
            return _bounded(self.template, known)
        except UndefinedError as error:
            raise missing_variable(str(error)) from error
        except TemplateError as error:
            raise template_error(str(error)) from error
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # What a template computes with the client's text can fail in any of Python's ways.
            raise template_error(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class ChatTemplates:
    """The templates of one model by name; a model without any cannot chat."""

    by_name: Mapping[str, ChatTemplate] = field(default_factory=dict)

    def render(self, messages: list[Message], offered: OfferedTools | None = None) -> str:
        """Prompt of a conversation, by the template for tools if there are any and the model has one.

        Raises:
            ApiError: the model has no template, or it refuses the conversation.
        """
        template = self.by_name.get(TOOL_USE) if offered is not None else None
        template = template or self.by_name.get(DEFAULT)
        if template is None:
            raise template_error("template not found: this model has no chat template")
        return template.render(messages, offered)


NO_TEMPLATES = ChatTemplates()
"""Of a model that cannot chat."""


def compile_template(
    source: str,
    bos_token: str | None = None,
    eos_token: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
) -> ChatTemplate:
    """Compile a model's chat template; `now` is what its `strftime_now` tells.

    Raises:
        ApiError: it is not a jinja2 template.
    """
    environment = _environment(now)
    # Content reaches templates as text: one that asks for its first part (Gemma 3) is given the text.
    source = source.replace("messages[0]['content'][0]['text']", "messages[0]['content']")
    try:
        undeclared = find_undeclared_variables(environment.parse(source))
        return ChatTemplate(environment.from_string(source), "tools" in undeclared, bos_token, eos_token)
    except (TemplateError, RecursionError) as error:
        raise template_error(str(error)) from error


def _environment(now: Callable[[], datetime]) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: now().strftime(form)
    return environment


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # jinja2's own filter escapes for HTML, which the models were not trained on.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _bounded(template: Template, variables: Mapping[str, object]) -> str:
    pieces: list[str] = []
    size_chars = 0
    for piece in template.generate(variables):
        size_chars += len(piece)
        if size_chars > MAX_PROMPT_CHARS:
            raise TemplateError(f"the prompt is longer than {MAX_PROMPT_CHARS} characters")
        pieces.append(piece)
    return "".join(pieces)


def _continued(prompt: str, last: TemplateMessage) -> str:
    index = prompt.rfind(last.content)
    return prompt if index < 0 else prompt[: index + len(last.content)].rstrip()
