# SPDX-License-Identifier: Apache-2.0
"""The table of routes in the reference page of the API, from the OpenAPI document; the words around it are written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from netsonde.api.app import create_app
from netsonde.api.inside import InsideApi
from netsonde.api.openapi import document
from netsonde.api.services import Services
from netsonde.api.settings import ApiSettings
from netsonde.graph import Graph

PAGE: Final = Path(__file__).resolve().parent.parent / "docs/reference/api.md"
_BEGIN, _END = "<!-- routes: written by `make docs` -->\n", "<!-- end of routes -->\n"
_HEAD: Final = "| Method, path | What | Parameters | Body | Answer | Codes |\n|---|---|---|---|---|---|\n"
_COMMON: Final = ("400", "403", "404", "421", "503")
"""Codes that are told of once, above the table."""
_MOST_MEMBERS: Final = 7
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_RESOURCES: Final = ("alert", "capture", "edgerule", "injectpacket", "noderule", "workflow", "node", "edge")
_PATCHED: Final = ("alert", "workflow", "node", "edge")
_KNOWN: Final = {
    *(("get", path) for path in ("/api", "/api/topology", "/api/status", "/api/config/{key}")),
    *(("post", path) for path in ("/login", "/api/topology", "/api/pcap")),
}
"""What the reference has, besides its resources."""

Schema = Mapping[str, Any]


def api_page() -> str:
    """Return the page with its table written anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{_HEAD}{''.join(_rows(_document()))}{_END}{after}"


def _document() -> Schema:
    # Routes need to know nothing else before they are asked.
    nobody = SimpleNamespace(settings=ApiSettings(), graph=Graph("", "", int), gate=None, inside=InsideApi())
    app = create_app(cast(Services, nobody))
    return document(app.openapi_schema.to_schema())


def _rows(schema: Schema) -> Iterator[str]:
    components = schema["components"]["schemas"]
    for path, item in sorted(schema["paths"].items()):
        for method in (one for one in _METHODS if one in item):
            operation = item[method]
            mark = "" if _is_known(method, path) else " ✨"
            cells = (
                f"{method.upper()} `{path}`{mark}",
                operation.get("summary", ""),
                ", ".join(f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] != "path"),
                _content(operation.get("requestBody", {}), components),
                _answer(operation["responses"], components),
                ", ".join(code for code in sorted(operation["responses"]) if code not in _COMMON),
            )
            yield f"| {' | '.join(cells)} |\n"


def _is_known(method: str, path: str) -> bool:
    if (method, path) in _KNOWN:
        return True
    _, api, resource, *rest = [*path.split("/"), "", ""][:5]
    if api != "api" or resource not in _RESOURCES:
        return False
    wanted = "/".join(part for part in rest if part)
    if not wanted:
        return method in ("get", "post")
    is_one = wanted.startswith("{") and "/" not in wanted
    return (is_one and (method in ("get", "delete") or (method == "patch" and resource in _PATCHED))) or (
        path == "/api/workflow/{uuid}/call"
    )


def _answer(responses: Schema, components: Schema) -> str:
    done: Schema
    done = next((responses[code] for code in sorted(responses) if code.startswith("2") and code != "204"), {})
    return _content(done, components)


def _content(described: Schema, components: Schema) -> str:
    """Return what a body or an answer is: its members if they are few, and its further forms."""
    content: Schema = described.get("content", {})
    shapes = dict.fromkeys(_shape(one.get("schema", {}), components) for one in content.values())
    return " or ".join(shape for shape in shapes if shape)


def _shape(schema: Schema, components: Schema) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        members = list(components[name].get("properties", {}))
        return f"`{{{', '.join(members)}}}`" if len(members) <= _MOST_MEMBERS else f"`{name.partition('_')[0]}`"
    if schema.get("type") == "array":
        return f"list of {_shapes(schema.get('items', {}), components)}"
    if "additionalProperties" in schema:
        return f"{_shapes(schema['additionalProperties'], components)} by id"
    if schema.get("format") == "binary":
        return "a file"
    return {"string": "text", "object": "an object"}.get(str(schema.get("type")), "JSON")


def _shapes(schema: Schema, components: Schema) -> str:
    return "objects" if schema.get("type") == "object" else _shape(schema, components)
