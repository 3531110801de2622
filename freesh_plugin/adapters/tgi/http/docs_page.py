"""The page of `/docs`: every route and type of our OpenAPI document, as HTML that needs nothing else."""

from html import escape
from typing import Any

Json = dict[str, Any]

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--get:#1d7a46;--post:#1f5fae}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.2rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0}
summary{cursor:pointer;padding:.55rem .8rem;display:flex;gap:.8rem;align-items:baseline;flex-wrap:wrap}
details[open]>summary{border-bottom:1px solid var(--line)}
.body{padding:.4rem .9rem .8rem;overflow-x:auto}
.method{font-weight:600;color:#fff;border-radius:.3rem;padding:0 .5rem;min-width:2.8rem;text-align:center}
.get{background:var(--get)}.post{background:var(--post)}
.path{font-weight:600}.what{opacity:.8}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600}pre{background:var(--soft);padding:.6rem;border-radius:.4rem;overflow-x:auto}
a{color:inherit}
"""


def docs_page(document: Json) -> bytes:
    """The page for an OpenAPI document."""
    info = document["info"]
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    types = "".join(_type(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])} Version {escape(info['version'])}. "
        '<a href="/api-doc/openapi.json">OpenAPI document</a></p>'
        f"<h2>Routes</h2>{operations}<h2>Types</h2>{types}</body></html>"
    ).encode()


def _operation(path: str, method: str, operation: Json) -> str:
    responses = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(response['description'])}</td>"
        f"<td>{'<br>'.join(_content(response.get('content', {})))}</td></tr>"
        for status, response in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {})
    request = f"<p>Body: {'<br>'.join(_content(body))}</p>" if body else ""
    return (
        f'<details><summary><span class="method {method}">{method.upper()}</span>'
        f'<code class="path">{escape(path)}</code><span class="what">{escape(operation["summary"])}</span></summary>'
        f'<div class="body">{request}<table><tr><th>Status</th><th>Meaning</th><th>Content</th></tr>{responses}</table>'
        "</div></details>"
    )


def _content(content: Json) -> list[str]:
    return [f"<code>{escape(kind)}</code> {_schema(media['schema'])}" for kind, media in content.items()]


def _type(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' (required)' if field in required else ''}</td>"
        f"<td>{_schema(part)}</td><td>{escape(str(part.get('description', '')))}</td></tr>"
        for field, part in schema.get("properties", {}).items()
    )
    table = f"<table><tr><th>Field</th><th>Type</th><th>Meaning</th></tr>{rows}</table>" if rows else _schema(schema)
    return (
        f'<details id="{escape(name)}"><summary><code class="path">{escape(name)}</code>'
        f'<span class="what">{escape(schema.get("description", ""))}</span></summary>'
        f'<div class="body">{table}</div></details>'
    )


def _schema(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if "anyOf" in schema:
        return " or ".join(_schema(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(repr(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    kind = schema.get("type", "any value")
    return f"<code>{escape(kind if isinstance(kind, str) else ' or '.join(kind))}</code>"
