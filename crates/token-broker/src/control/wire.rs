//! What goes over the control socket, as the server writes it and the commands read it.
//!
//! Usage has the shape of API Gateway's `GetUsage` and `UpdateUsage`; standings are our own.

use std::collections::BTreeMap;

use ambient::Timestamp;
use config::Change;
use limits::{DayUsage, Period, QuotaSpec, Standing};
use serde::{Deserialize, Serialize};

/// Used and remaining requests of each key on each day, both ends included.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DailyUsage {
    pub(crate) usage_plan_id: String,
    pub(crate) start_date: String,
    pub(crate) end_date: String,
    /// By the key's id.
    pub(crate) values: BTreeMap<String, Vec<(u64, u64)>>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<String>,
    /// Where the key stands after an update. Not API Gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<KeyStanding>,
}

/// Where keys stand, a page of them.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standings {
    /// When it was so.
    pub(crate) at: Moment,
    pub(crate) items: Vec<KeyStanding>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<String>,
}

/// What a reload has brought.
#[derive(Debug, Serialize)]
pub(crate) struct Reloaded {
    /// Which definition is in force now, counted from the start of the server.
    pub(crate) generation: u64,
    pub(crate) changes: Vec<Change>,
}

/// An API key on a plan, and where it stands with the plan's quota if it has one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyStanding {
    pub(crate) client: String,
    /// The key's name.
    pub(crate) key: String,
    pub(crate) key_id: String,
    pub(crate) plan: String,
    pub(crate) usage_plan_id: String,
    pub(crate) quota: Option<QuotaStanding>,
    /// The days that were asked for, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) days: Vec<OneDay>,
}

/// Where a key stands with a quota, in the window that is open.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaStanding {
    pub(crate) limit: u64,
    pub(crate) period: PeriodWord,
    pub(crate) offset: u8,
    /// Given on top of the limit, for this window.
    pub(crate) extra: u64,
    pub(crate) used: u64,
    /// Counted as used because a crash left nobody knowing.
    pub(crate) lost: u64,
    pub(crate) left: u64,
    pub(crate) window_start: Moment,
    /// When the next window begins.
    pub(crate) window_end: Option<Moment>,
}

/// A day's usage.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct OneDay {
    pub(crate) day: String,
    pub(crate) used: u64,
    pub(crate) remaining: u64,
}

/// A quota's period, as API Gateway writes it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum PeriodWord {
    Day,
    Week,
    Month,
}

/// A moment as RFC 3339 has it, in whole seconds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Moment(pub(crate) Timestamp);

impl QuotaStanding {
    /// All that the window admits, or counts as admitted.
    pub(crate) fn whole(&self) -> u64 {
        self.used.saturating_add(self.lost).saturating_add(self.left)
    }
}

impl From<&Standing> for QuotaStanding {
    fn from(standing: &Standing) -> Self {
        let Standing { spec, extra, used, lost, left, window_start, window_end } = *standing;
        Self {
            limit: spec.limit(),
            period: PeriodWord::of(&spec),
            offset: spec.offset(),
            extra,
            used,
            lost,
            left,
            window_start: Moment(window_start),
            window_end: window_end.map(Moment),
        }
    }
}

impl From<&DayUsage> for OneDay {
    fn from(usage: &DayUsage) -> Self {
        Self { day: usage.day.to_string(), used: usage.used, remaining: usage.remaining }
    }
}

impl PeriodWord {
    fn of(spec: &QuotaSpec) -> Self {
        match spec.period() {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
        }
    }

    /// As a person says it.
    pub(crate) const fn as_noun(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl From<Moment> for String {
    fn from(Moment(moment): Moment) -> Self {
        let seconds =
            i64::try_from(moment.as_secs()).ok().and_then(|secs| jiff::Timestamp::from_second(secs).ok());
        seconds.unwrap_or(jiff::Timestamp::MAX).to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| format!("`{text}` is not a moment"))?;
        let seconds = u64::try_from(moment.as_second()).map_err(|_| format!("`{text}` is before 1970"))?;
        Ok(Self(Timestamp::from_secs(seconds)))
    }
}
