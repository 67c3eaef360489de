# SPDX-License-Identifier: Apache-2.0
"""`netsonde extcap` answers what Wireshark asks of a plug-in."""

import os
import subprocess
from pathlib import Path

from netsonde.model.captures import Capture
from unit.cli.conftest import Command, Server


def test_captures_are_listed_as_interfaces_whatever_their_names(netsonde: Command, server: Server) -> None:
    capture = Capture(uuid="c1-uuid}\n", gremlin_query="G.V()", name="a {b}\nc")
    server.do(lambda: server.fakes.captures.put(capture))
    done = netsonde("extcap", "--extcap-interfaces", "--extcap-version=4.0")
    assert done.status == 0
    first, second = done.out.splitlines()
    assert first.startswith("extcap {version=")
    assert second.startswith("interface {value=netsonde-c1-uuid  }{display=Netsonde: a  b  c")


def test_without_a_server_there_are_no_interfaces_and_no_failure(netsonde: Command) -> None:
    done = netsonde("extcap", "--extcap-interfaces", "--url", "http://127.0.0.1:1")
    assert (done.status, len(done.out.splitlines())) == (0, 1)
    assert "no server answers" in done.err


def test_link_types_and_settings_are_told(netsonde: Command) -> None:
    assert netsonde("extcap", "--extcap-dlts", "--extcap-interface", "x").out.startswith("dlt {number=1}")
    assert "{call=--url}" in netsonde("extcap", "--extcap-config", "--extcap-interface", "x").out


def test_a_capture_that_is_gone_is_an_error_before_the_pipe(netsonde: Command, server: Server, tmp_path: Path) -> None:
    done = netsonde("extcap", "--capture", "--extcap-interface", "netsonde-c9", "--fifo", str(tmp_path / "no"))
    assert done.status == 1
    assert not (tmp_path / "no").exists()


def test_a_filter_is_refused_rather_than_ignored(netsonde: Command, tmp_path: Path) -> None:
    given = ("--capture", "--extcap-interface", "netsonde-c1", "--fifo", str(tmp_path / "no"))
    assert netsonde("extcap", *given, "--extcap-capture-filter", "tcp").status == 1


def test_nothing_to_do_is_wrong_usage(netsonde: Command) -> None:
    assert netsonde("extcap").status == 2


def test_the_script_that_is_installed_is_a_plug_in(netsonde: Command, tmp_path: Path) -> None:
    assert netsonde("extcap", "--install", str(tmp_path / "extcap")).status == 0
    script = tmp_path / "extcap" / "netsonde"
    assert os.access(script, os.X_OK)
    asked = [str(script), "--extcap-dlts", "--extcap-interface", "x"]
    answered = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20)
    assert answered.stdout.startswith("dlt ")
