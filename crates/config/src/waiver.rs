//! Exceptions from guardrails, each with its reason and its end.
//!
//! A waiver changes nothing about what is found, only whether it stops anything, and only for a time: whoever wrote it
//! has said until when the exception is meant to last, and must look at it again then. It covers one guardrail at one
//! object and what is below it. It knows no clock: the time is an argument.

use std::fmt;
use std::str::FromStr;

use ambient::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Position;

/// An exception from a guardrail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiver {
    /// The guardrail's id, such as `TB018`.
    pub guardrail: String,
    /// The place of the object, such as `usagePlans/partner`, or the address of a Terraform resource. What is below it is
    /// covered as well.
    pub at: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: LastDay,
    /// Where it stands in the file.
    pub position: Position,
}

impl Waiver {
    /// Whether it is for the guardrail `id` at this object, or at what it is part of; whether it still
    /// [holds](Self::holds) is another question.
    pub fn covers(&self, id: &str, place_or_address: &str) -> bool {
        let below = place_or_address.strip_prefix(self.at.as_str());
        self.guardrail == id
            && below.is_some_and(|below| below.is_empty() || below.starts_with(['/', '.', '[']))
    }

    /// Whether its last day has not ended.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires.end()
    }
}

/// A day that is the last one, by UTC; it is written and shown as `2027-01-31`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LastDay {
    date: Date,
    end: Timestamp,
}

/// A text that is no such day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a day, written as year, month and day")]
pub struct LastDayError;

impl LastDay {
    /// The first moment after it.
    pub const fn end(self) -> Timestamp {
        self.end
    }
}

impl FromStr for LastDay {
    type Err = LastDayError;

    fn from_str(text: &str) -> Result<Self, LastDayError> {
        let date: Date = text.parse().map_err(|_| LastDayError)?;
        // The library reads other forms as well, some of them with a time that would be lost.
        if date.to_string() != text {
            return Err(LastDayError);
        }
        let end = date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC)).map_err(|_| LastDayError)?;
        let micros = u64::try_from(end.timestamp().as_microsecond()).map_err(|_| LastDayError)?;
        Ok(Self { date, end: Timestamp::from_micros(micros) })
    }
}

impl fmt::Display for LastDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn waiver(at: &str) -> Waiver {
        Waiver {
            guardrail: "TB018".into(),
            at: at.into(),
            reason: "one key on this plan".into(),
            expires: "2027-01-31".parse().unwrap(),
            position: Position::START,
        }
    }

    #[test]
    fn waiver_covers_one_guardrail_at_an_object_and_below_it() {
        let plan = waiver("usagePlans/partner");
        for (id, place, is_covered) in [
            ("TB018", "usagePlans/partner", true),
            ("TB018", "usagePlans/partner/throttle", true),
            ("TB017", "usagePlans/partner/throttle", false),
            ("TB018", "usagePlans/partner-2", false),
            ("TB018", "usagePlans", false),
            ("TB018", "restApis/usagePlans/partner", false),
        ] {
            assert_eq!(plan.covers(id, place), is_covered, "{id} {place}");
        }
        let module = waiver("module.front");
        assert!(module.covers("TB018", "module.front.aws_api_gateway_usage_plan.this"));
        assert!(module.covers("TB018", "module.front[0].aws_api_gateway_usage_plan.this[\"partner\"]"));
        assert!(!module.covers("TB018", "module.front_door.aws_api_gateway_usage_plan.this"));
    }

    #[test]
    fn waiver_holds_to_the_end_of_its_last_day() {
        let waiver = waiver("usagePlans/partner");
        let end = waiver.expires.end();
        // 2027-02-01T00:00:00Z.
        assert_eq!(end, Timestamp::from_secs(1_801_440_000));
        assert!(waiver.holds(Timestamp::from_micros(end.as_micros() - 1)));
        assert!(!waiver.holds(end));
        assert!(!waiver.holds(end.plus(Duration::from_secs(1))));
    }

    #[test]
    fn day_is_written_in_one_way() {
        for text in ["1970-01-01", "2027-01-31", "2028-02-29"] {
            assert_eq!(text.parse::<LastDay>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tomorrow",
            "31.01.2027",
            "2027-1-31",
            "20270131",
            "2027-02-29",
            "2027-01-31T00:00:00Z",
            "2027-01-31T12:00",
            " 2027-01-31",
            "1960-01-01",
            "+002027-01-31",
            "9999-12-31",
        ] {
            assert_eq!(text.parse::<LastDay>(), Err(LastDayError), "{text}");
        }
    }
}
