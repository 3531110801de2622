"""XML of a stranger as a tree: no document type, so no entities; bounded in depth and size; names without namespace."""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from freesh_plugin.core.errors import SourceError

DEEPEST = 32
MOST_ELEMENTS = 500_000


def parse_xml(body: bytes) -> Element:
    """The root of a document.

    Raises:
        SourceError: it is not well-formed, declares a document type, or is too deep or too large.
    """
    builder = _Bounded()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.tree.data
    # Entities can be declared in a document type alone: without it nothing expands, and nothing is fetched.
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two for encodings nobody knows
        raise SourceError(f"not well-formed XML: {error}") from error
    return builder.tree.close()


class _Bounded:
    """Builds the tree, and counts."""

    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self._depth = self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > MOST_ELEMENTS:
            raise SourceError(
                f"XML with {self._elements} elements, {self._depth} deep; limits {MOST_ELEMENTS} and {DEEPEST}"
            )
        self.tree.start(_local(name), attributes)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.tree.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _refuse_doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
    del system, public, internal
    raise SourceError(f"XML declares a document type {name[:50]!r}, which is not read")
