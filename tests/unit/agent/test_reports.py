# SPDX-License-Identifier: Apache-2.0
"""From the native core to the bus: reports are cut to what one message may hold, and nothing is lost by it."""

import json

import pyarrow as pa

from history_rows import packet, packets
from netsonde.agent.reports import METRICS_A_REPORT, ReportPump, metrics_sink, parts
from netsonde.bus.subjects import REPORT_BYTES
from netsonde.model.topology import InterfaceMetric


class Taken(list[bytes]):
    """A publisher that keeps what it is offered."""

    def offer(self, payload: bytes) -> None:
        self.append(payload)


class Core:
    def __init__(self, *batches: bytes) -> None:
        self._batches = list(batches)

    def take_flows(self) -> list[bytes]:
        return [b"flows"]

    def take_packets(self) -> list[bytes]:
        return self._batches


def numbers(stream: bytes) -> list[int]:
    return list(pa.ipc.open_stream(stream).read_all()["number"].to_pylist())


def test_what_fits_is_handed_on_as_it_is() -> None:
    assert list(parts(b"short")) == [b"short"]


def test_a_long_batch_is_cut_into_messages_that_fit_in_the_same_order() -> None:
    flows, found = Taken(), Taken()
    large = packets(*(packet(number, number, data=bytes(64_000)) for number in range(100)))
    ReportPump(Core(large), flows=flows, packets=found).flush()
    assert len(large) > 8 * REPORT_BYTES
    assert max(map(len, found)) <= REPORT_BYTES
    assert [number for part in found for number in numbers(part)] == list(range(100))
    assert flows == [b"flows"]


def test_rows_of_very_different_lengths_are_cut_until_each_part_fits() -> None:
    rows = [packet(number, number, data=bytes(400_000 if number < 4 else 10)) for number in range(400)]
    found = list(parts(packets(*rows)))
    assert max(map(len, found)) <= REPORT_BYTES
    assert [number for part in found for number in numbers(part)] == list(range(400))


def test_a_row_that_fits_nowhere_is_still_handed_on_alone_to_be_counted() -> None:
    (large, small) = parts(packets(packet(0, 0, data=bytes(2_000_000)), packet(1, 1)))
    assert (numbers(large), numbers(small)) == ([0], [1])


def test_counters_of_many_interfaces_are_told_in_several_reports() -> None:
    found = Taken()
    count = 2 * METRICS_A_REPORT + 1
    metrics_sink(found)([InterfaceMetric(f"n{i}", "t", "h", 0, 1, {"RxBytes": i}) for i in range(count)])
    assert [len(json.loads(report)) for report in found] == [METRICS_A_REPORT, METRICS_A_REPORT, 1]
