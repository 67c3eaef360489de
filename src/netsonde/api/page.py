# SPDX-License-Identifier: Apache-2.0
"""The web page: static files at /, with a policy that lets them load nothing from anywhere else.

The reference's own page can be kept beside it, at /ui_v2, where links and bookmarks of its users lead.
"""

import mimetypes
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from netsonde.access.rights import PUBLIC
from netsonde.api.requests import ServicesDep
from netsonde.errors import NotFound

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Styles may be inline: the graph canvas and the editor set them on elements."""

OLD_PAGE_HEADERS = SECURITY_HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )
}
"""Its index has scripts within, and it would evaluate scripts that a link names: the first is needed, the other is not
let in."""
_OLD_BASE = b"<< .BaseURL >>"

_API = ("api/", "ws/")


@get(["/", "/{path:path}"], right=PUBLIC, include_in_schema=False)
async def page(services: ServicesDep, path: FromPath[str] = "") -> Response[bytes]:
    """Serve a file of the page; its state is in the query string, so every other path is a mistake."""
    wanted = path.strip("/")
    if wanted.startswith(_API) or wanted in ("api", "ws"):
        raise NotFound(f"nothing is at /{wanted[:100]}", hint="GET /api/openapi.json lists what there is")
    if not (services.page / "index.html").is_file():
        raise NotFound("the web page is not part of this installation", hint="`make setup` builds it")
    file = _inside(services.page, wanted or "index.html")
    if file is None:
        raise NotFound(f"nothing is at /{wanted[:100]}", hint="the page is at /")
    return _file(file, immutable=wanted.startswith("assets/"))


@get(["/ui_v2", "/ui_v2/{path:path}"], right=PUBLIC, include_in_schema=False)
async def old_page(services: ServicesDep, path: FromPath[str] = "") -> Response[bytes]:
    """Serve a file of the reference's page, when there is one."""
    root = Path(services.settings.old_page) if services.settings.old_page else None
    if root is None or not (root / "index.html").is_file():
        raise NotFound(
            "Skydive's page is not served here",
            hint="the page is at /; the setting analyzer.old_page keeps the old one",
        )
    wanted = path.strip("/")
    file = _inside(root, wanted or "index.html")
    if file is None:
        raise NotFound(f"nothing is at /ui_v2/{wanted[:100]}", hint="the old page is at /ui_v2")
    content = file.read_bytes()
    if file.name == "index.html":
        content = content.replace(_OLD_BASE, b"/ui_v2/")
    headers = OLD_PAGE_HEADERS | {"Cache-Control": "no-cache"}
    return Response(content=content, media_type=_kind(file), headers=headers)


def _inside(root: Path, wanted: str) -> Path | None:
    """Return the file, unless the path leads out of the page's directory."""
    if "\0" in wanted:
        return None
    file = (root / wanted).resolve()
    return file if file.is_relative_to(root.resolve()) and file.is_file() else None


def _file(file: Path, *, immutable: bool) -> Response[bytes]:
    """Answer with a file; built assets carry a hash in their name and never change."""
    caching = "public, max-age=31536000, immutable" if immutable else "no-cache"
    headers = SECURITY_HEADERS | {"Cache-Control": caching}
    return Response(content=file.read_bytes(), media_type=_kind(file), headers=headers)


def _kind(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
