//! A user pool that exists already, named by configuration alone.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{DEFINITION, Place};

const GRANT: &str = "grant_type=client_credentials";

/// The definition with the pool at `domain`, asked as `client_id` with what stands in the file `secrets`.
fn definition(domain: &str, client_id: &str) -> String {
    definition_asking(&format!("token_endpoint: \"{domain}/oauth2/token\""), client_id)
}

fn definition_asking(endpoint: &str, client_id: &str) -> String {
    let pool = format!(
        "user_pool: {{ {endpoint}, \
         app_clients: {{ m2m: {{ client_id: {client_id}, secret_file: secrets }} }} }} }}"
    );
    DEFINITION.replace("user_pool: embedded, user_pool_listen: \"127.0.0.1:0\" }", &pool)
}

#[test]
fn token_comes_from_the_pool_that_is_named_and_either_secret_of_a_pair_will_do() {
    let issuing = Place::new();
    let issuer = issuing.up(&[]);
    let issuer_url = issuer.url("issuer");
    let (domain, _pool_id) = issuer_url.rsplit_once('/').unwrap();
    let register: Value = serde_json::from_str(&issuing.read(".token-broker/user-pool/pool.json")).unwrap();
    let client_id = register["app_clients"]["m2m"].as_str().unwrap();
    let secret = issuing.read(".token-broker/user-pool/app-client-m2m.secret");

    let place = Place::with(&definition(domain, client_id));
    std::fs::write(place.path("secrets"), format!("{}\n{secret}\n", "0".repeat(51))).unwrap();
    let server = place.up(&[]);
    let key = place.read(".token-broker/keys/billing");
    let (status, body) = server.token(&key, GRANT);
    assert_eq!(status, 200, "{body}");
    let claims: Value = serde_json::from_str(&place.run(&["token", "billing", "--json"]).ok()).unwrap();
    assert_eq!(claims["claims"]["iss"], issuer_url.as_str());
    assert_eq!(claims["claims"]["client_id"], client_id);
    assert!(!place.path(".token-broker/user-pool/pool.json").exists());

    // Without its pool it serves what it has, and says so where it has nothing.
    assert_eq!(issuer.stop("-TERM").0, Some(0));
    assert_eq!(server.token(&key, GRANT).0, 200);
    let (status, body) = server.token(&key, &format!("{GRANT}&scope=orders/write"));
    assert_eq!((status, &body["error"]), (503, &"temporarily_unavailable".into()));
    let (_, said) = server.stop("-TERM");
    assert!(!said.contains(&secret));
}

#[test]
fn secret_that_everybody_can_read_is_warned_about() {
    let place = Place::with(&definition("https://pool.example.com", "1example23456789"));
    std::fs::write(place.path("secrets"), "0".repeat(51)).unwrap();
    for (mode, is_open) in [(0o600, false), (0o640, false), (0o644, true)] {
        std::fs::set_permissions(place.path("secrets"), Permissions::from_mode(mode)).unwrap();
        let (_, said) = place.up(&[]).stop("-TERM");
        let warning =
            "the file `secrets` of the secret of app client `m2m` is open to everybody on this machine";
        let checked = place.run(&["config", "check"]).ok();
        for said in [said, checked] {
            assert_eq!(
                said.contains(warning) && said.contains("chmod o= secrets"),
                is_open,
                "{mode:o} {said}"
            );
        }
    }
}

#[test]
fn secret_that_the_pool_does_not_know_is_an_operators_problem_and_no_clients() {
    let issuing = Place::new();
    let issuer = issuing.up(&[]);
    let issuer_url = issuer.url("issuer");
    let (domain, _pool_id) = issuer_url.rsplit_once('/').unwrap();
    let register: Value = serde_json::from_str(&issuing.read(".token-broker/user-pool/pool.json")).unwrap();
    let place = Place::with(&definition(domain, register["app_clients"]["m2m"].as_str().unwrap()));
    std::fs::write(place.path("secrets"), "0".repeat(51)).unwrap();
    let server = place.up(&[]);
    let (status, body) = server.token(&place.read(".token-broker/keys/billing"), GRANT);
    assert_eq!((status, &body["error"]), (500, &"server_error".into()));
}

#[test]
fn token_comes_by_get_client_token_where_the_pool_is_named_by_its_api() {
    let issuing = Place::new();
    let issuer = issuing.up(&[]);
    let issuer_url = issuer.url("issuer");
    let (api, _pool_id) = issuer_url.rsplit_once('/').unwrap();
    let register: Value = serde_json::from_str(&issuing.read(".token-broker/user-pool/pool.json")).unwrap();
    let client_id = register["app_clients"]["m2m"].as_str().unwrap();
    let place = Place::with(&definition_asking(&format!("cognito_idp: \"{api}\""), client_id));
    std::fs::write(place.path("secrets"), issuing.read(".token-broker/user-pool/app-client-m2m.secret"))
        .unwrap();
    let server = place.up(&[]);
    assert_eq!(server.token(&place.read(".token-broker/keys/billing"), GRANT).0, 200);
    let claims: Value = serde_json::from_str(&place.run(&["token", "billing", "--json"]).ok()).unwrap();
    assert_eq!(
        (&claims["claims"]["iss"], &claims["claims"]["client_id"]),
        (&issuer_url.into(), &client_id.into())
    );
}
