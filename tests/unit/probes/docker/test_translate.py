# SPDX-License-Identifier: Apache-2.0
"""From recorded and from hostile answers to what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.probes.containers import unix_ms
from netsonde.probes.docker.translate import container
from netsonde.schema import unlisted
from unit.probes.docker.lab import inspection, told


def test_container_of_a_compose_project_shows_labels_ports_networks_and_health() -> None:
    found = container(inspection(told("web")), "docker")
    assert found is not None
    assert (found.name, found.manager, found.owns_namespace) == ("web", "docker", True)
    facts = found.facts
    assert facts["Labels"] == {
        "app": "shop",
        "app.kubernetes.io/name": "shop",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1",
    }
    assert facts["Compose"] == {"Project": "shop", "Service": "web", "Number": "1"}
    assert facts["Health"] == "healthy"
    assert facts["Ports"] == [
        {"Port": 53, "Protocol": "udp"},
        {"Port": 80, "Protocol": "tcp", "HostIP": "0.0.0.0", "HostPort": 18080},
        {"Port": 80, "Protocol": "tcp", "HostIP": "::", "HostPort": 18080},
    ]
    end = told("web")["NetworkSettings"]["Networks"]["shop_default"]
    assert facts["Networks"] == [
        {
            "Name": "shop_default",
            "ID": end["NetworkID"],
            "MAC": end["MacAddress"],
            "IPV4": f"{end['IPAddress']}/{end['IPPrefixLen']}",
            "Gateway": end["Gateway"],
            "Aliases": end["Aliases"],
        }
    ]
    assert unlisted(found.metadata) == []


def test_container_in_anothers_namespace_does_not_own_it() -> None:
    found = container(inspection(told("helper")), "docker")
    assert found is not None
    assert not found.owns_namespace
    assert "Networks" not in found.facts


def test_paused_container_says_so_and_one_without_processes_is_not_shown() -> None:
    paused = container(inspection(told("island")), "docker")
    assert paused is not None
    assert paused.facts["Status"] == "paused"
    assert container(inspection(told("never")), "docker") is None


def test_null_stands_for_nothing_as_podman_writes_it() -> None:
    answer = {"Id": "abc", "Name": "pod", "State": {"Pid": 7, "Status": "running", "Health": None}}
    answer |= {"Config": {"Labels": None}, "NetworkSettings": {"Ports": None, "Networks": None}}
    found = container(inspection(answer), "podman")
    assert found is not None
    assert (found.name, found.manager, found.facts["Labels"]) == ("pod", "podman", {})
    assert unlisted(found.metadata) == []


def test_labels_that_no_message_could_carry_are_left_out_and_counted() -> None:
    answer = told("web")
    answer["Config"]["Labels"] = {"a": "first", "b": "x" * 1_000_000, "c": "last", "é" * 40_000: ""}
    found = container(inspection(answer), "docker")
    assert found is not None
    assert (found.facts["Labels"], found.facts["LabelsOmitted"]) == ({"a": "first", "c": "last"}, 2)
    assert unlisted(found.metadata) == []


def test_ports_that_are_no_numbers_are_left_out() -> None:
    answer = told("web")
    bindings = [{"HostIp": "::", "HostPort": "many"}, {"HostIp": "::", "HostPort": ""}]
    bindings += [{"HostIp": "::", "HostPort": "9" * 30}, {"HostIp": "::", "HostPort": "9" * 5000}]
    answer["NetworkSettings"]["Ports"] = {"http/tcp": None, "/": None, "²/tcp": None, "8/sctp": bindings, "9": None}
    found = container(inspection(answer), "docker")
    assert found is not None
    assert found.facts["Ports"] == [{"Port": 8, "Protocol": "sctp"}, {"Port": 9, "Protocol": "tcp"}]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("1970-01-01T01:00:01.5+01:00", 1500),
        ("1970-01-01T00:00:02Z", 2000),
        ("0001-01-01T00:00:00Z", 0),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_times_are_unix_milliseconds_and_0_for_none(text: str, ms: int) -> None:
    assert unix_ms(text) == ms


@given(st.text())
def test_no_text_breaks_the_reading_of_times(text: str) -> None:
    assert unix_ms(text) >= 0
