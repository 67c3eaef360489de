// SPDX-License-Identifier: Apache-2.0
//! Why reading a frame stopped before its end.

use crate::Layer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The header of `layer` needs `need` bytes; the frame, or its snaplen, left `have`.
    Truncated {
        layer: Layer,
        need: usize,
        have: usize,
    },
    /// A field of `layer` contradicts the format; `what` names it.
    Malformed { layer: Layer, what: &'static str },
}
