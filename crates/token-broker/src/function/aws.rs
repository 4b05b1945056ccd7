//! The function on AWS, in a build that has the AWS SDK.

use std::sync::Arc;

use config::{DeployedFunction, FunctionHome};
use lambda_aws::{Deployed, Target};

use super::Brokerage;

/// Everything can be run by this build.
#[expect(clippy::unnecessary_wraps, reason = "a build without the AWS SDK refuses")]
pub(crate) fn refuse_unbuilt(_home: &FunctionHome) -> anyhow::Result<()> {
    Ok(())
}

/// The function on AWS that `function` names. AWS is not asked before the first request.
pub(crate) async fn deployed(function: &DeployedFunction) -> anyhow::Result<Brokerage> {
    let DeployedFunction { arn, endpoint, timeout } = function;
    let target = Target {
        arn: arn.as_str().to_owned(),
        region: arn.region().clone(),
        endpoint: endpoint.as_ref().map(ToString::to_string),
        timeout: *timeout,
    };
    Ok(Brokerage::Deployed(Arc::new(Deployed::connect(target).await)))
}
