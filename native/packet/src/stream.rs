// SPDX-License-Identifier: Apache-2.0
//! Protocols by what they say: the first bytes of TCP connections, and messages for flow records.

use std::sync::LazyLock;

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

/// The protocols that are found in streams, in the order in which they are asked.
struct Streams {
    all: Vec<Stream>,
    /// Bytes that begin something on any port.
    firsts: [bool; 256],
    /// Ports of those that are found there only.
    ports: Vec<u16>,
}

struct Stream {
    protocol: &'static Protocol,
    /// None = any.
    ports: Option<&'static [u16]>,
    begins: fn(&[u8]) -> Reading,
}

static STREAMS: LazyLock<Streams> = LazyLock::new(Streams::new);

impl Streams {
    fn new() -> Self {
        let found = ALL.iter().flat_map(|&protocol| {
            protocol.found.iter().filter_map(move |found| {
                let (ports, begins) = match *found {
                    Found::Stream(begins) => (None, begins),
                    Found::StreamOn(ports, begins) => (Some(ports), begins),
                    _ => return None,
                };
                Some(Stream {
                    protocol,
                    ports,
                    begins,
                })
            })
        });
        let all: Vec<Stream> = found.collect();
        let anywhere = |byte: u8| {
            let mut asked = all.iter().filter(|stream| stream.ports.is_none());
            asked.any(|stream| (stream.begins)(&[byte]) != Reading::Other)
        };
        Self {
            firsts: std::array::from_fn(|byte| anywhere(byte as u8)),
            ports: all
                .iter()
                .filter_map(|stream| stream.ports)
                .flatten()
                .copied()
                .collect(),
            all,
        }
    }
}

impl Stream {
    fn is_on(&self, (a, b): (u16, u16)) -> bool {
        self.ports
            .is_none_or(|ports| ports.contains(&a) || ports.contains(&b))
    }
}

/// Tell by the first byte whether `data` may begin something; false for no data.
#[inline]
pub(crate) fn may_begin(data: &[u8], (a, b): (u16, u16)) -> bool {
    let Some(&first) = data.first() else {
        return false;
    };
    let known = &*STREAMS;
    known
        .firsts
        .get(usize::from(first))
        .is_some_and(|&known| known)
        || known.ports.iter().any(|port| *port == a || *port == b)
}

/// Ask all protocols whether `data` is the beginning of something they said; `ports`: of who sent it, and the other.
///
/// The first that cannot tell yet is waited for, so that more bytes never turn one protocol into another.
pub fn identify(data: &[u8], ports: (u16, u16)) -> Identity {
    for stream in STREAMS.all.iter().filter(|stream| stream.is_on(ports)) {
        match (stream.begins)(data) {
            Reading::Mine => return Identity::Known(Application(stream.protocol)),
            Reading::TooShort => return Identity::TooShort,
            Reading::Other => {}
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
