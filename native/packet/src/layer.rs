// SPDX-License-Identifier: Apache-2.0
//! Layers by name, spelled as clients of the reference expect them in `LayersPath`, and the path of one segment.

/// Define `Layer`; called once, by the list of protocols.
macro_rules! layers {
    ($($name:ident),* $(,)?) => {
        /// What a header, or a part of one, is called.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        #[repr(u8)]
        pub enum Layer {
            #[default]
            Payload,
            $($name),*
        }

        impl Layer {
            /// All but `Payload`.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn name(self) -> &'static str {
                match self {
                    Self::Payload => "Payload",
                    $(Self::$name => stringify!($name)),*
                }
            }
        }
    };
}
pub(crate) use layers;

pub use crate::protocols::Layer;

/// The layers of one segment of a frame, outermost first. Deeper nesting than the capacity is cut off.
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
