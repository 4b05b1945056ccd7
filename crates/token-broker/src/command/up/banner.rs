//! What `up` prints for a person: where everything is, who may call, and a command that can be pasted as it is.

mod example;

use std::fmt::Write as _;

use ambient::{Clock as _, SystemClock};
use config::{ClientAuth, Compiled};

use super::{Endpoints, Setup};
use crate::command::clients;
use crate::terminal::{ACCENT, DIM, HEADING};

/// The text.
///
/// With a certificate `for_development`, the command trusts that.
pub(super) fn text(
    setup: &Setup<'_>,
    compiled: &Compiled,
    endpoints: &Endpoints,
    for_development: bool,
) -> String {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let file = setup.place.config.display();
    let state = setup.place.state.display();
    let written = if setup.first_start { " (written just now; what you change is taken over)" } else { "" };
    let mut line = |name: &str, value: String| {
        // A string takes every write.
        let _written = writeln!(text, "  {DIM}{name:<12}{DIM:#}{value}");
    };
    line("front door", format!("{ACCENT}{}{ACCENT:#}", endpoints.invoke_url));
    line("", format!("{DIM}also {}{DIM:#}", by_host(compiled, endpoints)));
    if let Some(issuer) = &endpoints.issuer {
        line("user pool", format!("{issuer}/.well-known/openid-configuration"));
    }
    line("admin", format!("{}/healthz  /readyz  /metrics", endpoints.admin));
    line("definition", format!("{file}{written}"));
    line("state", format!("{state} {DIM}(keys, secrets, logs: private){DIM:#}"));
    let table = clients::as_table(&setup.definition, "  ");
    let auth = setup.definition.local.tls.as_ref().map(|tls| &tls.client_auth);
    let wants_certificates = matches!(auth, Some(ClientAuth::Required(_)));
    let door = example::Door { url: &endpoints.invoke_url, for_development, wants_certificates };
    let example = example::text(setup.place, compiled, door, SystemClock.now());
    format!("{HEADING}token-broker {version}{HEADING:#}\n\n{text}\n{table}\n{example}\nCtrl-C stops it.\n")
}

/// The URL that names the API by its host.
fn by_host(compiled: &Compiled, endpoints: &Endpoints) -> String {
    let (scheme, rest) = endpoints.invoke_url.split_once("://").unwrap_or(("http", &endpoints.invoke_url));
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = address.rsplit(':').next().unwrap_or_default();
    format!("{scheme}://{}:{port}/{path}", api_host(compiled))
}

/// The host that names the API.
pub(super) fn api_host(compiled: &Compiled) -> String {
    format!("{}.execute-api.{}.localhost", compiled.api_id, compiled.account.region)
}
