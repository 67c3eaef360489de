// SPDX-License-Identifier: Apache-2.0
// The types of packets that the form offers, and which fields each has. Pure.

export interface Kind {
  readonly type: string;
  readonly label: string;
  /** 0 = it has no addresses of its own. */
  readonly family: 0 | 4 | 6;
  /** It goes to somebody: a node or an address has to be said. */
  readonly hasTarget: boolean;
  readonly hasPorts: boolean;
  /** What fills it: bytes of a payload, a question, a frame, or a packet file. */
  readonly content: "" | "payload" | "dns" | "frame" | "file";
}

function kind(type: string, label: string, family: Kind["family"], content: Kind["content"], hasPorts = false): Kind {
  const isFrame = content === "frame" || content === "file";
  return { type, label, family, hasTarget: !isFrame && type !== "dhcp4", hasPorts, content };
}

export const KINDS: readonly Kind[] = [
  kind("icmp4", "ICMP echo", 4, "payload"),
  kind("icmp6", "ICMPv6 echo", 6, "payload"),
  kind("tcp4", "TCP SYN", 4, "payload", true),
  kind("tcp6", "TCP SYN, IPv6", 6, "payload", true),
  kind("udp4", "UDP", 4, "payload", true),
  kind("udp6", "UDP, IPv6", 6, "payload", true),
  kind("arp", "ARP request", 4, ""),
  kind("nd", "neighbour solicitation", 6, ""),
  kind("dhcp4", "DHCP discover", 4, ""),
  kind("dns4", "DNS question", 4, "dns"),
  kind("dns6", "DNS question, IPv6", 6, "dns"),
  kind("raw", "a frame as it is", 0, "frame"),
  kind("pcap", "a packet file", 0, "file"),
];

const FIRST = KINDS[0] as Kind;

export function kindOf(type: string): Kind {
  return KINDS.find((one) => one.type === type) ?? FIRST;
}

export const RECORDS: readonly string[] = ["A", "AAAA", "NS", "CNAME", "SOA", "PTR", "MX", "TXT"];
