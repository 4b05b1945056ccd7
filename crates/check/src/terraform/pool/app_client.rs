//! App clients of the broker's user pool: what they may be used for, which scopes they may ask for, how long their tokens live.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::at;
use super::super::block::{AFTER_APPLY, Block, Seen};
use super::super::front::Reader;
use crate::rule::broker::ONLY_FOR_MACHINES;

/// An app client as it is there: whether it is as the definition says, the comparison finds out.
#[derive(Clone, Debug)]
pub(crate) struct AppClient {
    pub(crate) address: String,
    /// By what the definition may know it: its key in the document, and its name.
    pub(crate) key: Option<String>,
    pub(crate) name: String,
    /// None if they cannot be seen, which is found.
    pub(crate) scopes: Option<BTreeSet<String>>,
    pub(crate) token_validity: Option<Duration>,
}

/// Whether the app client gives tokens to machines, or may.
pub(super) fn is_for_machines(client: &Block<'_>) -> bool {
    client.texts("allowed_oauth_flows").iter().any(|flow| [MACHINES, AFTER_APPLY].contains(&flow.as_str()))
}

impl<'a> Reader<'a> {
    pub(super) fn app_clients(&self) -> Vec<Block<'a>> {
        KINDS.iter().flat_map(|kind| self.all(kind)).collect()
    }

    pub(super) fn check_app_client(&mut self, client: &Block<'a>) -> AppClient {
        let name = client.text_or_placeholder("name").unwrap_or_default();
        let address = &client.instance.address;
        let place = at(&["appClients", &name]);
        let problems = [flows(client), secret(client), sign_in(client), existence(client)];
        for detail in problems.into_iter().flatten() {
            self.notes.add(ONLY_FOR_MACHINES, address, &place, detail);
        }
        let scopes: BTreeSet<_> = client.texts("allowed_oauth_scopes").into_iter().collect();
        let scopes = Some(scopes).filter(|scopes| !scopes.contains(AFTER_APPLY));
        let token_validity = token_validity(client);
        for (is_seen, what) in [
            (scopes.is_some(), "which scopes the app client may ask for"),
            (token_validity.is_some(), "how long the app client's tokens live"),
        ] {
            if !is_seen {
                self.notes.add(ONLY_FOR_MACHINES, address, &place, format!("{what} cannot be seen"));
            }
        }
        let key = client.instance.index.clone();
        AppClient { address: address.clone(), key, name, scopes, token_validity }
    }
}

fn flows(client: &Block<'_>) -> Option<String> {
    let flows = client.texts("allowed_oauth_flows");
    if flows.is_empty() {
        return Some("the app client has no flow, and so is not for machines".to_owned());
    }
    let other = flows.iter().find(|flow| *flow != MACHINES)?;
    Some(if other == AFTER_APPLY {
        "which flows the app client allows cannot be seen".to_owned()
    } else {
        format!("the app client allows the flow `{other}`")
    })
}

fn secret(client: &Block<'_>) -> Option<String> {
    // Of one that was imported only the secret itself tells.
    let has_one = client.text("client_secret").known().is_some();
    match client.flag("generate_secret") {
        Seen::Known(true) => None,
        _ if has_one => None,
        Seen::Known(false) | Seen::Unset => Some("the app client has no secret".to_owned()),
        Seen::Unknown => Some("whether the app client has a secret cannot be seen".to_owned()),
    }
}

fn sign_in(client: &Block<'_>) -> Option<String> {
    let flows = client.texts("explicit_auth_flows");
    if flows.is_empty() {
        // Cognito's own choice where nothing is said.
        return Some(
            "the app client does not say how people may sign in, and Cognito then lets them by SRP"
                .to_owned(),
        );
    }
    let other = flows.iter().find(|flow| *flow != "ALLOW_REFRESH_TOKEN_AUTH")?;
    Some(if other == AFTER_APPLY {
        "how people may sign in by the app client cannot be seen".to_owned()
    } else {
        format!("people may sign in by the app client: `{other}`")
    })
}

fn existence(client: &Block<'_>) -> Option<String> {
    match client.text("prevent_user_existence_errors") {
        Seen::Known("ENABLED") => None,
        Seen::Known(_) | Seen::Unset => Some("the app client tells which users there are".to_owned()),
        Seen::Unknown => Some("whether the app client tells which users there are cannot be seen".to_owned()),
    }
}

/// How long access tokens live; an hour, and in hours, where nothing is said.
fn token_validity(client: &Block<'_>) -> Option<Duration> {
    let length = match client.whole_number("access_token_validity") {
        Seen::Unset | Seen::Known(0) => return Some(COGNITOS_OWN),
        Seen::Known(length) => u64::try_from(length).ok()?,
        Seen::Unknown => return None,
    };
    let units = client.blocks("token_validity_units");
    let unit = match units.first().map_or(Seen::Unset, |units| units.text("access_token")) {
        Seen::Unset | Seen::Known("hours") => 3600,
        Seen::Known("seconds") => 1,
        Seen::Known("minutes") => 60,
        Seen::Known("days") => 86_400,
        Seen::Known(_) | Seen::Unknown => return None,
    };
    length.checked_mul(unit).map(Duration::from_secs)
}

/// The flow of machines.
const MACHINES: &str = "client_credentials";

const KINDS: [&str; 2] = ["aws_cognito_user_pool_client", "aws_cognito_managed_user_pool_client"];

const COGNITOS_OWN: Duration = Duration::from_hours(1);
