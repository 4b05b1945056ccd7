//! `api.access_log`: a name, or a format that API Gateway takes and that names what exists.

use restapi::{AccessLogFormat, LogFormatError, LogVariable, ValueOf, check_log_format, log_variables};

use super::{Inspector, values};
use crate::AwsHome;
use crate::document::{AccessLogDocument, LogFormatDocument};
use crate::error::Shown;
use crate::word_or::WordOr;
use crate::written::{Optional, Written};

/// The default if it is wrong, or not there.
pub(super) fn inspect(
    written: Optional<Written<AccessLogDocument>>,
    inspector: &mut Inspector,
) -> AccessLogFormat {
    let Some(Written { value, at }) = written.0 else { return AccessLogFormat::default() };
    inspector.note(PATH, at);
    let format = match value {
        WordOr::Word(word) => AccessLogFormat::named(&word).or_else(|| {
            let mend = "write `json`, `clf`, `csv` or `xml`, or a mapping with `format`";
            inspector.report(at, PATH, format!("{} is no format of access logs", Shown(&word)), mend);
            None
        }),
        WordOr::Mapping(LogFormatDocument { format }) => {
            inspector.note(FORMAT, format.at);
            let mend = mend(&format.value);
            inspector.value(&format, FORMAT, mend, |text| custom(text)).map(AccessLogFormat::Custom)
        }
    };
    format.unwrap_or_default()
}

/// Refuses what only this program knows where the definition is for AWS as well: there it would be a dash, or refused.
pub(super) fn refuse_own_on_aws(format: &AccessLogFormat, aws: Option<&AwsHome>, inspector: &mut Inspector) {
    let (AccessLogFormat::Custom(text), Some(_)) = (format, aws) else { return };
    let is_own =
        |name: &&str| LogVariable::find(name).is_some_and(|found| found.value == ValueOf::RequestHere);
    if let (Some(name), Some(at)) = (log_variables(text).find(is_own), inspector.positions.nearest(FORMAT)) {
        let problem = format!("API Gateway has no `$context.{name}`, and the definition has a home on AWS");
        inspector.report(
            at,
            FORMAT,
            problem,
            "take it out; the format `json` has it here and leaves it out on AWS",
        );
    }
}

fn custom(text: &str) -> Result<String, String> {
    // A block of YAML ends with a line break, which a line does not have.
    let line = values::one_line(text.trim_end_matches('\n'))?;
    check_log_format(&line).map_err(|error| error.to_string())?;
    Ok(line)
}

fn mend(text: &str) -> &'static str {
    match check_log_format(text) {
        Err(LogFormatError::UnknownVariable { .. }) => {
            "name a variable of API Gateway's access logs, such as `$context.status`"
        }
        _ => "write one line that has `$context.requestId` or `$context.extendedRequestId` in it",
    }
}

const PATH: &str = "api.access_log";
const FORMAT: &str = "api.access_log.format";
