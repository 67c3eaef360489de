# SPDX-License-Identifier: Apache-2.0
"""What a domain's description says of the machine, of its cards and of who ordered it. Pure.

Source: https://libvirt.org/formatdomain.html; Nova's part is nova/virt/libvirt/config.py, namespace
http://openstack.org/xmlns/libvirt/nova/1.0 or 1.1.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata

NOVA: Final = "http://openstack.org/xmlns/libvirt/nova/"
MOST_CARDS: Final = 1000
LONGEST: Final = 4096
"""Letters of a text that are kept; titles are free text."""
_KILO: Final = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "k": 2**10,
    "m": 2**20,
    "g": 2**30,
    "t": 2**40,
}
_SOURCES: Final = ("network", "bridge", "dev", "path", "name")
"""Attributes of <source> that say what a card is joined to, by kind."""


class UnreadableDescription(WireError):
    """It is no XML, or none of a domain."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the guest; "" where the description does not say."""

    kind: str
    """`network bridge direct ethernet user vhostuser hostdev vdpa …`, or `pci` of a device that is passed through."""
    mac: str = ""
    model: str = ""
    device: str = ""
    """Name of the host's interface behind it, while the machine runs."""
    source: str = ""
    """Network, bridge, lower device, path of a socket or device that it is joined to."""
    port: str = ""
    """Id of its port on the virtual switch."""
    host_pci: str = ""
    """PCI address of the host's device that is passed through."""
    guest_pci: str = ""
    alias: str = ""
    link: str = ""
    """`down` when its cable is pulled."""


@dataclass(frozen=True, slots=True)
class Description:
    """A domain, as far as the graph shows it."""

    cards: tuple[Card, ...] = ()
    title: str = ""
    cpus: int = 0
    memory: int = 0
    """Bytes that it may have at most; 0 = not said."""
    nova: Metadata | None = None
    """What Nova wrote, by the keys below `Nova` (keys.py)."""
    agent: bool = False
    """Whether an agent in the guest has opened its channel."""

    @property
    def is_leased(self) -> bool:
        """Whether libvirt itself gives addresses to a card."""
        return any(card.kind == "network" for card in self.cards)


def describe(text: str) -> Description:
    """Read a description; UnreadableDescription when it is none."""
    try:
        domain = ET.fromstring(text)
    except (ET.ParseError, ValueError) as rubbish:
        raise UnreadableDescription(f"libvirt sent a description that cannot be read: {rubbish}") from rubbish
    return Description(
        cards=tuple(_cards(domain))[:MOST_CARDS],
        title=_text(domain, "title"),
        cpus=_number(_text(domain, "vcpu")),
        memory=_memory(domain.find("memory")),
        nova=_nova(domain),
        agent=any(
            target.get("name") == "org.qemu.guest_agent.0" and target.get("state") == "connected"
            for target in domain.findall("devices/channel/target")
        ),
    )


def _cards(domain: ET.Element) -> Iterator[Card]:
    for interface in domain.findall("devices/interface"):
        yield _card(interface)
    for device in domain.findall("devices/hostdev[@type='pci']"):
        yield Card("pci", host_pci=_pci(device.find("source/address")), alias=_attribute(device, "alias", "name"))


def _card(interface: ET.Element) -> Card:
    kind = interface.get("type", "")
    source = interface.find("source")
    named = "" if source is None else next((source.get(key, "") for key in _SOURCES if source.get(key)), "")
    ports = (parameters.get("interfaceid") or "" for parameters in interface.findall("virtualport/parameters"))
    return Card(
        kind=kind,
        mac=_attribute(interface, "mac", "address").lower(),
        model=_attribute(interface, "model", "type"),
        device=_attribute(interface, "target", "dev"),
        source=named[:LONGEST],
        port=next(ports, "").lower(),
        host_pci=_pci(interface.find("source/address")) if kind == "hostdev" else "",
        guest_pci=_pci(interface.find("address")),
        alias=_attribute(interface, "alias", "name"),
        link=_attribute(interface, "link", "state"),
    )


def _pci(address: ET.Element | None) -> str:
    """Return `0000:00:02.0` of an address element, "" for none or one of another bus."""
    if address is None or address.get("type", "pci") != "pci" or address.get("bus") is None:
        return ""
    parts = [_number(address.get(part) or "0", base=16) for part in ("domain", "bus", "slot", "function")]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)


def _nova(domain: ET.Element) -> Metadata | None:
    instance = next((one for one in domain.findall("metadata/*") if _is_nova(one, "instance")), None)
    if instance is None:
        return None
    space = instance.tag.partition("}")[0] + "}"
    owner = instance.find(f"{space}owner")
    found: Metadata = {
        "Name": _text(instance, f"{space}name"),
        "Flavor": _attribute(instance, f"{space}flavor", "name"),
        "CreatedAt": _text(instance, f"{space}creationTime"),
        "Image": _attribute(instance, f"{space}root[@type='image']", "uuid"),
        "Ports": list(_ports(instance, space)),
    }
    if owner is not None:
        for key, name in (("Project", "project"), ("User", "user")):
            found[key] = _attribute(owner, f"{space}{name}", "uuid")
            found[f"{key}Name"] = _text(owner, f"{space}{name}")
    return {key: value for key, value in found.items() if value}


def _is_nova(element: ET.Element, name: str) -> bool:
    return element.tag.startswith(f"{{{NOVA}") and element.tag.endswith(f"}}{name}")


def _ports(instance: ET.Element, space: str) -> Iterator[Json]:
    for port in instance.findall(f"{space}ports/{space}port")[:MOST_CARDS]:
        addresses: list[Json] = [ip.get("address", "") for ip in port.findall(f"{space}ip")]
        yield {"ID": port.get("uuid", ""), "Addresses": addresses}


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()[:LONGEST]


def _attribute(element: ET.Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else (found.get(name) or "")[:LONGEST]


def _number(text: str, base: int = 10) -> int:
    """Return a number of at most 63 bits, 0 for what is none."""
    digits = r"(?:0x)?[0-9a-f]{1,15}" if base == 16 else r"\d{1,18}"
    return int(text, base) if re.fullmatch(digits, text.strip(), re.IGNORECASE) else 0


def _memory(memory: ET.Element | None) -> int:
    if memory is None:
        return 0
    unit = (memory.get("unit") or "KiB").lower().removesuffix("ib").removesuffix("bytes") or "b"
    return _number(memory.text or "") * _KILO.get(unit, 2**10)
