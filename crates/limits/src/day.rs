//! Days of the UTC calendar, by which usage is counted and shown.

use std::fmt;
use std::str::FromStr;

use ambient::Timestamp;
use jiff::civil::Date;

/// A day, from midnight to midnight UTC.
///
/// ```
/// # use limits::Day;
/// # use ambient::Timestamp;
/// let day = Day::of(Timestamp::from_secs(1_795_435_200));
/// assert_eq!(day.to_string(), "2026-11-23");
/// assert_eq!("2026-11-24".parse(), Ok(day.plus(1)));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(u32);

impl Day {
    /// The day that `moment` lies in.
    pub fn of(moment: Timestamp) -> Self {
        Self(u32::try_from(moment.as_micros() / MICROS).unwrap_or(u32::MAX).min(LAST))
    }

    /// `number` days after 1970-01-01, or the last day of the year 9999 if that is earlier.
    pub const fn from_number(number: u32) -> Self {
        if number < LAST { Self(number) } else { Self(LAST) }
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0 as u64 * 86_400)
    }

    /// The day `days` later.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self::from_number(self.0.saturating_add(days))
    }

    /// The day `days` earlier, or 1970-01-01.
    #[must_use]
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(i64::from(self.0)));
        write!(f, "{date}")
    }
}

impl FromStr for Day {
    type Err = DayError;

    /// Reads `YYYY-MM-DD`, and nothing else that a date could look like.
    fn from_str(text: &str) -> Result<Self, DayError> {
        let error = || DayError { text: text.into() };
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date: Date = text.parse().ok().filter(|_| plain).ok_or_else(error)?;
        let hours = date.duration_since(Date::constant(1970, 1, 1)).as_hours();
        u32::try_from(hours / 24).ok().filter(|_| hours >= 0).map(Self).ok_or_else(error)
    }
}

/// A text that is no day.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a day from 1970 on, written as 2026-11-23")]
pub struct DayError {
    text: String,
}

/// A day in microseconds. UTC as computers count it has no leap seconds.
pub(crate) const MICROS: u64 = 86_400_000_000;

/// 9999-12-31, the last day that the calendar can name.
const LAST: u32 = 2_932_896;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        for text in ["1970-01-01", "2026-11-23", "2028-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        assert_eq!("9999-12-31".parse::<Day>().unwrap().number(), LAST);
        assert_eq!(Day::from_number(u32::MAX).to_string(), "9999-12-31");
        assert_eq!(Day::of(Timestamp::from_micros(u64::MAX)).to_string(), "9999-12-31");
    }

    #[test]
    fn other_texts_are_no_days() {
        for text in
            ["", "1969-12-31", "2026-02-30", "2026-11-23T00:00", "20261123", "2026-11-2", "+002026-11-23"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight() {
        let day: Day = "2026-11-23".parse().unwrap();
        assert_eq!(Day::of(day.start()), day);
        assert_eq!(Day::of(Timestamp::from_micros(day.start().as_micros() - 1)), day.minus(1));
    }
}
