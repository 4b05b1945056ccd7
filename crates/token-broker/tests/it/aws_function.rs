//! A function on AWS behind the front door: invoked by a build that has the AWS SDK, refused by any other.

#[cfg(feature = "aws")]
mod invoked;

use crate::harness::{DEFINITION, Place};

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live";

/// A definition whose function is on AWS, reached as `further` says.
fn place(further: &str) -> Place {
    let home = format!("homes:\n  local: {{ function: {{ aws: \"{ARN}\"{further} }}, ");
    let pool = ", user_pool: embedded, user_pool_listen: \"127.0.0.1:0\"";
    Place::with(&DEFINITION.replace("homes:\n  local: { ", &home).replace(pool, ""))
}

#[cfg(not(feature = "aws"))]
#[test]
fn build_without_the_sdk_says_which_one_has_it() {
    let place = place("");
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("homes.local.function.aws") && said.contains("--features aws"), "{said}");
    }
}
