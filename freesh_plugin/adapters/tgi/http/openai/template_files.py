"""Finds a model's chat templates in its files: tokenizer and processor configuration, and the files of their own."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.openai.templates import (
    DEFAULT,
    TOOL_USE,
    ChatTemplate,
    ChatTemplates,
    compile_template,
)
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer_files import find_model_file

log = logging.getLogger(__name__)


class _NamedTemplate(msgspec.Struct, frozen=True):
    name: str
    template: str


class _AddedToken(msgspec.Struct, frozen=True):
    content: str


_Token = str | _AddedToken
_Templates = str | list[_NamedTemplate]


class _TokenizerConfig(msgspec.Struct, frozen=True):
    chat_template: _Templates | None = None
    bos_token: _Token | None = None
    eos_token: _Token | None = None


class _ProcessorConfig(msgspec.Struct, frozen=True):
    chat_template: _Templates | None = None


Find = Callable[[str], Path | None]
_Config = TypeVar("_Config", bound=msgspec.Struct)


def model_templates(settings: RouterSettings) -> ChatTemplates:
    """Chat templates of the model that is served."""
    config = settings.tokenizer_config_path
    return load_templates(lambda name: find_model_file(settings, name), Path(config) if config else None)


def load_templates(find: Find, tokenizer_config: Path | None = None) -> ChatTemplates:
    """Chat templates of a model; empty when it has none. A broken file or template is logged and passed over.

    Files of their own come first (`chat_template.json`, `chat_template.jinja`), then the tokenizer's configuration,
    then the processor's.

    Args:
        find: Path of one of the model's files by its name, or None.
        tokenizer_config: File to read in place of the model's `tokenizer_config.json`.
    """
    config = _read(tokenizer_config or find("tokenizer_config.json"), _TokenizerConfig) or _TokenizerConfig()
    bos, eos = _token_text(config.bos_token), _token_text(config.eos_token)
    for sources in _sources(find, config):
        if sources:
            return ChatTemplates(_compiled(sources, bos, eos))
    return ChatTemplates()


def _sources(find: Find, config: _TokenizerConfig) -> Iterator[Mapping[str, str]]:
    standalone = _read(find("chat_template.json"), _ProcessorConfig)
    yield _named(standalone.chat_template if standalone else None)
    files = {DEFAULT: "chat_template.jinja", TOOL_USE: f"additional_chat_templates/{TOOL_USE}.jinja"}
    texts = {name: _text(find(file)) for name, file in files.items()}
    yield {name: text for name, text in texts.items() if text is not None}
    yield _named(config.chat_template)
    processor = _read(find("processor_config.json"), _ProcessorConfig)
    yield _named(processor.chat_template if processor else None)


def _named(templates: _Templates | None) -> Mapping[str, str]:
    if templates is None:
        return {}
    return {DEFAULT: templates} if isinstance(templates, str) else {t.name: t.template for t in templates}


def _compiled(sources: Mapping[str, str], bos: str | None, eos: str | None) -> Mapping[str, ChatTemplate]:
    templates: dict[str, ChatTemplate] = {}
    for name, source in sources.items():
        try:
            templates[name] = compile_template(source, bos, eos)
        except ApiError as error:
            log.warning("chat_template_refused name=%s reason=%s", name, error)
    return templates


def _read(path: Path | None, kind: type[_Config]) -> _Config | None:
    text = _text(path)
    try:
        return None if text is None else msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        log.warning("model_file_refused path=%s reason=%s", path, error)
        return None


def _text(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("model_file_unreadable path=%s reason=%s", path, error)
        return None


def _token_text(token: _Token | None) -> str | None:
    return token.content if isinstance(token, _AddedToken) else token
