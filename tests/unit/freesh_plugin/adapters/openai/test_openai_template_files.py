"""Where a model's chat templates are found, and which one wins."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from freesh_plugin.adapters.tgi.http.openai.chat_messages import Message
from freesh_plugin.adapters.tgi.http.openai.template_files import load_templates
from freesh_plugin.adapters.tgi.http.openai.templates import ChatTemplates


def finder(folder: Path) -> Callable[[str], Path | None]:
    return lambda name: path if (path := folder / name).is_file() else None


def write(folder: Path, **files: object) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def rendered(templates: ChatTemplates) -> str:
    return templates.render([Message("user", "Hello")])


def test_the_tokenizers_configuration_brings_template_and_tokens(tmp_path: Path) -> None:
    tokens = {"bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>", "lstrip": False}}
    write(tmp_path, tokenizer_config={"chat_template": "{{ bos_token }}{{ eos_token }}", **tokens})
    assert rendered(load_templates(finder(tmp_path))) == "<s></s>"


def test_a_file_of_its_own_comes_first_and_the_processor_last(tmp_path: Path) -> None:
    write(tmp_path, processor_config={"chat_template": "processor"})
    assert rendered(load_templates(finder(tmp_path))) == "processor"
    write(tmp_path, tokenizer_config={"chat_template": "tokenizer"})
    assert rendered(load_templates(finder(tmp_path))) == "tokenizer"
    (tmp_path / "chat_template.jinja").write_text("jinja")
    assert rendered(load_templates(finder(tmp_path))) == "jinja"
    write(tmp_path, chat_template={"chat_template": "json"})
    assert rendered(load_templates(finder(tmp_path))) == "json"


def test_another_tokenizer_configuration_may_be_named(tmp_path: Path) -> None:
    write(tmp_path, tokenizer_config={"chat_template": "model"}, other={"chat_template": "operator"})
    assert rendered(load_templates(finder(tmp_path), tmp_path / "other.json")) == "operator"


def test_named_templates_are_all_read(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools }}"}]
    write(tmp_path, tokenizer_config={"chat_template": named})
    templates = load_templates(finder(tmp_path))
    assert set(templates.by_name) == {"default", "tool_use"}
    assert templates.by_name["tool_use"].uses_tools


def test_a_folder_of_more_templates_is_read(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("plain")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tool_use.jinja").write_text("tools")
    assert set(load_templates(finder(tmp_path)).by_name) == {"default", "tool_use"}


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"chat_template": 3}', "\xff"])
def test_a_broken_file_is_logged_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / "tokenizer_config.json").write_text(content, encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        assert load_templates(finder(tmp_path)).by_name == {}
    assert "tokenizer_config.json" in caplog.text


def test_a_broken_template_is_logged_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, tokenizer_config={"chat_template": "{% if %}"})
    with caplog.at_level(logging.WARNING):
        assert load_templates(finder(tmp_path)).by_name == {}
    assert "chat_template_refused name=default" in caplog.text
