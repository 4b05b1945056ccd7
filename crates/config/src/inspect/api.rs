//! `api`: the front door.

use restapi::LoggingLevel;

use super::{Inspector, access_log, values};
use crate::definition::{Api, GatewayResponseStyle};
use crate::document::{ApiDocument, TokenEndpointDocument};
use crate::error::Shown;
use crate::written::{Optional, Written};

pub(super) fn inspect(written: Optional<Written<ApiDocument>>, inspector: &mut Inspector) -> Api {
    let document = written.0.map(|Written { value, at }| {
        inspector.note("api", at);
        value
    });
    let ApiDocument {
        name,
        description,
        throttle,
        token_endpoint,
        gateway_responses,
        access_log,
        logging_level,
    } = document.unwrap_or_default();
    let texts = [
        (&name, "api.name"),
        (&description, "api.description"),
        (&gateway_responses, "api.gateway_responses"),
        (&logging_level, "api.logging_level"),
    ];
    for (field, path) in texts {
        if let Some(field) = &field.0 {
            inspector.note(path, field.at);
        }
    }
    let named =
        inspector.optional(&name, "api.name", "write a short name on one line", |name| plain(name, 128));
    let mend = "write one or two sentences on one line";
    let description = inspector.optional(&description, "api.description", mend, |text| plain(text, 1024));
    let mend = "write `oauth` or `aws`";
    let style = inspector.optional(&gateway_responses, "api.gateway_responses", mend, |word| style(word));
    let mend = "write `off`, `error` or `info`";
    let level = inspector.optional(&logging_level, "api.logging_level", mend, |word| level(word));
    Api {
        access_log: access_log::inspect(access_log, inspector),
        logging_level: level.unwrap_or(LoggingLevel::Error),
        name: named.unwrap_or_else(|| "token-broker-api".into()),
        description,
        throttle: values::throttle(throttle, "api.throttle", inspector),
        token_endpoint_throttle: token_endpoint
            .0
            .and_then(|endpoint| self::token_endpoint(endpoint, inspector)),
        gateway_responses: style.unwrap_or_default(),
    }
}

fn token_endpoint(
    written: Written<TokenEndpointDocument>,
    inspector: &mut Inspector,
) -> Option<restapi::ThrottleSettings> {
    let Written { value: TokenEndpointDocument { identity, throttle }, at } = written;
    inspector.note("api.token_endpoint", at);
    let mend = "write `api_key`, or remove the field";
    inspector.optional(&identity, "api.token_endpoint.identity", mend, |word| identity_is_supported(word));
    values::throttle(throttle, "api.token_endpoint.throttle", inspector)
}

fn identity_is_supported(word: &str) -> Result<(), String> {
    match word {
        "api_key" => Ok(()),
        "client_secret" | "iam" | "jwt" | "custom" => {
            Err(format!("the identity `{word}` is not supported yet"))
        }
        _ => Err(format!("{} is not an identity", Shown(word))),
    }
}

fn style(word: &str) -> Result<GatewayResponseStyle, String> {
    match word {
        "oauth" => Ok(GatewayResponseStyle::Oauth),
        "aws" => Ok(GatewayResponseStyle::Aws),
        _ => Err(format!("{} is not a kind of gateway responses", Shown(word))),
    }
}

fn level(word: &str) -> Result<LoggingLevel, String> {
    match word {
        "off" => Ok(LoggingLevel::Off),
        "error" => Ok(LoggingLevel::Error),
        "info" => Ok(LoggingLevel::Info),
        _ => Err(format!("{} is no level of an execution log", Shown(word))),
    }
}

fn plain(text: &str, longest: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the text is empty".into());
    }
    if text.chars().count() > longest {
        return Err(format!("the text is longer than {longest} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("the text has a line break or another control character".into());
    }
    Ok(text.into())
}
