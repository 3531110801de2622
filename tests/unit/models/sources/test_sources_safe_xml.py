"""XML of strangers: read with its namespaces gone, refused with a document type, too deep or too large."""

import pytest

from freesh_plugin.core.errors import SourceError
from models.sources import safe_xml
from models.sources.safe_xml import parse_xml


def test_names_lose_their_namespace_and_text_stays_whole() -> None:
    root = parse_xml(
        b'<?xml version="1.0"?><a xmlns="urn:x" xmlns:y="urn:y"><y:b k="v">1 &lt; 2 &#233;<!-- no -->!</y:b></a>'
    )
    assert root.tag == "a"
    assert [each.tag for each in root] == ["b"]
    assert root.findtext("b") == "1 < 2 é!"
    assert root[0].get("k") == "v"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no element found"),
        (b"plain", "syntax error"),
        (b"<a><b></a></b>", "mismatched tag"),
        (b"<a/><b/>", "junk after document element"),
        (b"<a>&undeclared;</a>", "undefined entity"),
        (b"<a>\xff</a>", "not well-formed"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding"),
        (b"<!DOCTYPE a><a/>", "declares a document type 'a'"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>', "declares a document type 'a'"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares a document type 'a'"),
        (b"<a>" * 33 + b"</a>" * 33, "33 deep; limits 500000 and 32"),
    ],
)
def test_what_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse_xml(body)


def test_too_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_xml, "MOST_ELEMENTS", 10)
    parse_xml(b"<a>" + b"<b/>" * 9 + b"</a>")
    with pytest.raises(SourceError, match="XML with 11 elements, 2 deep; limits 10 and 32"):
        parse_xml(b"<a>" + b"<b/>" * 10 + b"</a>")
