use policy::ClientId;
use restapi::{ApiKeyId, ApiKeyValue};

use crate::{DEFAULT_FILE, Definition, KeyRecord, compile, guard};

fn key(client: &str) -> KeyRecord {
    KeyRecord {
        id: ApiKeyId::derived(&[client]),
        client: client.parse().unwrap(),
        value: ApiKeyValue::new(format!("{client:0>40}")).unwrap(),
        enabled: true,
        name: client.into(),
    }
}

#[test]
fn default_file_breaks_no_guardrail() {
    let definition =
        Definition::parse(DEFAULT_FILE, "token-broker.yaml").unwrap_or_else(|error| panic!("{error}"));
    let keys = definition.clients.keys().map(|client: &ClientId| key(client.as_str())).collect();
    let compiled = compile(&definition, keys).unwrap();
    let breaches = guard(&compiled).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn default_file_fits_a_screen_and_has_no_tabs() {
    for line in DEFAULT_FILE.lines() {
        assert!(line.chars().count() <= 120 && !line.contains('\t'), "{line}");
    }
}
