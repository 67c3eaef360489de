# SPDX-License-Identifier: Apache-2.0
"""Every failure of a request as an answer: what, where, what to do; never a stack trace.

Text by default, as clients of the reference expect; `application/problem+json` (RFC 9457) when Accept asks for it.
"""

import math
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException

from netsonde.access.gate import Forbidden, Refused, TooManyAttempts
from netsonde.api.accept import accepts
from netsonde.errors import Conflict, NotFound, SourceLost, Span, UserError
from netsonde.observe import logger
from netsonde.query import Busy, NotAllowed

PROBLEM = "application/problem+json"
_log = logger("api")
_AROUND = 2000
"""Characters before and after a mistake that an answer repeats."""


class PreconditionFailed(UserError):
    """The resource is not the one that If-Match names (412)."""


class NotAcceptable(UserError):
    """The result cannot be given in the form that Accept asks for (406)."""


class TooLarge(UserError):
    """The request body is larger than allowed (413)."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as problem+json; `start` and `end` are character offsets into `text`."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    hint: str = ""
    text: str = ""
    start: int | None = None
    end: int | None = None


_STATUS: Mapping[type[Exception], int] = {
    NotFound: 404,
    NotAcceptable: 406,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    Busy: 429,
    Refused: 401,
    Forbidden: 403,
    NotAllowed: 403,
    TooManyAttempts: 429,
    UserError: 400,
    SourceLost: 503,
    TimeoutError: 503,
}


def problem_of(error: Exception, path: str) -> Problem:
    """Translate an exception; what is not expected becomes a 500 that names its entry in the log."""
    if isinstance(error, UserError):
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        text, start, end = _place(error)
        return Problem(_title(status), status, error.message, hint=error.hint, text=text, start=start, end=end)
    if isinstance(error, HTTPException):
        return _http_problem(error, path)
    if isinstance(error, TimeoutError):
        return Problem(
            _title(503), 503, "the request took too long and was given up", hint="ask for less, or try again"
        )
    if isinstance(error, SourceLost):
        return Problem(_title(503), 503, str(error), hint="try again; GET /readyz says what is missing")
    incident = uuid.uuid4().hex[:12]
    _log.error("request failed", path=path, incident=incident, exc_info=error)
    return Problem(
        _title(500), 500, f"internal error {incident}", hint="the analyzer's log has the details under this number"
    )


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    problem = problem_of(error, request.url.path)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    headers |= {"X-Content-Type-Options": "nosniff"} | headers_for(error, problem.status)
    if problem.status == HTTPStatus.UNAUTHORIZED and "sec-fetch-mode" in request.headers:
        # A browser would answer Basic with a window of its own over the page's.
        headers["WWW-Authenticate"] = 'Bearer realm="netsonde"'
    if accepts(request.headers.get("accept", ""), PROBLEM):
        body, media = msgspec.json.encode(problem), PROBLEM
    else:
        body, media = as_text(problem).encode(), "text/plain"
    return Response(content=body, status_code=problem.status, media_type=media, headers=headers)


def headers_for(error: Exception, status: int) -> dict[str, str]:
    """Return what a client can act upon: when to try again, how to log in."""
    if isinstance(error, TooManyAttempts):
        return {"Retry-After": str(max(1, math.ceil(error.wait)))}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return {"Retry-After": "1"}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Basic realm="netsonde", charset="UTF-8", Bearer realm="netsonde"'}
    return {}


def as_text(problem: Problem) -> str:
    """Return the error for a person: the message, the text with a caret under the place, the hint."""
    return explain(problem).explain().removeprefix("error: ") + "\n"


def explain(problem: Problem) -> UserError:
    """Return a problem as the error it came from."""
    span = Span(problem.start, problem.end) if problem.start is not None and problem.end is not None else None
    return UserError(problem.detail, hint=problem.hint, span=span, text=problem.text)


def _http_problem(error: HTTPException, path: str) -> Problem:
    status, detail, hint = error.status_code, error.detail or _title(error.status_code), ""
    if isinstance(error, NotFoundException):
        detail, hint = f"nothing is at {path}", "GET /api/openapi.json lists what there is"
    elif isinstance(error, MethodNotAllowedException):
        detail = f"{path} does not answer this method"
        hint = "GET /api/openapi.json lists the methods"
    elif isinstance(error, ValidationException):
        detail, hint = _wrong_parameters(error) or detail, "GET /api/openapi.json describes every parameter"
    elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        detail, hint = "the request body is too large", "packet files go to POST /api/pcap"
    elif status >= 500:
        detail = _title(status)
    return Problem(_title(status), status, detail, hint=hint)


def _place(error: UserError) -> tuple[str, int | None, int | None]:
    """Return the text around the mistake, and where in it the mistake is."""
    if error.span is None:
        return "", None, None
    first = max(0, error.span.start - _AROUND)
    text = error.text[first : error.span.start + _AROUND]
    return text, error.span.start - first, min(error.span.end - first, len(text))


def _wrong_parameters(error: ValidationException) -> str:
    """Name each parameter that Litestar refused."""
    found = error.extra if isinstance(error.extra, list) else []
    return "; ".join(
        f"{one.get('key', '')}: {one.get('message', '')}".lower() for one in found if isinstance(one, dict)
    )


def _title(status: int) -> str:
    return HTTPStatus(status).phrase
