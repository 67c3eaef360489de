# SPDX-License-Identifier: Apache-2.0
"""A cloud, as a real one answered, before a whole Netsonde: names live and in history, captures by name, a crash."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorded_cloud import RecordedCloud, recorded_cloud
from system.stack import Stack

pytestmark = pytest.mark.system


@pytest.fixture
def cloud() -> Iterator[RecordedCloud]:
    with recorded_cloud() as cloud:
        yield cloud


@pytest.fixture
def reading(cloud: RecordedCloud, tmp_path: Path) -> Iterator[Stack]:
    """An all-in-one that reads the cloud."""
    config = tmp_path / "netsonde.toml"
    config.write_text(
        f'[openstack.clouds.lab]\nauth_url = "{cloud.url}"\nusername = "admin"\npassword = "right"\ninterval = 2\n'
    )
    running = Stack(tmp_path / "state", env={"NETSONDE_CONFIG": str(config)}).start()
    yield running
    running.stop()


@pytest.fixture
def port(cloud: RecordedCloud) -> Iterator[str]:
    """A port of a machine, whose tap Nova named after it; the tap is gone afterwards."""
    mac = "fa:16:3e:" + os.urandom(3).hex(":")
    made = cloud.add("ports", cloud.one("ports", name="web"), name="mine", mac_address=mac, device_id=str(uuid.uuid4()))
    yield made
    subprocess.run(["ip", "link", "del", f"tap{made[:11]}"], check=False, stderr=subprocess.DEVNULL)


def test_tap_is_captured_by_its_name_in_neutron_and_keeps_it_over_a_crash(
    cloud: RecordedCloud, reading: Stack, port: str
) -> None:
    tap = f"tap{port[:11]}"
    named = f"V().Has('Name', '{tap}', 'Neutron.PortName', 'mine', 'Neutron.NetworkName', 'oslab-net')"
    capture = reading.capture("G.V().Has('Neutron.PortName', 'mine')")
    subprocess.run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"], check=True)
    reading.wait(lambda: len(reading.query(f"G.{named}")) == 1, 15, "named")
    reading.wait_capture(capture, "active")
    machine = reading.query(f"G.{named}.Values('VM.UUID')")
    assert machine == reading.query(f"G.{named}.Values('ExtID.vm-uuid')")
    reading.wait(lambda: len(reading.query(f"G.At('-0s').{named}")) == 1, 15, "named in history")

    cloud.password = "another"
    cloud.tokens.clear()
    reading.kill("analyzer")
    reading.wait(lambda: len(reading.query(f"G.{named}")) == 1, 30, "named after a crash, without the cloud")
    reading.wait(lambda: refused(reading), 15, "told that the log-in is refused")


def refused(stack: Stack) -> bool:
    status = stack.call("GET", "/api/status")
    parts = [process["Probes"]["openstack.lab"] for process in status["Processes"] if process["Service"] == "analyzer"]
    return any(part["State"] == "failed" and "refuses admin" in part["Reason"] for part in parts)
