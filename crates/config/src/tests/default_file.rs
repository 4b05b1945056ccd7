use ambient::Timestamp;
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
    let breaches = guard(&compiled, Timestamp::from_secs(1_795_392_000))
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn default_file_fits_a_screen_and_has_no_tabs() {
    for line in DEFAULT_FILE.lines() {
        assert!(line.chars().count() <= 120 && !line.contains('\t'), "{line}");
    }
}

#[test]
fn example_of_a_waiver_is_one() {
    let shown = DEFAULT_FILE.lines().skip_while(|line| *line != "# waivers:");
    let example: Vec<&str> = shown.map(|line| line.strip_prefix("# ").unwrap()).collect();
    let text = format!("{DEFAULT_FILE}\n{}\n", example.join("\n"));
    let definition = Definition::parse(&text, "token-broker.yaml").unwrap_or_else(|error| panic!("{error}"));
    let [waiver] = definition.waivers.as_slice() else { panic!("{:?}", definition.waivers) };
    assert!(waiver.covers("TB018", "usagePlans/partner/throttle"));
    assert_eq!(waiver.expires.to_string(), "2027-01-31");
}
