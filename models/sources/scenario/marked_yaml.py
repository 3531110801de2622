"""YAML whose values remember the line they stand on, read with the safe loader."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import yaml

from freesh_plugin.core.errors import ScenarioError
from models.sources.scenario.spot import Spot, nearest
from models.sources.scenario.text_file import read_text

MAX_YAML_BYTES = 1024 * 1024
"""Largest YAML file that is read, bytes; its parser is slow."""


@dataclass(frozen=True)
class Entry(Spot):
    """A node of a YAML document; `value` is its scalar, None for a mapping, a list or null."""

    file: str
    path: str
    node: yaml.Node

    @property
    def is_null(self) -> bool:
        """Whether the node is null."""
        return self.node.tag == "tag:yaml.org,2002:null"

    def mapping(self) -> "dict[str, Entry]":
        """Entries by key, in the order of the file; a key that stands twice is an error."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.fault(f"{self._shown()} is not a mapping of keys to values")
        entries: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = _entry(self.file, self.path, key_node).name()
            entry = _entry(self.file, f"{self.path}.{key}".lstrip("."), value_node)
            if key in entries:
                raise entry.fault(f"key {key!r} stands twice")
            entries[key] = entry
        return entries

    def fields(self, required: Collection[str], optional: Collection[str]) -> "dict[str, Entry]":
        """Entries of a mapping that must have the required keys and may have the optional ones, no other."""
        entries = self.mapping()
        known = (*required, *optional)
        for key, entry in entries.items():
            if key not in known:
                raise entry.fault(f"unknown key {key!r}{nearest(key, known)}")
        for key in required:
            if key not in entries:
                raise self.fault(f"required key {key!r} is missing")
        return entries

    def items(self) -> "list[Entry]":
        """Entries of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.fault(f"{self._shown()} is not a list")
        return [_entry(self.file, f"{self.path}[{i}]", node) for i, node in enumerate(self.node.value)]

    @property
    def is_list(self) -> bool:
        """Whether the node is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        """Whether the node is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def _shown(self) -> str:
        return "a list" if self.is_list else "a mapping" if self.is_mapping else repr(self.value)

    def _number(self) -> float:
        quoted = isinstance(self.value, str) and getattr(self.node, "style", None) is not None
        if quoted or not isinstance(self.node, yaml.ScalarNode):
            raise self.fault(f"{self._shown()} is not a number")
        # An unquoted text may still be a number: YAML 1.1 reads 1e3 as a text, people mean the number.
        return super()._number()


def read_yaml(path: Path) -> Entry:
    """The document of a YAML file.

    Raises:
        ScenarioError: the file is missing, empty, too large, or not YAML; names file and line.
    """
    text = read_text(path, MAX_YAML_BYTES)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ScenarioError(f"{path.name}{line}: not YAML: {problem}") from error
    except RecursionError as error:
        raise ScenarioError(f"{path.name}: nested too deeply") from error
    if node is None:
        raise ScenarioError(f"{path.name}: the file is empty")
    return _entry(path.name, "", node)


def _entry(file: str, path: str, node: yaml.Node) -> Entry:
    where = f"{file}, line {node.start_mark.line + 1}" + (f", {path}" if path else "")
    return Entry(where, _scalar(where, node), file, path, node)


def _scalar(where: str, node: yaml.Node) -> object:
    if not isinstance(node, yaml.ScalarNode):
        return None
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise ScenarioError(f"{where}: {node.value!r} cannot be read: {error}") from error
