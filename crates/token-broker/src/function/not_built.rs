//! The function on AWS, in a build without the AWS SDK: it is refused.

use std::future::{Ready, ready};

use anyhow::{anyhow, bail};
use config::{DeployedFunction, FunctionHome};

use super::Brokerage;

/// Refuses a function on AWS.
pub(crate) fn refuse_unbuilt(home: &FunctionHome) -> anyhow::Result<()> {
    match home {
        FunctionHome::Deployed(_) => bail!(REFUSAL),
        FunctionHome::InProcess | FunctionHome::Processes(_) => Ok(()),
    }
}

/// Refuses.
pub(crate) fn deployed(_function: &DeployedFunction) -> Ready<anyhow::Result<Brokerage>> {
    ready(Err(anyhow!(REFUSAL)))
}

const REFUSAL: &str = "`homes.local.function.aws` needs the AWS SDK, which this build leaves out; \
                       `cargo build --release --package token-broker --features aws` makes one that has it";
