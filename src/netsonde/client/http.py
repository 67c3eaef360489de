# SPDX-License-Identifier: Apache-2.0
"""Carries calls over the standard library's HTTP client, which is loaded five times as fast as any other.

Connections are kept and shared between threads. One that the server closed meanwhile is noticed before it is used.
"""

import http.client
import select
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

from netsonde.client.call import Answer, Call
from netsonde.client.errors import NoServer, error_of
from netsonde.client.server import Server, tls

T = TypeVar("T")

_CHUNK = 64 * 1024
_MOST_KEPT = 8
_LONGEST_ERROR = 1024 * 1024
START_HINT = "start one with `netsonde allinone`, or name another with --url or NETSONDE_URL"


class BlockingHttp:
    """One server. `timeout` (seconds) bounds connecting and each wait for more of an answer."""

    def __init__(
        self,
        server: Server,
        timeout: float = 60.0,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.server = server
        self._timeout = timeout
        self._headers = dict(headers or {})
        self._context = tls(server, context)
        self._kept: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        # Who forgets to close a client has not done anything that needs a warning.
        weakref.finalize(self, _close, self._kept)

    def send(self, call: Call[T]) -> T:
        """Return the read answer; raises UserError for one that is no success."""
        connection, is_kept = self._take()
        try:
            answer = self._exchange(connection, call)
        except _LOST as lost:
            connection.close()
            if not (is_kept and call.is_repeatable):
                raise self._lost(lost) from lost
            # It was closed between our look at it and our request.
            answer = self._exchange_anew(call)
        except BaseException:
            # An interrupted request leaves half an answer behind; the server sees the end and stops working on it.
            connection.close()
            raise
        return call.decode(answer)

    def stream(self, call: Call[T], timeout: float | None = None) -> Iterator[bytes]:
        """Yield the body as it arrives; without a timeout for as long as the server sends."""
        connection = self._connect()
        try:
            connection.sock.settimeout(timeout)
            response = self._ask(connection, call)
            if not 200 <= response.status < 300:
                raise self._error(response)
            while chunk := response.read1(_CHUNK):
                yield chunk
        except _LOST as lost:
            raise self._lost(lost) from lost
        finally:
            connection.close()

    def close(self) -> None:
        with self._lock:
            _close(self._kept)

    def _exchange_anew(self, call: Call[T]) -> Answer:
        connection = self._connect()
        try:
            return self._exchange(connection, call)
        except _LOST as lost:
            connection.close()
            raise self._lost(lost) from lost

    def _exchange(self, connection: http.client.HTTPConnection, call: Call[T]) -> Answer:
        response = self._ask(connection, call)
        if not 200 <= response.status < 300:
            raise self._error(response)
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, response.read())
        self._give_back(connection, response)
        return answer

    def _ask(self, connection: http.client.HTTPConnection, call: Call[T]) -> http.client.HTTPResponse:
        headers = {"Accept": call.accept, **self._headers, **call.headers}
        connection.request(call.method, self.server.prefix + call.path, call.body, headers)
        return connection.getresponse()

    def _error(self, response: http.client.HTTPResponse) -> Exception:
        body = response.read(_LONGEST_ERROR)
        return error_of(response.status, response.getheader("Content-Type", ""), body, self.server.url)

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        while True:
            with self._lock:
                connection = self._kept.pop() if self._kept else None
            if connection is None:
                return self._connect(), False
            if _is_silent(connection):
                return connection, True
            connection.close()

    def _give_back(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        with self._lock:
            if response.isclosed() and not response.will_close and len(self._kept) < _MOST_KEPT:
                self._kept.append(connection)
                return
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.server.host, self.server.port
        connection: http.client.HTTPConnection
        if self._context is not None:
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        try:
            connection.connect()
        except OSError as failed:
            reason = failed.strerror or str(failed)
            raise NoServer(f"no server answers at {self.server.url}: {reason}", hint=START_HINT) from failed
        return connection

    def _lost(self, lost: Exception) -> NoServer:
        return NoServer(f"the server at {self.server.url} went away: {lost or type(lost).__name__}")


_LOST = (http.client.HTTPException, OSError)


def _close(kept: list[http.client.HTTPConnection]) -> None:
    while kept:
        kept.pop().close()


def _is_silent(connection: http.client.HTTPConnection) -> bool:
    """Tell whether nothing has arrived on an idle connection: what would arrive is its end."""
    with suppress(OSError, ValueError, AttributeError):
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return not poll.poll(0)
    return False
