//! The ARN of a function that is deployed on AWS. Nothing here is asked whether it exists.

use std::fmt;
use std::str::FromStr;

use restapi::{AccountId, FunctionName, Region};
use thiserror::Error;

/// The ARN of a deployed function, with an alias or a version if one is meant.
///
/// ```
/// # use config::FunctionArn;
/// let arn: FunctionArn = "arn:aws:lambda:eu-central-1:123456789012:function:token-broker:live".parse().unwrap();
/// assert_eq!(arn.region().as_str(), "eu-central-1");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionArn {
    text: Box<str>,
    region: Region,
}

/// A text that is no ARN of a function.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("this is not the ARN of a function, or of an alias or version of one")]
pub struct FunctionArnError;

impl FunctionArn {
    /// The ARN as it is written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the function is.
    pub const fn region(&self) -> &Region {
        &self.region
    }
}

impl FromStr for FunctionArn {
    type Err = FunctionArnError;

    fn from_str(text: &str) -> Result<Self, FunctionArnError> {
        let (function, qualifier) = match text.split(':').count() {
            7 => (text, None),
            8 => text.rsplit_once(':').map(|(arn, last)| (arn, Some(last))).ok_or(FunctionArnError)?,
            _ => return Err(FunctionArnError),
        };
        let mut parts = function.split(':');
        let mut next = || parts.next().unwrap_or_default();
        let (arn, partition, service) = (next(), next(), next());
        let (region, account, kind, name) = (next(), next(), next(), next());
        let region = Region::parse(region).map_err(|_| FunctionArnError)?;
        let is_one = (arn, service, kind) == ("arn", "lambda", "function")
            && is_partition(partition)
            && AccountId::parse(account).is_ok()
            && FunctionName::parse(name).is_ok()
            && qualifier.is_none_or(is_qualifier);
        if is_one { Ok(Self { text: text.into(), region }) } else { Err(FunctionArnError) }
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `aws`, or one of AWS's worlds apart, such as `aws-cn`.
fn is_partition(text: &str) -> bool {
    let rest = text.strip_prefix("aws");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// An alias or a version.
fn is_qualifier(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text == "$LATEST" || ((1..=128).contains(&text.len()) && text.bytes().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_alias_and_version_are_read_in_every_partition() {
        for (text, region) in [
            ("arn:aws:lambda:eu-central-1:123456789012:function:token-broker", "eu-central-1"),
            ("arn:aws:lambda:us-east-1:123456789012:function:token-broker:live", "us-east-1"),
            ("arn:aws:lambda:us-east-1:123456789012:function:token_broker:$LATEST", "us-east-1"),
            ("arn:aws-cn:lambda:cn-north-1:123456789012:function:b:12", "cn-north-1"),
            ("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:b", "us-gov-west-1"),
        ] {
            let arn: FunctionArn = text.parse().unwrap();
            assert_eq!((arn.as_str(), arn.region().as_str()), (text, region));
        }
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for text in [
            "",
            "token-broker",
            "123456789012:function:token-broker",
            "arn:aws:lambda:eu-central-1:123456789012:function",
            "arn:aws:lambda:eu-central-1:123456789012:function:",
            "arn:aws:lambda:eu-central-1:123456789012:function:b:",
            "arn:aws:lambda:eu-central-1:123456789012:function:b:live:more",
            "arn:aws:lambda:eu-central-1:123456789012:function:b:$latest",
            "arn:aws:lambda:eu-central-1:123456789012:layer:b:1",
            "arn:aws:lambda:europe:123456789012:function:b",
            "arn:aws:lambda::123456789012:function:b",
            "arn:aws:lambda:eu-central-1:12345:function:b",
            "arn:aws:iam:eu-central-1:123456789012:function:b",
            "arn:awsome:lambda:eu-central-1:123456789012:function:b",
            "arn:AWS:lambda:eu-central-1:123456789012:function:b",
            "urn:aws:lambda:eu-central-1:123456789012:function:b",
            "arn:aws:lambda:eu-central-1:123456789012:function:b/../c",
            "arn:aws:lambda:eu-central-1:123456789012:function:b ",
        ] {
            assert_eq!(text.parse::<FunctionArn>(), Err(FunctionArnError), "{text}");
        }
    }
}
