use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"{
    "version": 1,
    "keys": { "a1b2c3d4e5": "billing", "b1b2c3d4e5": "orders" },
    "upstream": {
        "token_endpoint": "https://example.auth.eu-central-1.amazoncognito.com/oauth2/token",
        "header": { "name": "x-from-broker", "value": "secretsmanager:waf" }
    },
    "app_clients": { "m2m": { "client_id": "3f9c7a", "secret": "ssm:/token-broker/m2m" } }
}"#;

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(WHOLE).unwrap();
    change(&mut value);
    value.to_string()
}

#[test]
fn what_is_written_is_read_again() {
    let whole = Bindings::parse(WHOLE).unwrap();
    assert_eq!(whole.keys.len(), 2);
    assert_eq!(Bindings::parse(&whole.to_json()), Ok(whole.clone()));
    let url = TokenEndpointUrl::parse("https://cognito-idp.eu-central-1.amazonaws.com/").unwrap();
    let other = Bindings { upstream: Upstream::CognitoIdp { url }, ..whole };
    assert_eq!(Bindings::parse(&other.to_json()), Ok(other));
}

#[test]
fn mistakes_are_named_by_their_place() {
    let mistakes = [
        "{".to_owned(),
        "[]".to_owned(),
        changed(|whole| whole["version"] = 2.into()),
        changed(|whole| drop(whole.as_object_mut().unwrap().remove("keys"))),
        changed(|whole| whole["keys"] = json!(["billing"])),
        changed(|whole| whole["keys"] = json!({ "hunter2": "billing" })),
        changed(|whole| whole["keys"]["a1b2c3d4e5"] = "two words".into()),
        changed(|whole| whole["extra"] = "hunter2".into()),
        changed(|whole| whole["upstream"] = json!({})),
        changed(|whole| whole["upstream"]["token_endpoint"] = "http://pool.example.com/oauth2/token".into()),
        changed(|whole| {
            whole["upstream"]["cognito_idp"] = "https://cognito-idp.eu-central-1.amazonaws.com".into();
        }),
        changed(|whole| whole["upstream"]["header"]["name"] = "two words".into()),
        changed(|whole| whole["upstream"]["header"]["value"] = "hunter2".into()),
        changed(|whole| whole["app_clients"]["m2m"]["client_id"] = "".into()),
        changed(|whole| whole["app_clients"]["m2m"]["secret"] = "hunter2".into()),
        changed(|whole| whole["app_clients"]["m2m"]["secret"] = json!({ "value": "hunter2" })),
        changed(|whole| whole["app_clients"]["m2m"]["secrets"] = "file:x".into()),
    ];
    let said: Vec<String> =
        mistakes.iter().map(|text| Bindings::parse(text).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(said.join("\n"));
    assert!(!said.iter().any(|said| said.contains("hunter2")));
}

#[test]
fn place_is_a_part_of_one_line_whatever_a_name_is() {
    for (name, shown) in [("m2m\n\u{1b}", "m2m  "), (&*"m".repeat(70), &*("m".repeat(64) + "…"))] {
        let mistake = changed(|whole| whole["app_clients"] = json!({ name: {} }));
        let said = Bindings::parse(&mistake).unwrap_err().to_string();
        assert!(said.contains(&format!("`app_clients.{shown}.client_id`")), "{said}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_is_no_panic_and_no_echo(text in r#"[{}\[\]":,a-z0-9 ]{0,60}"#, secret in "[A-Z]{12}") {
        drop(Bindings::parse(&text));
        let hidden = changed(|whole| whole["app_clients"]["m2m"]["secret"] = secret.clone().into());
        let error = Bindings::parse(&hidden).unwrap_err();
        let said = format!("{error} {error:?}");
        prop_assert!(!said.contains(&secret));
    }
}
