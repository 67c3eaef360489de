// SPDX-License-Identifier: Apache-2.0
//! Integers in the byte order of the file's writer.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    /// Read at `at`; 0 beyond the end (callers check lengths first).
    #[inline]
    pub(crate) fn u16(self, data: &[u8], at: usize) -> u16 {
        let bytes = data
            .get(at..)
            .and_then(|rest| rest.first_chunk::<2>())
            .copied()
            .unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(crate) fn u32(self, data: &[u8], at: usize) -> u32 {
        let bytes = data
            .get(at..)
            .and_then(|rest| rest.first_chunk::<4>())
            .copied()
            .unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// No capture writes longer packets (libpcap's limit for any link type is 128 MiB): a length above is damage.
pub(crate) const MAX_PACKET: u32 = 128 << 20;
