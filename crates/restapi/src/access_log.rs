//! Access logs: where a stage writes them, the formats that have a name, and what a format may name.
//!
//! A format is a text with `$context` variables. API Gateway takes any text that has a request id in it; here a format
//! that is written in a definition must also name variables that exist, so that a slip is not a dash in every line. How a
//! line is made of a format, and how values are escaped in it, is the data plane's.

mod variable;

use std::fmt;

use serde::Serialize;

pub use variable::{LogVariable, ValueOf};

/// Where and how access is logged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessLogSettings {
    /// The log group or delivery stream; on this machine, a name for the program's own log.
    pub destination_arn: String,
    /// One line with `$context` variables; it must have a request id.
    pub format: String,
}

/// One format for both homes, but for members that only this program's data plane can fill.
macro_rules! access_log_format {
    ($($own:literal)?) => {
        concat!(
            r#"{"requestId":"$context.requestId","extendedRequestId":"$context.extendedRequestId","#,
            r#""requestTimeEpoch":"$context.requestTimeEpoch","apiId":"$context.apiId","#,
            r#""deploymentId":"$context.deploymentId","stage":"$context.stage","httpMethod":"$context.httpMethod","#,
            r#""resourcePath":"$context.resourcePath","protocol":"$context.protocol","#,
            r#""sourceIp":"$context.identity.sourceIp","apiKeyId":"$context.identity.apiKeyId","#,
            r#""status":"$context.status","responseType":"$context.error.responseType","#,
            $($own,)?
            r#""responseLength":"$context.responseLength","responseLatency":"$context.responseLatency","#,
            r#""integrationStatus":"$context.integration.status","integrationLatency":"$context.integration.latency","#,
            r#""authorizePrincipal":"$context.authorizer.principalId"}"#,
        )
    };
}

impl AccessLogSettings {
    /// A format that tells who was answered what, and why: one JSON object.
    ///
    /// API Gateway puts values in raw, so nothing that a client chooses freely (path, user agent, host) has a place in
    /// it: a quotation mark would break the line, or forge one, and a credential in the wrong place would stand in the
    /// log. Keys stand in it by id. `$context.limit`, which limit answered 429, is no variable of API Gateway's: see
    /// [`AWS_FORMAT`](Self::AWS_FORMAT).
    pub const DEFAULT_FORMAT: &'static str = access_log_format!(r#""limit":"$context.limit","#);

    /// The same for API Gateway itself: without `limit`, which it does not know.
    pub const AWS_FORMAT: &'static str = access_log_format!();
}

/// A format by its name, or in its own words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum AccessLogFormat {
    /// One JSON object: [`AccessLogSettings::DEFAULT_FORMAT`].
    #[default]
    Json,
    /// The Common Log Format, as API Gateway's sample has it.
    Clf,
    /// Values between commas, as API Gateway's sample has it.
    Csv,
    /// One XML element, as API Gateway's sample has it.
    Xml,
    /// Any other.
    Custom(String),
}

impl AccessLogFormat {
    /// The names of those that have one.
    pub const NAMES: [&'static str; 4] = ["json", "clf", "csv", "xml"];

    /// The format of this name.
    ///
    /// ```
    /// # use restapi::AccessLogFormat;
    /// assert_eq!(AccessLogFormat::named("clf"), Some(AccessLogFormat::Clf));
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "clf" => Some(Self::Clf),
            "csv" => Some(Self::Csv),
            "xml" => Some(Self::Xml),
            _ => None,
        }
    }

    /// Its name, if it has one.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Json => Some("json"),
            Self::Clf => Some("clf"),
            Self::Csv => Some("csv"),
            Self::Xml => Some("xml"),
            Self::Custom(_) => None,
        }
    }

    /// The text on this machine.
    pub fn here(&self) -> &str {
        match self {
            Self::Json => AccessLogSettings::DEFAULT_FORMAT,
            other => other.on_aws(),
        }
    }

    /// The text on AWS.
    pub fn on_aws(&self) -> &str {
        match self {
            Self::Json => AccessLogSettings::AWS_FORMAT,
            Self::Clf => CLF,
            Self::Csv => CSV,
            Self::Xml => XML,
            Self::Custom(text) => text,
        }
    }
}

/// Why a text is no format of an access log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogFormatError {
    /// It has neither request id.
    NoRequestId {
        /// The text.
        format: String,
    },
    /// It names a variable that does not exist.
    UnknownVariable {
        /// What stands there.
        variable: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
}

impl fmt::Display for LogFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // API Gateway's own words, by which people find what it is about.
            Self::NoRequestId { format } => write!(
                f,
                "The following errors are found in Access Log Format: Access Log format must include either \
                 $context.requestId or $context.extendedRequestId : '{format}'"
            ),
            Self::UnknownVariable { variable, nearest: None } => {
                write!(f, "`{variable}` is no variable of access logs")
            }
            Self::UnknownVariable { variable, nearest: Some(nearest) } => {
                write!(
                    f,
                    "`{variable}` is no variable of access logs; `$context.{nearest}` is the nearest that is"
                )
            }
        }
    }
}

impl std::error::Error for LogFormatError {}

/// Says what is wrong with `format`: the first variable that does not exist, or that no request id is in it. Whether a
/// variable shows a credential is for a guardrail to say.
///
/// ```
/// # use restapi::check_log_format;
/// assert!(check_log_format("$context.requestId $context.status").is_ok());
/// let error = check_log_format("$context.requestId $context.statsu").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`$context.statsu` is no variable of access logs; `$context.status` is the nearest that is"
/// );
/// ```
pub fn check_log_format(format: &str) -> Result<(), LogFormatError> {
    for (start, _) in format.match_indices('$') {
        let rest = format.get(start + 1..).unwrap_or_default();
        // A price is no variable.
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{') {
            continue;
        }
        let end = rest.find(|c: char| !(is_of_name(c) || c == '{')).unwrap_or(rest.len());
        let written = rest.get(..end).unwrap_or_default().trim_end_matches('.');
        let known = written.strip_prefix("context.").and_then(LogVariable::find);
        if known.is_none() {
            let nearest = LogVariable::nearest(written.strip_prefix("context.").unwrap_or(written));
            return Err(LogFormatError::UnknownVariable { variable: format!("${written}"), nearest });
        }
    }
    let ids = ["requestId", "extendedRequestId"];
    if log_variables(format).any(|name| ids.contains(&name)) {
        Ok(())
    } else {
        Err(LogFormatError::NoRequestId { format: format.to_owned() })
    }
}

/// The names of the `$context` variables in `format`, in order.
///
/// ```
/// let names: Vec<_> = restapi::log_variables("$context.requestId, $context.identity.sourceIp.").collect();
/// assert_eq!(names, ["requestId", "identity.sourceIp"]);
/// ```
pub fn log_variables(format: &str) -> impl Iterator<Item = &str> {
    format.split("$context.").skip(1).map(|piece| {
        let end = piece.find(|c: char| !is_of_name(c)).unwrap_or(piece.len());
        piece.get(..end).unwrap_or_default().trim_end_matches('.')
    })
}

/// A name is letters, digits, `.` and `_`, and does not end in a dot.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.' || c == '_'
}

const CLF: &str = concat!(
    "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] ",
    "\"$context.httpMethod $context.resourcePath $context.protocol\" $context.status $context.responseLength ",
    "$context.requestId $context.extendedRequestId",
);

const CSV: &str = concat!(
    "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,",
    "$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,",
    "$context.requestId,$context.extendedRequestId",
);

const XML: &str = concat!(
    "<request id=\"$context.requestId\"> <extendedRequestId>$context.extendedRequestId</extendedRequestId> ",
    "<ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> ",
    "<user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> ",
    "<httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> ",
    "<status>$context.status</status> <protocol>$context.protocol</protocol> ",
    "<responseLength>$context.responseLength</responseLength> </request>",
);

#[cfg(test)]
mod tests;
