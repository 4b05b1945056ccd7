//! The command that can be pasted to get a token, or why there is none yet.
//!
//! The client in it is one that policy would let in now and from this machine, and whatever its names are, a shell and
//! the front door read them as they were written. It reads the key from its file: no secret is printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ambient::Timestamp;
use config::{Compiled, CompiledClient};
use policy::{AccessRequest, Decision, decide};

use crate::cli::Place;
use crate::terminal::shell_word;

const GRANT: &str = "client_credentials";

/// The front door, as the command needs to know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    /// The URL of the token endpoint.
    pub(super) url: &'a str,
    /// Whether its certificate was made for development, so that only its file makes it trusted.
    pub(super) for_development: bool,
    /// Whether only clients with a certificate get through.
    pub(super) wants_certificates: bool,
}

/// The text, for a front door at the moment `now`.
pub(super) fn text(place: &Place, compiled: &Compiled, door: Door<'_>, now: Timestamp) -> String {
    if compiled.clients.is_empty() {
        let file = place.config.display();
        return format!("There are no clients in {file} yet: add one under `clients:` and start again.\n");
    }
    let with_key = compiled.clients.iter().filter(|client| !client.keys.is_empty());
    if with_key.clone().next().is_none() {
        return "No client has an API key: token-broker keys add CLIENT\n".to_owned();
    }
    let source = source(door.url);
    let usable = with_key.filter_map(|client| Example::of(client, source, now));
    // A client with default scopes also gets a token when the scope is left out, which is what people try next.
    let Some(example) = usable.min_by_key(|example| example.client.facts.default_scopes.is_empty()) else {
        return "No client with an API key may ask from this machine now: see `enabled`, `not_before`, `not_after` and \
                `allow_from` of each.\n"
            .to_owned();
    };
    example.command(&place.state, compiled, door)
}

/// A client that may have a scope.
struct Example<'a> {
    client: &'a CompiledClient,
    scope: &'a str,
}

impl<'a> Example<'a> {
    /// Policy itself is asked, so that what it refuses is not printed.
    fn of(client: &'a CompiledClient, source_ip: IpAddr, now: Timestamp) -> Option<Self> {
        let facts = &client.facts;
        let scope = facts.default_scopes.iter().chain(facts.scopes.iter()).next()?;
        let grant = *facts.grants.iter().find(|grant| grant.as_str() == GRANT)?;
        let request = AccessRequest { grant: grant.into(), scopes: Some(scope.parse().ok()?), source_ip };
        matches!(decide(&request, facts, now), Decision::Allow { .. }).then_some(Self { client, scope })
    }

    fn command(&self, state: &Path, compiled: &Compiled, door: Door<'_>) -> String {
        let id = self.client.keys.first();
        let key = id.and_then(|id| compiled.account.api_keys.iter().find(|key| &key.id == id));
        let name = key.map_or(self.client.facts.id.as_str(), |key| key.name.as_str());
        let file = file(&state.join("keys").join(name));
        let trust = if door.for_development {
            let certificate = self::file(&state.join("tls/certificate.pem"));
            format!("--cacert {} ", shell_word(&certificate))
        } else {
            String::new()
        };
        let hint = if door.wants_certificates {
            ", with a certificate that the front door accepts (`--cert FILE --key FILE`)"
        } else {
            ""
        };
        format!(
            "Get a token{hint}:\n\n  curl -s {trust}{} \\\n    -H \"x-api-key: $(cat {})\" \\\n    -d grant_type={GRANT} {}\n",
            shell_word(door.url),
            shell_word(&file),
            scope_option(self.scope),
        )
    }
}

/// A path that no program takes for an option.
fn file(path: &Path) -> String {
    let path = path.to_string_lossy();
    if path.starts_with('-') { format!("./{path}") } else { path.into_owned() }
}

/// A scope may have any printable character but `"` and `\`, of which a form and a shell have their own ideas.
fn scope_option(scope: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_./:@,-".contains(character);
    if scope.chars().all(plain) {
        format!("-d scope={scope}")
    } else {
        format!("--data-urlencode {}", shell_word(&format!("scope={scope}")))
    }
}

/// The address that this machine's own requests to the front door come from.
fn source(invoke_url: &str) -> IpAddr {
    let rest = invoke_url.split_once("://").map_or(invoke_url, |(_scheme, rest)| rest);
    let address = rest.split('/').next().and_then(|address| address.parse().ok());
    match address.as_ref().map(SocketAddr::ip) {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        Some(IpAddr::V4(ip)) if !ip.is_unspecified() && !ip.is_loopback() => ip.into(),
        Some(ip @ IpAddr::V6(_)) => ip,
        _ => Ipv4Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests;
