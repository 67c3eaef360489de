# SPDX-License-Identifier: Apache-2.0
"""An OpenStack that answers as a real one did (Keystone 22 and Neutron 21, recorded); it filters lists as Neutron does.

`account` names who may log in, with the password `right`: `admin` sees all, `demo` what is its own. Everything can be
changed between two questions, and several things can be wrong with the answers.
"""

import gzip
import json
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

_RECORDED: Final = json.loads((Path(__file__).parent / "data/openstack/answers.json").read_text())
_LISTS: Final = {"security-groups": "security_groups"}
Thing = dict[str, Any]


class RecordedCloud:
    """What the cloud holds, who asked for what, and what is wrong with it."""

    def __init__(self) -> None:
        self.port = 0
        self.scheme = "http"
        self.things: dict[str, dict[str, dict[str, Thing]]] = {
            account: {kind: _by_id(answers[kind][_LISTS.get(kind, kind)]) for kind in _kinds(answers)}
            for account, answers in _RECORDED["neutron"].items()
            if account in ("admin", "demo")
        }
        self.asked: list[str] = []
        """Paths with their questions, in order; log-ins as `POST /v3/auth/tokens`."""
        self.projects: dict[str, str] = {}
        """Names of further projects by id."""
        self.page = 1000
        """Objects of one answer at most, whatever is asked for."""
        self.password = "right"
        self.tokens: dict[str, str] = {}
        """Accounts by their tokens; to clear it revokes them all."""
        self.answers: dict[str, tuple[int, bytes]] = {}
        """Status and body for a kind, in place of what it would be."""
        self.zips = False
        """Whether answers are packed, as many a proxy before a cloud does."""
        self.holds: Callable[[str], bool] = lambda _: False
        """Whether Neutron's answer to a question is held back."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v3"

    def one(self, kind: str, **fields: object) -> Thing:
        """Return the object of a kind that an administrator sees with these fields."""
        found = [one for one in self.things["admin"][kind].values() if fields.items() <= one.items()]
        assert len(found) == 1, found
        return found[0]

    def change(self, kind: str, id: str, **fields: object) -> None:
        """Change an object, as its owner or an agent would."""
        with self.lock:
            for things in self.things.values():
                if id in things[kind]:
                    revision = things[kind][id]["revision_number"] + 1
                    things[kind][id] = {**things[kind][id], **fields, "revision_number": revision}

    def add(self, kind: str, like: Thing, **fields: object) -> str:
        """Add an object; returns its id."""
        made = {**like, "id": str(uuid.uuid4()), **fields}
        with self.lock:
            for things in self.things.values():
                things[kind][made["id"]] = made
        return str(made["id"])

    def delete(self, kind: str, id: str) -> None:
        with self.lock:
            for things in self.things.values():
                things[kind].pop(id, None)

    def login(self, body: Any) -> tuple[int, Any, dict[str, str]]:
        identity = body["auth"]["identity"]["password"]["user"]
        name = identity["name"]
        if identity["password"] != self.password or name not in self.things:
            return 401, _RECORDED["keystone"]["refused"]["body"], {}
        token = uuid.uuid4().hex
        self.tokens[token] = name
        answer = json.dumps(_RECORDED["keystone"][name]["token"]["body"])
        # The catalogue names the ports of the real one; its tokens were good for an hour.
        for real in (":5000", ":9696"):
            answer = answer.replace(f"http://127.0.0.1{real}", f"{self.scheme}://127.0.0.1:{self.port}")
        token_body = json.loads(answer)
        token_body["token"]["expires_at"] = "2099-01-01T00:00:00.000000Z"
        return 201, token_body, {"X-Subject-Token": token}

    def get(self, path: str, asked: dict[str, list[str]], token: str) -> tuple[int, Any]:
        if path.rstrip("/") == "/v3":
            body = json.dumps(_RECORDED["keystone"]["versions"]["body"])
            return 200, json.loads(body.replace("http://127.0.0.1:5000", f"{self.scheme}://127.0.0.1:{self.port}"))
        account = self.tokens.get(token)
        if account is None:
            return 401, _RECORDED["neutron"]["unauthorized"]["body"]
        if path in ("/v3/projects", "/v3/auth/projects"):
            answer = _RECORDED["keystone"][account][path.removeprefix("/v3/").replace("/", "_")]
            more = [{"id": id, "name": name} for id, name in self.projects.items()]
            shown = {"projects": answer["body"]["projects"] + more} if answer["status"] == 200 else answer["body"]
            return answer["status"], shown
        kind = path.removeprefix("/v2.0/")
        if kind not in self.things[account]:
            return 404, _RECORDED["neutron"][account]["none"]["body"]
        with self.lock:
            return self._list(kind, self.things[account][kind], asked)

    def _list(self, kind: str, things: dict[str, Thing], asked: dict[str, list[str]]) -> tuple[int, Any]:
        marker = asked.get("marker", [""])[0]
        if marker and marker not in things:
            return 404, _RECORDED["neutron"]["admin"]["badmarker"]["body"]
        wanted = [things[one] for one in sorted(things) if one > marker and one in asked.get("id", things)]
        most = min(self.page, int(asked.get("limit", ["1000"])[0]))
        member, page = _LISTS.get(kind, kind), wanted[:most]
        fields = asked.get("fields")
        answer: Any = {member: [{k: v for k, v in one.items() if fields is None or k in fields} for one in page]}
        if len(wanted) > most:
            answer[f"{member}_links"] = [{"rel": "next", "href": "http://…"}]
        return 200, answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that have had enough; what else goes wrong is seen by its answer."""


@contextmanager
def recorded_cloud(tls: ssl.SSLContext | None = None) -> Iterator[RecordedCloud]:
    """Serve a cloud of one's own until the end of the block."""
    cloud = RecordedCloud()
    server = _Server(("127.0.0.1", 0), _handler(cloud))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        cloud.scheme = "https"
    cloud.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        cloud.holds = lambda _: False
        server.shutdown()
        server.server_close()


def _handler(cloud: RecordedCloud) -> type[BaseHTTPRequestHandler]:
    """Return what answers a request for a cloud."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            cloud.asked.append(f"{self.command} {self.path}")
            self._answer(*cloud.login(body))

        def do_GET(self) -> None:
            cloud.asked.append(f"{self.command} {self.path}")
            path, _, _ = self.path.partition("?")
            while path.startswith("/v2.0/") and cloud.holds(self.path):
                threading.Event().wait(0.02)
            given = cloud.answers.get(path.rpartition("/")[2])
            if given is not None:
                self._send(given[0], given[1], {})
                return
            asked = parse_qs(urlsplit(self.path).query)
            self._answer(*cloud.get(path, asked, self.headers.get("X-Auth-Token", "")), {})

        def _answer(self, status: int, body: object, headers: dict[str, str]) -> None:
            self._send(status, json.dumps(body).encode(), headers)

        def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            if cloud.zips:
                content, headers = gzip.compress(content), {**headers, "Content-Encoding": "gzip"}
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # whoever asked has had enough

    return Handler


def _by_id(things: list[Thing]) -> dict[str, Thing]:
    return {one["id"]: one for one in things}


def _kinds(answers: Thing) -> list[str]:
    return [kind for kind, answer in answers.items() if _LISTS.get(kind, kind) in answer]
