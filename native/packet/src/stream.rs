// SPDX-License-Identifier: Apache-2.0
//! Protocols by what they say: the first bytes of TCP connections, and messages for flow records.

use crate::facts::Facts;
use crate::protocols::{igmp, ALL};
use crate::registry::{self, Found, Protocol, Reading, Told};
use crate::Layer;

/// A protocol of a TCP connection.
#[derive(Clone, Copy)]
pub struct Application(&'static Protocol);

/// What the first bytes of a direction are.
pub enum Identity {
    Known(Application),
    Unknown,
    /// Too few bytes to tell.
    TooShort,
}

/// Ask all protocols whether `data` is the beginning of something they said; `ports`: of who sent it, and the other.
///
/// The first that cannot tell yet is waited for, so that more bytes never turn one protocol into another.
pub fn identify(data: &[u8], ports: (u16, u16)) -> Identity {
    for protocol in ALL {
        for found in protocol.found {
            let Found::Stream(begins) = found else {
                continue;
            };
            match begins(data, ports) {
                Reading::Mine => return Identity::Known(Application(protocol)),
                Reading::TooShort => return Identity::TooShort,
                Reading::Other => {}
            }
        }
    }
    Identity::Unknown
}

impl Application {
    pub fn layer(self) -> Layer {
        self.0.layer
    }

    /// Return what the first bytes of a direction tell; `None` = more are needed, never when these are the `last`.
    pub fn told(self, data: &[u8], last: bool) -> Option<Facts> {
        match self.0.told {
            Told::Nothing => Some(Facts::default()),
            Told::Message(told) => Some(told(data)),
            Told::Start(told) => told(data, last).or_else(|| last.then(Facts::default)),
        }
    }
}

/// Return what a message tells; `None` when messages of this layer never tell anything.
pub fn told(layer: Layer) -> Option<fn(&[u8]) -> Facts> {
    match layer {
        Layer::MLDv1MulticastListenerQuery
        | Layer::MLDv1MulticastListenerReport
        | Layer::MLDv1MulticastListenerDone => return Some(igmp::mld_1),
        Layer::MLDv2MulticastListenerReport => return Some(igmp::mld_2),
        _ => {}
    }
    match registry::of_layer(layer)?.told {
        Told::Message(told) => Some(told),
        Told::Nothing | Told::Start(_) => None,
    }
}

/// Return the name of a layer's block in flow records.
pub fn block_name(layer: Layer) -> &'static str {
    match layer {
        Layer::MLDv1MulticastListenerQuery
        | Layer::MLDv1MulticastListenerReport
        | Layer::MLDv1MulticastListenerDone
        | Layer::MLDv2MulticastListenerReport => "MLD",
        // The name that clients of the reference know; `version` says which it is.
        Layer::VRRP => "VRRPv2",
        _ => registry::of_layer(layer).map_or(layer.name(), |protocol| protocol.shown),
    }
}
