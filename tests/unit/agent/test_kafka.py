# SPDX-License-Identifier: Apache-2.0
"""To which brokers of a cluster an agent's sinks may go on."""

from types import SimpleNamespace

from netsonde.agent.kafka import Guard
from netsonde.captures.settings import CaptureSettings


def cluster(*brokers: tuple[str, int]) -> SimpleNamespace:
    return SimpleNamespace(brokers=lambda: [SimpleNamespace(host=host, port=port) for host, port in brokers])


def refusal(settings: CaptureSettings, *brokers: tuple[str, int]) -> str:
    guard = Guard(settings)
    guard(cluster(*brokers))
    return guard.refusal


def test_brokers_that_settings_let_are_taken() -> None:
    assert refusal(CaptureSettings(), ("192.0.2.1", 9092), ("2001:db8::1", 9092)) == ""


def test_a_broker_whose_address_is_refused_ends_the_connection() -> None:
    refusals: list[str] = []
    guard = Guard(CaptureSettings(export_refuse=("192.0.2.2/32",)), lambda: refusals.append(guard.refusal))
    for _ in range(2):
        guard(cluster(("192.0.2.1", 9092), ("192.0.2.2", 9092)))
    assert refusals == ["nothing may be sent to 192.0.2.2:9092: the setting capture.export_refuse has it"]


def test_a_broker_called_by_a_name_must_be_named_by_the_administrator() -> None:
    assert "metadata.internal:80, a name; name it in" in refusal(CaptureSettings(), ("metadata.internal", 80))
    named = CaptureSettings(topic_servers=("kafka://192.0.2.1:9092", "kafka+tls://b2.example:9093"))
    assert refusal(named, ("192.0.2.1", 9092), ("b2.example", 9093)) == ""


def test_where_servers_are_named_others_of_their_cluster_are_refused() -> None:
    named = CaptureSettings(topic_servers=("kafka://192.0.2.1:9092",))
    assert "its broker [2001:db8::9]:9092; name it in" in refusal(named, ("2001:db8::9", 9092))
