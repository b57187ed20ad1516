//! Whether an app's processes compute: CPU time read now and then, and what it comes to.

use std::time::Duration;

use myksc_core::Timestamp;

/// What the readings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// The template says that it does not matter.
    NotLooked,
    /// It can't be measured here.
    Unmeasurable,
    /// There is one reading, and it takes two.
    Beginning,
    /// Less than counts.
    Calm,
    /// As much as counts.
    Busy,
}

/// CPU time over a while.
#[derive(Debug)]
pub(super) struct Meter {
    /// Percent of one core that count as use; 0 where none do.
    percent: u32,
    last: Option<(Timestamp, Duration)>,
    load: Load,
}

impl Meter {
    pub(super) fn new(percent: u32) -> Self {
        let load = if percent == 0 { Load::NotLooked } else { Load::Beginning };
        Self { percent, last: None, load }
    }

    pub(super) fn is_on(&self) -> bool {
        self.percent > 0
    }

    pub(super) fn load(&self) -> Load {
        self.load
    }

    /// Takes a reading of all CPU time since the start. A window is at least so long, else the last word stands. Less than
    /// before is read where processes have ended that nobody waited for: nothing is known of that window.
    pub(super) fn read(&mut self, total: Option<Duration>, window: Duration, now: Timestamp) -> Load {
        let Some(total) = total else {
            self.last = None;
            self.load = Load::Unmeasurable;
            return self.load;
        };
        let Some((since, before)) = self.last else {
            self.last = Some((now, total));
            self.load = Load::Beginning;
            return self.load;
        };
        let passed_millis = u128::try_from(now.as_millis() - since.as_millis()).unwrap_or(0);
        if passed_millis == 0 || passed_millis < window.as_millis() {
            return self.load;
        }
        self.last = Some((now, total));
        self.load = match total.checked_sub(before) {
            Some(used) if used.as_millis() * 100 >= passed_millis * u128::from(self.percent) => Load::Busy,
            Some(_) => Load::Calm,
            None => Load::Beginning,
        };
        self.load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus_secs(secs)
    }

    fn millis(total: u64) -> Option<Duration> {
        Some(Duration::from_millis(total))
    }

    #[test]
    fn five_percent_of_a_core_over_the_window_are_busy_and_less_is_calm() {
        let mut meter = Meter::new(5);
        assert_eq!(meter.read(millis(60_000), WINDOW, at(0)), Load::Beginning);
        assert_eq!(meter.read(millis(60_499), WINDOW, at(10)), Load::Calm);
        assert_eq!(meter.read(millis(60_999), WINDOW, at(20)), Load::Busy);
        assert_eq!(meter.read(millis(64_999), WINDOW, at(100)), Load::Busy);
        assert_eq!(meter.read(millis(64_999), WINDOW, at(110)), Load::Calm);
    }

    #[test]
    fn a_reading_too_early_changes_nothing() {
        let mut meter = Meter::new(5);
        meter.read(millis(0), WINDOW, at(0));
        assert_eq!(meter.read(millis(10), WINDOW, at(10)), Load::Calm);
        assert_eq!(meter.read(millis(10_000), WINDOW, at(11)), Load::Calm);
        assert_eq!(meter.read(millis(10_000), WINDOW, at(20)), Load::Busy, "it is counted all the same");
    }

    #[test]
    fn what_can_not_be_measured_is_not_calm() {
        let mut meter = Meter::new(5);
        assert_eq!(meter.read(None, WINDOW, at(0)), Load::Unmeasurable);
        assert_eq!(meter.read(millis(900), WINDOW, at(20)), Load::Beginning);
        assert_eq!(meter.read(millis(100), WINDOW, at(40)), Load::Beginning, "processes have ended");
        assert_eq!(meter.read(millis(100), WINDOW, at(60)), Load::Calm);
        assert_eq!(Meter::new(0).load(), Load::NotLooked);
    }
}
