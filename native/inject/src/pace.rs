// SPDX-License-Identifier: Apache-2.0
//! When each packet of a run is due: at an interval, or as it was recorded, never faster than the limit.

/// Due times in ns from the start of the run.
#[derive(Clone, Debug)]
pub enum Pace {
    Interval(i64),
    /// Offsets of the recorded packets from the first one, and from the first to the first of the next round.
    Recorded {
        offsets: Vec<i64>,
        round: i64,
    },
}

impl Pace {
    /// Make the pace of recorded packets; `scale` 2 = twice as fast. Times that go back count as no time.
    pub fn recorded(stamps: &[i64], scale: f64) -> Self {
        let first = stamps.first().copied().unwrap_or_default();
        let mut latest = 0;
        let offsets: Vec<i64> = stamps
            .iter()
            .map(|stamp| {
                let offset = (stamp.saturating_sub(first) as f64 / scale) as i64;
                latest = latest.max(offset);
                latest
            })
            .collect();
        // A round ends one mean gap after its last packet.
        let gaps = (offsets.len() as i64 - 1).max(1);
        Self::Recorded {
            round: latest + latest / gaps,
            offsets,
        }
    }

    /// When packet `index` is due, from the start of the run.
    pub fn due(&self, index: u64) -> i64 {
        match self {
            Self::Interval(interval) => interval.saturating_mul(index as i64),
            Self::Recorded { offsets, round } => {
                let count = offsets.len().max(1) as u64;
                let within = offsets.get((index % count) as usize).copied();
                round
                    .saturating_mul((index / count) as i64)
                    .saturating_add(within.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_times_are_scaled_and_go_on_in_the_next_round() {
        let pace = Pace::recorded(&[1_000, 1_400, 1_200, 2_000], 2.0);
        let due: Vec<i64> = (0..6).map(|index| pace.due(index)).collect();
        assert_eq!(due, [0, 200, 200, 500, 666, 866]);
    }

    #[test]
    fn a_single_recorded_packet_has_no_gap() {
        assert_eq!(Pace::recorded(&[77], 1.0).due(5), 0);
    }
}
