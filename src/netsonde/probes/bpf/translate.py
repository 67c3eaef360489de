# SPDX-License-Identifier: Apache-2.0
"""What is attached to an interface, as metadata. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from netsonde.model.elements import Json, Metadata
from netsonde.probes.bpf.kernel import XDP, Attached, Program, XdpLink


def attached_metadata(attached: Sequence[Attached], programs: Mapping[int, Program]) -> Metadata:
    """Return what is shown of an interface; {} when nothing is attached. Programs that are not known have no name."""
    shown: list[Json] = [_shown(each, programs.get(each.program)) for each in attached]
    return {"BPFPrograms": shown} if shown else {}


def _shown(attached: Attached, program: Program | None) -> Metadata:
    shown: Metadata = {"Hook": attached.hook, "ProgID": attached.program}
    if program is not None:
        shown |= {"Name": program.name} if program.name else {}
        shown["Tag"] = program.tag
    return shown | ({"LinkID": attached.link} if attached.link else {})


def xdp_attached(interfaces: Mapping[str, tuple[int, int]], links: Iterable[XdpLink]) -> dict[str, Attached]:
    """Return the XDP program of each interface, given its program and ifindex by node.

    A link does not tell the namespace of its interface: where several could be meant, none is named.
    """
    holders: dict[tuple[int, int], list[int]] = defaultdict(list)
    for link in links:
        holders[link.program, link.ifindex].append(link.id)
    wanted = Counter(interfaces.values())
    found: dict[str, Attached] = {}
    for node, place in interfaces.items():
        known = holders.get(place, [])
        certain = len(known) == 1 and wanted[place] == 1
        found[node] = Attached(XDP, place[0], known[0] if certain else 0)
    return found
