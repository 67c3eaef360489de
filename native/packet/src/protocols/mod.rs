// SPDX-License-Identifier: Apache-2.0
//! The protocols, each in a file of its own. A new one is declared, then registered by one line of `protocols!`:
//! its module, and the names that it gives to layers. See docs/howto/add-a-protocol.md.

mod ah;
mod arp;
mod bfd;
pub mod dhcpv4;
pub mod dhcpv6;
pub mod dns;
mod eapol;
mod erspan;
mod esp;
mod geneve;
mod gre;
mod gtpu;
pub mod http;
pub(crate) mod igmp;
mod ipip;
mod l2tp;
pub(crate) mod llc;
mod lldp;
mod mpls;
mod ntp;
mod openflow;
mod ppp;
mod pppoe;
pub mod quic;
mod sctp;
mod sip;
mod snmp;
mod stp;
mod tls;
mod vrrp;
mod vxlan;
mod vxlan_gpe;
mod wireguard;

use crate::layer::layers;
use crate::registry::Protocol;

macro_rules! protocols {
    (core { $($core:ident),* $(,)? } $($module:ident: $($layer:ident),*;)*) => {
        layers! { $($core,)* $($($layer,)*)* }

        pub(crate) const ALL: &[&Protocol] = &[$(&$module::PROTOCOL),*];
    };
}

protocols! {
    // What the parser reads without looking it up.
    core {
        Ethernet, Dot1Q, IPv4, IPv6, IPv6HopByHop, IPv6Routing, IPv6Fragment, IPv6Destination, Fragment,
        TCP, UDP, ICMPv4, ICMPv6, ICMPv6Echo, ICMPv6RouterSolicitation, ICMPv6RouterAdvertisement,
        ICMPv6NeighborSolicitation, ICMPv6NeighborAdvertisement, ICMPv6Redirect, MLDv1MulticastListenerQuery,
        MLDv1MulticastListenerReport, MLDv1MulticastListenerDone, MLDv2MulticastListenerReport,
        LinuxSLL, LinuxSLL2, Loopback,
    }
    arp: ARP;
    lldp: LinkLayerDiscovery;
    llc: LLC, SNAP;
    stp: STP;
    eapol: EAPOL;
    igmp: IGMP;
    vrrp: VRRP;
    esp: IPSecESP;
    ah: IPSecAH;
    sctp: SCTP, SCTPUnknownChunkType, SCTPData, SCTPInit, SCTPInitAck, SCTPSack, SCTPHeartbeat, SCTPHeartbeatAck,
        SCTPAbort, SCTPShutdown, SCTPShutdownAck, SCTPError, SCTPCookieEcho, SCTPCookieAck, SCTPShutdownComplete;
    ipip: IPinIP;
    gre: GRE;
    mpls: MPLS;
    erspan: ERSPAN;
    ppp: PPP;
    pppoe: PPPoE;
    l2tp: L2TP;
    vxlan: VXLAN;
    vxlan_gpe: VXLANGPE;
    geneve: Geneve;
    gtpu: GTPv1U;
    dns: DNS;
    dhcpv4: DHCPv4;
    dhcpv6: DHCPv6;
    ntp: NTP;
    bfd: BFD;
    snmp: SNMP;
    wireguard: WireGuard;
    quic: QUIC;
    tls: TLS;
    // Asked before HTTP, which has a method of the same name.
    sip: SIP;
    http: HTTP;
    openflow: OpenFlow;
}
