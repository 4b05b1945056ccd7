//! What a definition makes of the broker, in every home: how patient it is, and who its clients are.
//!
//! `token-broker up` and `bootstrap` put their brokers together with it, so that the same definition cannot mean two things.
//! What differs between homes is an argument: how long one request may take, and whether the process goes on running after
//! its answer. Pure: it reads nothing and logs nothing.

mod patience;

pub use patience::Patience;

use broker::{AppClientName, AppClientNameError, Client};
use policy::ClientFacts;

/// A client as the broker knows it.
pub fn client(facts: &ClientFacts, app_client: &config::AppClientName) -> Result<Client, AppClientNameError> {
    Ok(Client { facts: facts.clone(), app_client: self::app_client(app_client)? })
}

/// The name of an app client as the broker knows it.
pub fn app_client(name: &config::AppClientName) -> Result<AppClientName, AppClientNameError> {
    name.as_str().parse()
}
