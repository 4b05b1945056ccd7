//! Usage plans, and which keys are on them. Live: changes need no deployment.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ApiKeyId, MethodKey, RestApiId, StageName, ThrottleSettings, UsagePlanId};

/// What the keys on it may use, each key for itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsagePlan {
    /// Its id.
    pub id: UsagePlanId,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The stages it opens.
    pub api_stages: Vec<ApiStage>,
    /// A bucket per key, over all stages and methods of the plan together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSettings>,
    /// A quota per key, over all stages of the plan together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaSettings>,
}

impl UsagePlan {
    /// The plan's entry for a stage, if it opens it.
    pub fn api_stage(&self, api: &RestApiId, stage: &StageName) -> Option<&ApiStage> {
        self.api_stages.iter().find(|entry| &entry.api_id == api && &entry.stage == stage)
    }
}

/// A stage that a plan opens.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiStage {
    /// The API.
    pub api_id: RestApiId,
    /// The stage.
    pub stage: StageName,
    /// A further bucket per key for single methods. It can only be stricter: a looser one does not lift the plan's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle: BTreeMap<MethodKey, ThrottleSettings>,
}

/// The span that a quota is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum QuotaPeriod {
    /// A day, UTC.
    Day,
    /// A week.
    Week,
    /// A calendar month.
    Month,
}

/// How many requests a key may make in a period.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSettings {
    /// How many.
    limit: u64,
    /// On which day of the period it starts.
    offset: u8,
    /// In which period.
    period: QuotaPeriod,
}

/// A quota that API Gateway would not take.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QuotaSettingsError {
    /// A day has no day to start on.
    #[error("usage plan quota offset must be zero in the DAY period")]
    OffsetInDay,
    /// A week has seven days.
    #[error("usage plan quota offset must be 0 to 6 in the WEEK period")]
    OffsetInWeek,
    /// Every month has 28 days.
    #[error("usage plan quota offset must be 0 to 27 in the MONTH period")]
    OffsetInMonth,
}

impl QuotaSettings {
    /// A quota of `limit` requests per `period` that starts on day `offset` of it.
    pub fn new(limit: u64, period: QuotaPeriod, offset: u8) -> Result<Self, QuotaSettingsError> {
        match period {
            QuotaPeriod::Day if offset > 0 => Err(QuotaSettingsError::OffsetInDay),
            QuotaPeriod::Week if offset > 6 => Err(QuotaSettingsError::OffsetInWeek),
            QuotaPeriod::Month if offset > 27 => Err(QuotaSettingsError::OffsetInMonth),
            QuotaPeriod::Day | QuotaPeriod::Week | QuotaPeriod::Month => Ok(Self { limit, offset, period }),
        }
    }

    /// How many requests.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// In which period.
    pub const fn period(&self) -> QuotaPeriod {
        self.period
    }

    /// On which day of the period it starts.
    pub const fn offset(&self) -> u8 {
        self.offset
    }
}

/// A key on a plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsagePlanKey {
    /// The plan.
    pub usage_plan_id: UsagePlanId,
    /// The key.
    pub key_id: ApiKeyId,
}
