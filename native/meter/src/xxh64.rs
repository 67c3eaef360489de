// SPDX-License-Identifier: Apache-2.0
//! XXH64, streaming, with the flaw of the library that the reference pins as an option.
//!
//! There, asking for the sum multiplies the four accumulators in place once 32 bytes were absorbed, so that a second
//! sum of a longer text is no standard XXH64. `flawed_sum` does the same, for ids equal to those in old databases.

const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

pub(crate) struct Xxh64 {
    seed: u64,
    lanes: [u64; 4],
    total: u64,
    pending: [u8; 32],
    pending_len: usize,
}

impl Xxh64 {
    pub(crate) fn new(seed: u64) -> Self {
        let first = seed.wrapping_add(PRIME_1).wrapping_add(PRIME_2);
        let lanes = [
            first,
            seed.wrapping_add(PRIME_2),
            seed,
            seed.wrapping_sub(PRIME_1),
        ];
        Self {
            seed,
            lanes,
            total: 0,
            pending: [0; 32],
            pending_len: 0,
        }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        while !bytes.is_empty() {
            let free = self.pending.get_mut(self.pending_len..).unwrap_or_default();
            let taken = free.len().min(bytes.len());
            let (head, rest) = bytes.split_at(taken);
            free[..taken].copy_from_slice(head);
            bytes = rest;
            self.pending_len += taken;
            if self.pending_len == 32 {
                self.absorb();
            }
        }
    }

    fn absorb(&mut self) {
        for (lane, word) in self.lanes.iter_mut().zip(self.pending.chunks_exact(8)) {
            *lane = round(*lane, little_endian(word));
        }
        self.pending_len = 0;
    }

    pub(crate) fn sum(&self) -> u64 {
        let mut hash = if self.total >= 32 {
            let [a, b, c, d] = self.lanes;
            let mixed = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            self.lanes.iter().fold(mixed, |hash, &lane| {
                (hash ^ round(0, lane))
                    .wrapping_mul(PRIME_1)
                    .wrapping_add(PRIME_4)
            })
        } else {
            self.seed.wrapping_add(PRIME_5)
        };
        hash = hash.wrapping_add(self.total);
        finish(tail(
            hash,
            self.pending.get(..self.pending_len).unwrap_or_default(),
        ))
    }

    /// Return the sum as the reference's library does, state change included.
    pub(crate) fn flawed_sum(&mut self) -> u64 {
        let sum = self.sum();
        if self.total >= 32 {
            for lane in &mut self.lanes {
                *lane = lane.wrapping_mul(PRIME_2);
            }
        }
        sum
    }
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2))
        .rotate_left(31)
        .wrapping_mul(PRIME_1)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

fn tail(mut hash: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8);
    let halves = words.remainder().chunks_exact(4);
    let rest = halves.remainder();
    for word in words {
        hash = (hash ^ round(0, little_endian(word))).rotate_left(27);
        hash = hash.wrapping_mul(PRIME_1).wrapping_add(PRIME_4);
    }
    for half in halves {
        hash ^= little_endian(half).wrapping_mul(PRIME_1);
        hash = hash
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3);
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(PRIME_5))
            .rotate_left(11)
            .wrapping_mul(PRIME_1);
    }
    hash
}

fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(text: &[u8], seed: u64) -> u64 {
        let mut hash = Xxh64::new(seed);
        hash.write(text);
        hash.sum()
    }

    #[test]
    fn agrees_with_published_vectors() {
        assert_eq!(sum(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(sum(b"a", 0), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(sum(b"abc", 0), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            sum(
                b"Call me Ishmael. Some years ago--never mind how long precisely-",
                0
            ),
            0x02a2_e854_70d6_fd96
        );
    }

    #[test]
    fn pieces_give_the_same_sum_as_the_whole() {
        let mut hash = Xxh64::new(7);
        hash.write(b"Call me Ishmael. Some years ago--");
        hash.write(b"never mind");
        assert_eq!(
            hash.sum(),
            sum(b"Call me Ishmael. Some years ago--never mind", 7)
        );
    }
}
