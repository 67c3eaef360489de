# SPDX-License-Identifier: Apache-2.0
"""What is attached to an interface, as metadata. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from netsonde.model.elements import Json, Metadata
from netsonde.probes.bpf.kernel import XDP, Attached, Place, Program, XdpLink


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


def xdp_attached(found: Mapping[Place, Sequence[int]], links: Iterable[XdpLink]) -> dict[Place, list[Attached]]:
    """Return the XDP programs of each interface with the links that hold them.

    A link does not tell the namespace of its interface: where several could be meant, none is named.
    """
    holders: dict[tuple[int, int], list[int]] = defaultdict(list)
    for link in links:
        holders[link.program, link.ifindex].append(link.id)
    wanted = Counter((program, ifindex) for (_, ifindex), programs in found.items() for program in programs)

    def holder(program: int, ifindex: int) -> int:
        known = holders.get((program, ifindex), [])
        return known[0] if len(known) == 1 and wanted[program, ifindex] == 1 else 0

    return {
        place: [Attached(XDP, program, holder(program, place[1])) for program in programs]
        for place, programs in found.items()
    }
