// SPDX-License-Identifier: Apache-2.0
//! Names of layers, spelled as clients of the reference expect them in `LayersPath`.

macro_rules! layers {
    ($($name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[repr(u8)]
        pub enum Layer {
            #[default]
            Payload,
            $($name),*
        }

        impl Layer {
            pub fn name(self) -> &'static str {
                match self {
                    Self::Payload => "Payload",
                    $(Self::$name => stringify!($name)),*
                }
            }
        }
    };
}

layers! {
    Ethernet, Dot1Q, ARP, IPv4, IPv6, IPv6HopByHop, IPv6Routing, IPv6Fragment, IPv6Destination, Fragment,
    ICMPv4, ICMPv6, ICMPv6Echo, ICMPv6RouterSolicitation, ICMPv6RouterAdvertisement,
    ICMPv6NeighborSolicitation, ICMPv6NeighborAdvertisement, ICMPv6Redirect,
    MLDv1MulticastListenerQuery, MLDv1MulticastListenerReport, MLDv1MulticastListenerDone,
    MLDv2MulticastListenerReport, IGMP, TCP, UDP, SCTP, SCTPUnknownChunkType, SCTPData, SCTPInit, SCTPInitAck,
    SCTPSack, SCTPHeartbeat, SCTPHeartbeatAck, SCTPAbort, SCTPShutdown, SCTPShutdownAck, SCTPError,
    SCTPCookieEcho, SCTPCookieAck, SCTPShutdownComplete, GRE, IPSecAH, IPSecESP, VRRP,
    DNS, DHCPv4, DHCPv6, NTP, LinkLayerDiscovery, EAPOL, LinuxSLL, LinuxSLL2, Loopback,
}

/// The layers of one frame, outermost first. Deeper nesting than the capacity is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LayerPath {
    layers: [Layer; Self::CAPACITY],
    len: u8,
}

impl LayerPath {
    pub const CAPACITY: usize = 15;

    #[inline]
    pub fn push(&mut self, layer: Layer) {
        if let Some(slot) = self.layers.get_mut(usize::from(self.len)) {
            *slot = layer;
            self.len += 1;
        }
    }

    pub fn as_slice(&self) -> &[Layer] {
        self.layers.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub fn last(&self) -> Option<Layer> {
        self.as_slice().last().copied()
    }

    pub fn contains(&self, layer: Layer) -> bool {
        self.as_slice().contains(&layer)
    }
}

impl std::fmt::Display for LayerPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, layer) in self.as_slice().iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "/" })?;
            f.write_str(layer.name())?;
        }
        Ok(())
    }
}
