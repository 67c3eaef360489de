// SPDX-License-Identifier: Apache-2.0
//! Several byte strings in one input.

/// Split an input into what stands behind each length (two bytes, big-endian, at most `LONGEST`); the last may be short.
///
/// libFuzzer's mutations then reach the order, the number and the length of frames alike.
pub fn of(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)) & LONGEST;
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        Some(piece)
    })
}

/// Longest piece; a power of two less one.
pub const LONGEST: usize = 0x0fff;

/// Put pieces together so that `of` gives them again, cut to `LONGEST`.
pub fn join<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut whole = Vec::new();
    for piece in pieces {
        let piece = &piece[..piece.len().min(LONGEST)];
        whole.extend((piece.len() as u16).to_be_bytes());
        whole.extend(piece);
    }
    whole
}
