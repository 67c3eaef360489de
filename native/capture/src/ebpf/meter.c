// SPDX-License-Identifier: Apache-2.0
// Counts packets by what their headers say, in the kernel: the program of the engine `ebpf`.
//
// Runs on every packet of one interface: at tcx, or as a filter of a packet socket that takes nothing. It reads no more
// than tells flows apart, and copies the beginning of the first packet of each: whoever reads the map parses that with
// the parser of captured packets, so that flows get the same keys, ids and layers. Hence the one rule here: packets of
// different flows never share an entry, as far as `depth` says; that an entry is finer than a flow does no harm.
//
// Only __sk_buff and helpers that are stable ABI and free for any licence (linux/bpf.h, Linux 5.10) are used: no BTF.
//
// `tools/ebpf_program.py` makes program.rs of it.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#include <linux/bpf.h>

#define INLINE static inline __attribute__((always_inline))
#define be16(value) __builtin_bswap16(value)

static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)BPF_FUNC_map_update_elem;
static u64 (*monotonic_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static long (*load)(const void *packet, u32 offset, void *to, u32 length) = (void *)BPF_FUNC_skb_load_bytes;

// Filled in by the loader, which names them by their symbols.
extern char pages;  // array of one map: the page of flows that is being written
extern char totals; // per processor

// How far apart an entry tells packets: the parser must not look deeper.
enum depth { LINK, NETWORK, TRANSPORT, TUNNEL };

#define HEAD 128

// Bytes as they stand in the packet.
struct key {
	u32 addresses[8]; // source and destination, one behind the other
	u32 macs[3];
	u16 vlan[4];
	u16 ether_type; // behind the tags; 0 = the frame tells its length instead
	u16 ports[2];   // of ICMP type and code, and the identifier
	u8 protocol;
	u8 depth;
	u32 tunnel; // VNI or GRE key
};

struct flow {
	u64 packets;
	u64 octets; // on the wire, tags included
	u64 first_ns;
	u64 last_ns;
	u32 wire_length; // of the first packet, like the next four
	u16 head_length;
	u16 keyed_length; // bytes of it that the key was made of
	u16 tag_type;     // of the tag that the kernel took out of the packet, 0 = none
	u16 tag;
	u8 syn; // flags that were seen; a byte each, so that processors need not agree
	u8 fin;
	u8 rst;
	u8 unused;
	u8 head[HEAD];
};

struct totals {
	u64 packets;
	u64 octets;
	u64 lost_packets; // those that found no room
	u64 lost_octets;
};

// What the headers of one packet say.
struct reading {
	struct __sk_buff *packet;
	u32 link_length;
	u32 offset; // where what tells packets apart ends
	u8 tcp_flags;
	struct key key;
};

enum protocol {
	HOP_BY_HOP = 0,
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	GRE = 47,
	AUTHENTICATION = 51,
	ICMP6 = 58,
	DESTINATION = 60,
	SCTP = 132,
};

enum { FIN = 1, SYN = 2, RST = 4 };

// A piece of a packet has no ports, and layers of its own.
#define PIECE 1

// What ends a UDP header that is followed by a VNI: VXLAN on its port and on Linux' first one, Geneve.
INLINE int has_vni(u16 port)
{
	return port == be16(4789) || port == be16(8472) || port == be16(6081);
}

INLINE int icmp_has_id(u8 protocol, u8 type)
{
	if (protocol == ICMP6)
		return type == 128 || type == 129;
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

// Read a GRE header: without source route, of version 0, and with nothing inside that tells flows apart, as ERSPAN and
// labels do.
INLINE void gre(struct reading *it)
{
	u32 length = 4;
	u16 flags, type;

	if (load(it->packet, it->offset, it->key.ports, 4))
		return;
	flags = it->key.ports[0];
	type = it->key.ports[1];
	if ((flags & be16(0x4007)) || (type != be16(0x0800) && type != be16(0x86dd) && type != be16(0x6558)))
		return;
	if (flags & be16(0x8000)) // checksum
		length += 4;
	if (flags & be16(0x2000)) { // key
		if (load(it->packet, it->offset + length, &it->key.tunnel, 4))
			return;
		length += 4;
	}
	if (flags & be16(0x1000)) // sequence number
		length += 4;
	it->key.depth = TUNNEL;
	it->offset += length;
}

INLINE void transport(struct reading *it)
{
	struct {
		u16 ports[2];
		u16 more[2];
		u32 acknowledgement;
		u8 length, flags;
	} h = {}; // without CAP_PERFMON nothing is read that may not have been written
	u32 length = 8;

	if (it->key.protocol == GRE) {
		gre(it);
		return;
	}
	if (it->key.protocol == TCP)
		length = 14;
	else if (it->key.protocol != UDP && it->key.protocol != SCTP && it->key.protocol != ICMP &&
		 it->key.protocol != ICMP6)
		return;
	if (load(it->packet, it->offset, &h, length))
		return;
	it->key.ports[0] = h.ports[0];
	it->key.ports[1] = h.ports[1];
	it->key.depth = TRANSPORT;
	if (it->key.protocol == TCP) {
		it->tcp_flags = h.flags;
		length = 20;
	} else if (it->key.protocol == SCTP) {
		length = 12;
	} else if (it->key.protocol != UDP) {
		it->key.ports[1] = icmp_has_id(it->key.protocol, h.ports[0] & 255) ? h.more[0] : 0;
	} else if (has_vni(h.ports[1]) && !load(it->packet, it->offset + 12, &it->key.tunnel, 4)) {
		it->key.depth = TUNNEL;
		length = 16;
	}
	it->offset += length;
}

INLINE void ipv4(struct reading *it)
{
	struct {
		u8 length, service;
		u16 total, id, place;
		u8 ttl, protocol;
		u16 checksum;
		u32 addresses[2];
	} h;

	if (load(it->packet, it->offset, &h, sizeof(h)) || h.length >> 4 != 4 || (h.length & 15) < 5)
		return;
	it->key.addresses[0] = h.addresses[0];
	it->key.addresses[1] = h.addresses[1];
	it->key.protocol = h.protocol;
	it->key.depth = NETWORK;
	it->offset += (h.length & 15) * 4;
	if (h.place & be16(0x3fff))
		it->key.ports[0] = PIECE;
	else
		transport(it);
}

INLINE int is_extension(u8 protocol)
{
	return protocol == HOP_BY_HOP || protocol == ROUTING || protocol == FRAGMENT || protocol == AUTHENTICATION ||
	       protocol == DESTINATION;
}

INLINE void ipv6(struct reading *it)
{
	struct {
		u32 version;
		u16 length;
		u8 next, hops;
	} h;
	struct {
		u8 next, length;
		u16 place;
	} extension;
	u8 present;

	if (load(it->packet, it->offset, &h, sizeof(h)) || (h.version & 0xf0) != 0x60)
		return;
	if (load(it->packet, it->offset + 8, it->key.addresses, 32))
		return;
	it->key.protocol = h.next;
	it->key.depth = NETWORK;
	it->offset += 40;
	for (int count = 0; count < 8 && is_extension(it->key.protocol); count++) {
		if (load(it->packet, it->offset, &extension, sizeof(extension)))
			return;
		present = it->key.protocol;
		it->key.protocol = extension.next;
		if (present == AUTHENTICATION)
			it->offset += (extension.length + 2) * 4;
		else if (present == FRAGMENT)
			it->offset += 8;
		else
			it->offset += (extension.length + 1) * 8;
		if (present == FRAGMENT && (extension.place & be16(0xfff9))) {
			it->key.ports[0] = PIECE;
			return;
		}
	}
	transport(it);
}

INLINE int is_tag(u16 type)
{
	return type == be16(0x8100) || type == be16(0x88a8) || type == be16(0x9100);
}

// Read the link header, if there is one. Returns the type of what follows.
INLINE u16 link(struct reading *it)
{
	u16 type, tag[2];

	if (!it->link_length)
		return it->packet->protocol;
	if (load(it->packet, 0, it->key.macs, 12) || load(it->packet, 12, &type, 2))
		return 0;
	it->offset = it->link_length;
	if (it->packet->vlan_present)
		it->key.vlan[0] = it->packet->vlan_tci & 0x0fff;
#pragma unroll
	for (int place = 1; place < 4; place++) {
		if (!is_tag(type))
			break;
		if (load(it->packet, it->offset, tag, 4))
			return type;
		it->key.vlan[place] = tag[0] & be16(0x0fff);
		type = tag[1];
		it->offset += 4;
	}
	return type;
}

INLINE void headers(struct reading *it)
{
	u16 type = link(it);

	it->key.ether_type = be16(type) > 1500 ? type : 0;
	if (type == be16(0x0800))
		ipv4(it);
	else if (type == be16(0x86dd))
		ipv6(it);
}

INLINE void add(struct flow *flow, u32 length, u64 now, u8 tcp_flags)
{
	__sync_fetch_and_add(&flow->packets, 1);
	__sync_fetch_and_add(&flow->octets, length);
	flow->last_ns = now;
	if (tcp_flags & SYN)
		flow->syn = 1;
	if (tcp_flags & FIN)
		flow->fin = 1;
	if (tcp_flags & RST)
		flow->rst = 1;
}

// Returns 0 when there is an entry now, and this packet began it.
INLINE long begin(struct reading *it, void *page, u32 length, u64 now)
{
	struct flow flow = {};
	u32 head = it->packet->len;

	if (head > HEAD)
		head = HEAD;
	if (head == 0 || load(it->packet, 0, flow.head, head))
		return -1;
	flow.first_ns = now;
	flow.wire_length = length;
	flow.head_length = head;
	flow.keyed_length = it->offset;
	if (it->packet->vlan_present) {
		flow.tag_type = it->packet->vlan_proto;
		flow.tag = it->packet->vlan_tci;
	}
	return map_update(page, &it->key, &flow, BPF_NOEXIST);
}

// Returns 0 when the packet was counted.
INLINE int count(struct reading *it, void *page, u32 length)
{
	u64 now = monotonic_ns();
	struct flow *flow;

	headers(it);
	flow = map_lookup(page, &it->key);
	if (!flow) {
		// If it fails, another processor was faster, or there is no room.
		begin(it, page, length, now);
		flow = map_lookup(page, &it->key);
		if (!flow)
			return -1;
	}
	add(flow, length, now, it->tcp_flags);
	return 0;
}

// Filled in by the loader, which knows them by these numbers.
#define FILLED_IN(number) ({ u64 value; asm volatile("%0 = " #number " ll" : "=r"(value)); value; })

__attribute__((section("program"))) int meter(struct __sk_buff *packet)
{
	struct reading it = { .packet = packet };
	u32 first = 0;
	u32 length = packet->len + (packet->vlan_present ? 4 : 0);
	struct totals *sum = map_lookup(&totals, &first);
	void *page = map_lookup(&pages, &first);

	it.link_length = FILLED_IN(0x6c696e6b); // of an Ethernet header, or 0 where there is none
	if (sum) {
		sum->packets += 1;
		sum->octets += length;
		if (!page || count(&it, page, length)) {
			sum->lost_packets += 1;
			sum->lost_octets += length;
		}
	}
	return FILLED_IN(0x76657264); // what lets others have the packet
}
