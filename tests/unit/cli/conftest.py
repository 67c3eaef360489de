# SPDX-License-Identifier: Apache-2.0
"""The command line against a real server over fake services, in a thread of its own."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from netsonde.cli.main import run
from unit.api.served import Server

__all__ = ["Command", "Output", "Server"]


class Output(NamedTuple):
    """What a command line did."""

    status: int
    out: str
    err: str


Command = Callable[..., Output]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setenv("NETSONDE_URL", server.url)
    yield server
    server.stop()


@pytest.fixture
def netsonde(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    """Run a command line in this process."""

    def call(*arguments: str) -> Output:
        status = run(arguments)
        out, err = capfdbinary.readouterr()
        return Output(status, out.decode("utf-8", "surrogateescape"), err.decode())

    return call
