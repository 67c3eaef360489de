// SPDX-License-Identifier: Apache-2.0
//! Big-endian reads that say `None` beyond the end.

pub(crate) fn be16(data: &[u8], at: usize) -> Option<u16> {
    chunk::<2>(data, at).map(u16::from_be_bytes)
}

pub(crate) fn be32(data: &[u8], at: usize) -> Option<u32> {
    chunk::<4>(data, at).map(u32::from_be_bytes)
}

pub(crate) fn chunk<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk::<N>().copied()
}
