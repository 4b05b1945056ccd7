//! Everything of one account in one region: what the configuration compiles to, and all that the data plane sees.

use serde::Serialize;

use crate::{AccountId, ApiKey, Permission, Region, RestApi, ThrottleSettings, UsagePlan, UsagePlanKey};

/// The objects of one account and region.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The account number.
    pub account_id: AccountId,
    /// The region.
    pub region: Region,
    /// The account's throttle, over all its APIs (`GetAccount`'s `throttleSettings`).
    pub throttle_settings: ThrottleSettings,
    /// REST APIs.
    pub rest_apis: Vec<RestApi>,
    /// Usage plans.
    pub usage_plans: Vec<UsagePlan>,
    /// API keys.
    pub api_keys: Vec<ApiKey>,
    /// Which key is on which plan.
    pub usage_plan_keys: Vec<UsagePlanKey>,
    /// Who may invoke which function: the statements of the functions' resource policies.
    pub permissions: Vec<Permission>,
}
