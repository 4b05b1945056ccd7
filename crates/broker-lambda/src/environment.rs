//! What the environment says: the only place that looks at it.
//!
//! Lambda sets some variables, whoever deploys the function sets the others. All of them are read once, at the start, and
//! everything that is wrong with them is said at once: a deployment takes too long to find mistakes one by one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use bindings::Reference;
use secrecy::SecretString;
use thiserror::Error;
use tracing::level_filters::LevelFilter;

use crate::packaged::Fingerprint;

/// The settings of one execution environment. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The packaged definition.
    pub definition: PathBuf,
    /// What it must be, if whoever deployed the function said so.
    pub definition_sha256: Option<Fingerprint>,
    /// Where the bindings lie.
    pub bindings: Reference,
    /// The extension that reads secrets and parameters.
    pub extension: ExtensionAccess,
    /// How much is logged.
    pub log: LevelFilter,
    /// The CloudWatch namespace of the metrics.
    pub metrics_namespace: String,
    /// What the function is called.
    pub function: String,
}

/// How the AWS Parameters and Secrets Lambda extension is asked.
#[derive(Clone, Debug)]
pub struct ExtensionAccess {
    /// Its port on this machine.
    pub port: u16,
    /// What it wants to see before it answers: the session token of the function's role.
    pub token: Option<SecretString>,
}

impl Environment {
    /// Reads `variables`.
    pub fn read(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, EnvironmentErrors> {
        let mut reading = Reading::of(variables);
        let definition = reading.definition();
        let definition_sha256 = reading.definition_sha256();
        let bindings = reading.bindings();
        let log = reading.log();
        let metrics_namespace = reading.metrics_namespace();
        let extension = ExtensionAccess { port: reading.port(), token: reading.secret(SESSION_TOKEN) };
        let function = reading.text("AWS_LAMBDA_FUNCTION_NAME");
        reading.need_what_lambda_sets();
        reading.refuse_unknown();
        match (definition, bindings) {
            (Some(definition), Some(bindings)) if reading.errors.is_empty() => Ok(Self {
                definition,
                definition_sha256,
                bindings,
                extension,
                log,
                metrics_namespace,
                function: function.unwrap_or_default(),
            }),
            _ => Err(EnvironmentErrors(reading.errors)),
        }
    }
}

/// Where the runtime API is, as far as `variables` say it: whatever else is wrong with them is told there.
pub(crate) fn runtime_api(variables: &[(OsString, OsString)]) -> Option<OsString> {
    variables.iter().find(|(name, _)| name == RUNTIME_API).map(|(_, value)| value.clone())
}

/// Everything that is wrong with the environment.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct EnvironmentErrors(Vec<EnvironmentError>);

impl fmt::Display for EnvironmentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&shown.join("; "))
    }
}

/// A variable that is wrong, and how to mend it. Values are never shown: some of them are secrets, and others may be
/// ones in the wrong place.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{variable}` {problem}: {mend}")]
pub struct EnvironmentError {
    variable: String,
    problem: &'static str,
    mend: &'static str,
}

/// The variables, and what has been found wrong with them.
struct Reading {
    variables: BTreeMap<String, OsString>,
    errors: Vec<EnvironmentError>,
}

impl Reading {
    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self { variables: variables.into_iter().filter_map(named).collect(), errors: Vec::new() }
    }

    fn definition(&mut self) -> Option<PathBuf> {
        if let Some(path) = self.variables.get(DEFINITION).filter(|path| !path.is_empty()) {
            return Some(path.into());
        }
        let root = self.variables.get("LAMBDA_TASK_ROOT").map(PathBuf::from);
        if root.is_none() {
            self.wrong(
                DEFINITION,
                "is not set, and there is no LAMBDA_TASK_ROOT",
                "set it to the path of the definition",
            );
        }
        root.map(|root| root.join("token-broker.yaml"))
    }

    fn definition_sha256(&mut self) -> Option<Fingerprint> {
        let text = self.text(DEFINITION_SHA256)?;
        let fingerprint = text.parse().ok();
        if fingerprint.is_none() {
            self.wrong(
                DEFINITION_SHA256,
                "is no SHA-256",
                "write 64 hex digits in lowercase, or leave it out",
            );
        }
        fingerprint
    }

    fn bindings(&mut self) -> Option<Reference> {
        let Some(text) = self.text(BINDINGS) else {
            if !self.errors.iter().any(|error| error.variable == BINDINGS) {
                self.wrong(BINDINGS, "is not set", REFERENCE);
            }
            return None;
        };
        let reference = text.parse().ok();
        if reference.is_none() {
            self.wrong(BINDINGS, "names no place", REFERENCE);
        }
        reference
    }

    fn log(&mut self) -> LevelFilter {
        let Some(text) = self.text(LOG) else { return LevelFilter::INFO };
        match text.as_str() {
            "off" => LevelFilter::OFF,
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => {
                self.wrong(LOG, "is no level", "write `off`, `error`, `warn`, `info`, `debug` or `trace`");
                LevelFilter::INFO
            }
        }
    }

    fn metrics_namespace(&mut self) -> String {
        let Some(text) = self.text(METRICS_NAMESPACE) else { return "token-broker".to_owned() };
        // What CloudWatch takes, but for a colon: `AWS:` is not ours.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte);
        if text.len() > 255 || !text.bytes().all(fits) {
            self.wrong(METRICS_NAMESPACE, "is no namespace", "write up to 255 letters, digits and `._-/#`");
        }
        text
    }

    fn port(&mut self) -> u16 {
        let Some(text) = self.text(EXTENSION_PORT) else { return 2773 };
        let port = text.parse().ok().filter(|port| *port > 0);
        if port.is_none() {
            self.wrong(EXTENSION_PORT, "is no port", "write a number from 1 to 65535, or leave it out");
        }
        port.unwrap_or_default()
    }

    /// The variables without which the runtime's client cannot start.
    fn need_what_lambda_sets(&mut self) {
        for name in [
            RUNTIME_API,
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        ] {
            if self.variables.get(name).is_none_or(|value| value.is_empty()) {
                self.wrong(
                    name,
                    "is not set",
                    "Lambda sets it; start this program on Lambda or on a host for it",
                );
            }
        }
        let is_number = |text: &str| text.parse::<i32>().is_ok();
        if self.text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").is_some_and(|text| !is_number(&text)) {
            self.wrong(
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                "is no number",
                "write the megabytes of the function",
            );
        }
    }

    /// A misspelt name would be a setting that silently does nothing.
    fn refuse_unknown(&mut self) {
        let own = self.variables.keys().filter(|name| name.starts_with("TOKEN_BROKER_"));
        let unknown: Vec<String> = own.filter(|name| !OWN.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.wrong(&name, "is not known", KNOWN);
        }
    }

    fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// A variable that is set to something.
    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name).filter(|value| !value.is_empty())?;
        let text = value.to_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(name, "is not UTF-8", "write it in UTF-8");
        }
        text
    }

    fn wrong(&mut self, variable: &str, problem: &'static str, mend: &'static str) {
        self.errors.push(EnvironmentError { variable: variable.to_owned(), problem, mend });
    }
}

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
const DEFINITION: &str = "TOKEN_BROKER_DEFINITION";
const DEFINITION_SHA256: &str = "TOKEN_BROKER_DEFINITION_SHA256";
const BINDINGS: &str = "TOKEN_BROKER_BINDINGS";
const LOG: &str = "TOKEN_BROKER_LOG";
const METRICS_NAMESPACE: &str = "TOKEN_BROKER_METRICS_NAMESPACE";
const OWN: [&str; 5] = [DEFINITION, DEFINITION_SHA256, BINDINGS, LOG, METRICS_NAMESPACE];
const KNOWN: &str = "those that are begin with TOKEN_BROKER_ and end in DEFINITION, DEFINITION_SHA256, BINDINGS, LOG or METRICS_NAMESPACE";
const EXTENSION_PORT: &str = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const REFERENCE: &str = "write `secretsmanager:NAME-OR-ARN`, `ssm:NAME` or `file:PATH`";

#[cfg(test)]
mod tests;
