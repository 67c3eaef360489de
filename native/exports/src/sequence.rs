// SPDX-License-Identifier: Apache-2.0
//! Sequence numbers: what was lost between two datagrams.

/// A gap as long as that is an exporter that began anew, or one datagram that came late.
const LONGEST_GAP: u32 = 1 << 16;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequence(Option<u32>);

impl Sequence {
    /// Take a number, and by how much the next one will be greater (None = it cannot be known); return what was lost.
    pub(crate) fn take(&mut self, number: u32, step: Option<u32>) -> u64 {
        let gap = self.0.map_or(0, |expected| number.wrapping_sub(expected));
        self.0 = step.map(|step| number.wrapping_add(step));
        if gap < LONGEST_GAP {
            u64::from(gap)
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_and_restarts_are_not() {
        let mut sequence = Sequence::default();
        let lost = [
            sequence.take(u32::MAX - 1, Some(2)),
            sequence.take(0, Some(5)),
            sequence.take(8, Some(1)),
            sequence.take(3, Some(1)),
            sequence.take(4, None),
            sequence.take(90, Some(1)),
        ];
        assert_eq!(lost, [0, 0, 3, 0, 0, 0]);
    }
}
