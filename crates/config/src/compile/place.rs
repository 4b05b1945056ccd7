//! What of the objects depends on the home: everything else is the same in both.

use restapi::{AccountId, FunctionName, MethodSetting, Region, RestApiId, StageName, ThrottleSettings};

use super::AwsPlace;
use crate::{AwsHome, Definition, LocalHome};

/// Where the objects are.
pub(super) struct Place<'a> {
    pub(super) account_id: &'a AccountId,
    pub(super) region: &'a Region,
    pub(super) stage: &'a StageName,
    pub(super) function: &'a FunctionName,
    pub(super) account_throttle: ThrottleSettings,
    pub(super) api_id: RestApiId,
    /// The settings of every method but for its bucket.
    pub(super) method_setting: MethodSetting,
    pub(super) access_log_format: &'a str,
}

impl<'a> Place<'a> {
    /// This machine.
    pub(super) fn local(definition: &'a Definition) -> Self {
        let LocalHome { account_id, region, stage, function, account_throttle, .. } = &definition.local;
        Self {
            account_id,
            region,
            stage,
            function,
            account_throttle: *account_throttle,
            api_id: api_id(account_id, region, &definition.api.name),
            method_setting: MethodSetting {
                // A method is counted by itself as on AWS.
                metrics_enabled: true,
                logging_level: definition.api.logging_level,
                ..MethodSetting::default()
            },
            access_log_format: definition.api.access_log.here(),
        }
    }

    /// AWS.
    pub(super) fn aws(definition: &'a Definition, home: &'a AwsHome, place: &'a AwsPlace) -> Self {
        let AwsHome { region, stage } = home;
        let AwsPlace { account_id, function, api_id: known } = place;
        Self {
            account_id,
            region,
            stage,
            function,
            account_throttle: ThrottleSettings::ACCOUNT_DEFAULT,
            api_id: known.clone().unwrap_or_else(|| api_id(account_id, region, &definition.api.name)),
            method_setting: MethodSetting {
                metrics_enabled: true,
                logging_level: definition.api.logging_level,
                ..MethodSetting::default()
            },
            access_log_format: definition.api.access_log.on_aws(),
        }
    }
}

/// The id of an API that has none yet: another account, region or name is another API.
fn api_id(account_id: &AccountId, region: &Region, name: &str) -> RestApiId {
    RestApiId::derived(&[account_id.as_str(), region.as_str(), name])
}
