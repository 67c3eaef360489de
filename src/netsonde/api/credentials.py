# SPDX-License-Identifier: Apache-2.0
"""What a request brings to say who makes it, from where clients of the reference put it.

What is given for this request comes before the cookie that a browser sends by itself: an old cookie spoils nothing.
"""

import base64
import binascii
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from netsonde.access.gate import Credentials
from netsonde.api.asgi import Scope, headers_of

COOKIE = "authtoken"
_LONGEST = 16 * 1024


def credentials_of(scope: Scope) -> Credentials:
    """Return the credentials of a request; what cannot be understood is a wrong password, not none."""
    headers = headers_of(scope)
    authorization = headers.get("authorization", "").strip()
    if authorization:
        return _of_header(authorization)
    token = headers.get("x-auth-token", "").strip() or _of_query(scope.get("query_string", b""))
    if token:
        return Credentials(token=token[:_LONGEST])
    return Credentials(token=_cookie(headers), is_explicit=False)


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _of_header(text: str) -> Credentials:
    scheme, _, value = text.partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return Credentials(token=value.strip()[:_LONGEST])
    if scheme.lower() == "basic":
        try:
            user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return _WRONG
        if colon and (user or password):
            return Credentials(user, password)
    return _WRONG


_WRONG = Credentials(token="not understood")


def _of_query(query: bytes) -> str:
    """Browsers and exporters cannot set headers of WebSockets. Only looked for where it may be."""
    if b"x-auth-token" not in query:
        return ""
    try:
        return parse_qs(query.decode("ascii", "replace"), max_num_fields=100).get("x-auth-token", [""])[0]
    except ValueError:
        return ""


def _cookie(headers: Mapping[str, str]) -> str:
    text = headers.get("cookie", "")
    if COOKIE not in text or len(text) > _LONGEST:
        return ""
    try:
        # Repeated headers are joined by commas, which no cookie of ours has.
        cookies = SimpleCookie(text.replace(",", ";"))
    except CookieError:
        return ""
    found = cookies.get(COOKIE)
    return "" if found is None else found.value
