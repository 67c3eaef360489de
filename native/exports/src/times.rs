// SPDX-License-Identifier: Apache-2.0
//! Times as exporters tell them → Unix ns. Clocks may be wrong by years: what a record says is believed near the time
//! of reception only, or flows would end before they were seen, or never.

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;
/// How far an exporter's clock may be off before its times are moved to those of reception.
const TRUSTED: i64 = 600 * SECOND;
const LONGEST: i64 = 86_400 * SECOND;

/// When a datagram was sent and received, and what the exporter's uptime was then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) received_ns: i64,
    pub(crate) exported_ns: i64,
    pub(crate) uptime_ms: Option<u32>,
}

impl Clock {
    pub(crate) fn seconds(seconds: u32) -> i64 {
        i64::from(seconds) * SECOND
    }

    /// Of a time in ms since the exporter started, a number that begins anew after 49 days.
    pub(crate) fn uptime(&self, at_ms: u32) -> i64 {
        let age_ms = self.uptime_ms.unwrap_or(at_ms).wrapping_sub(at_ms) as i32;
        self.exported_ns - i64::from(age_ms) * MS
    }

    /// Of a number of microseconds before the export (RFC 7012: deltas are negative offsets).
    pub(crate) fn before(&self, delta_us: u32) -> i64 {
        self.exported_ns - i64::from(delta_us) * 1000
    }

    pub(crate) fn milliseconds(ms: u64) -> i64 {
        i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(MS)
    }

    /// Of NTP's format: 32 bits of seconds since 1900, 32 of their fraction.
    pub(crate) fn ntp(stamp: u64) -> i64 {
        let seconds = (stamp >> 32).saturating_sub(NTP_EPOCH) as i64;
        let fraction = ((stamp & 0xffff_ffff) * SECOND as u64) >> 32;
        seconds * SECOND + fraction as i64
    }

    /// Start and end as they are believed; a time that was not told is None.
    pub(crate) fn believed(&self, start: Option<i64>, end: Option<i64>) -> (i64, i64) {
        let end_ns = end.or(start).unwrap_or(self.received_ns);
        let lasted = end_ns
            .saturating_sub(start.unwrap_or(end_ns))
            .clamp(0, LONGEST);
        let skew = end_ns.saturating_sub(self.exported_ns);
        // What it sends now ended a while ago at most; beyond that its own clock is the better measure of the age.
        let age = if (-LONGEST..=0).contains(&skew) {
            -skew
        } else {
            0
        };
        let off = self.exported_ns.saturating_sub(self.received_ns);
        let end_ns = if off.abs() <= TRUSTED && (-LONGEST..=TRUSTED).contains(&skew) {
            end_ns
        } else {
            self.received_ns - age
        };
        (end_ns - lasted, end_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND;

    fn clock(exported_ns: i64) -> Clock {
        Clock {
            received_ns: NOW,
            exported_ns,
            uptime_ms: Some(5000),
        }
    }

    #[test]
    fn uptime_that_began_anew_is_still_in_the_past() {
        assert_eq!(clock(NOW).uptime(4000), NOW - SECOND);
        assert_eq!(
            clock(NOW).uptime(5000u32.wrapping_sub(6000)),
            NOW - 6 * SECOND
        );
    }

    #[test]
    fn a_wrong_clock_keeps_durations_and_ages() {
        let wrong = clock(10 * SECOND);
        let (start, end) = (Some(3 * SECOND), Some(7 * SECOND));
        assert_eq!(
            wrong.believed(start, end),
            (NOW - 7 * SECOND, NOW - 3 * SECOND)
        );
    }

    #[test]
    fn absurd_times_are_those_of_reception() {
        assert_eq!(clock(NOW).believed(None, None), (NOW, NOW));
        let (start, end) = clock(NOW).believed(Some(i64::MIN), Some(i64::MAX));
        assert_eq!((start, end), (NOW - LONGEST, NOW));
    }

    #[test]
    fn ntp_stamps_have_a_fraction() {
        let stamp = (NTP_EPOCH + 1) << 32 | 1 << 31;
        assert_eq!(Clock::ntp(stamp), SECOND + SECOND / 2);
    }
}
