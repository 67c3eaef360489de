// SPDX-License-Identifier: Apache-2.0
//! Sampling as options records tell it: one rate for a whole exporter, or one for each of its samplers.

use std::collections::HashMap;

/// Samplers remembered of an exporter; beyond, its general rate is used.
const MOST: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Sampling {
    general: Option<u32>,
    by_sampler: HashMap<u64, u32>,
}

/// What a record says of sampling, its own or that of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sampler: Option<u64>,
    /// One packet in so many.
    pub(crate) rate: Option<u32>,
    /// Packets taken, and packets then left out (RFC 5477 §8.2.2 and 8.2.3).
    pub(crate) interval: Option<u32>,
    pub(crate) space: Option<u32>,
}

impl Told {
    fn rate(&self) -> Option<u32> {
        let of_both = self.interval.zip(self.space).map(|(taken, left)| {
            let taken = taken.max(1);
            (u64::from(taken) + u64::from(left)).div_ceil(u64::from(taken)) as u32
        });
        self.rate.or(of_both).filter(|&rate| rate > 0)
    }
}

impl Sampling {
    /// Take in what an options record says.
    pub(crate) fn learn(&mut self, told: &Told) {
        let Some(rate) = told.rate() else {
            return;
        };
        let Some(sampler) = told.sampler else {
            self.general = Some(rate);
            return;
        };
        if self.by_sampler.len() < MOST || self.by_sampler.contains_key(&sampler) {
            self.by_sampler.insert(sampler, rate);
        }
    }

    /// The rate of a record: its own, its sampler's, that of an only sampler that it does not name, or the general.
    pub(crate) fn rate(&self, told: &Told, otherwise: u32) -> u32 {
        let of = |sampler: u64| self.by_sampler.get(&sampler).copied();
        let only = || match self.by_sampler.len() {
            1 => self.by_sampler.values().next().copied(),
            _ => None,
        };
        told.rate()
            .or_else(|| told.sampler.and_then(of))
            .or(self.general)
            .or_else(only)
            .unwrap_or(otherwise)
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_rate_of_its_sampler() {
        let mut sampling = Sampling::default();
        for (sampler, rate) in [(Some(1), 100), (Some(2), 200), (None, 7)] {
            sampling.learn(&Told {
                sampler,
                rate: Some(rate),
                ..Told::default()
            });
        }
        let rate = |sampler| {
            sampling.rate(
                &Told {
                    sampler,
                    ..Told::default()
                },
                1,
            )
        };
        assert_eq!(
            [rate(Some(1)), rate(Some(2)), rate(Some(9)), rate(None)],
            [100, 200, 7, 7]
        );
    }

    #[test]
    fn one_packet_taken_and_nine_left_out_is_one_in_ten() {
        let told = Told {
            interval: Some(1),
            space: Some(9),
            ..Told::default()
        };
        assert_eq!(Sampling::default().rate(&told, 1), 10);
    }

    #[test]
    fn samplers_beyond_the_bound_are_not_remembered() {
        let mut sampling = Sampling::default();
        for sampler in 0..10_000 {
            sampling.learn(&Told {
                sampler: Some(sampler),
                rate: Some(5),
                ..Told::default()
            });
        }
        assert_eq!(sampling.by_sampler.len(), MOST);
    }
}
