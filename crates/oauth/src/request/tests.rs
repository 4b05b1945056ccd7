//! What is accepted, and a snapshot of the answer to everything that is not.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::GrantType;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const CREDENTIALS: RequestedGrant = RequestedGrant::Known(GrantType::ClientCredentials);

fn parse(body: impl AsRef<[u8]>) -> Result<TokenRequest, RequestError> {
    TokenRequest::parse(FORM, body.as_ref())
}

fn asked(scopes: Option<&str>) -> TokenRequest {
    TokenRequest { grant: CREDENTIALS, scopes: scopes.map(|text| text.parse().unwrap()) }
}

#[test]
fn a_request_is_its_grant_and_its_scopes() {
    let rows = [
        ("grant_type=client_credentials", None),
        ("grant_type=client_credentials&scope=", None),
        ("grant_type=client_credentials&scope", None),
        ("scope=orders%2Fread&grant_type=client_credentials", Some("orders/read")),
        ("grant_type=client_credentials&scope=b+a+b", Some("a b")),
        ("grant_type=client_credentials&scope=b%20a", Some("a b")),
        ("grant_type=client_credentials&scope=b a", Some("a b")),
        ("grant_type=client_credentials&resource=&aws_client_metadata=", None),
        ("&grant_type=client_credentials&&audience=x&assertion=y&code=z&", None),
    ];
    for (body, scopes) in rows {
        assert_eq!(parse(body), Ok(asked(scopes)), "{body}");
    }
}

#[test]
fn credentials_in_the_body_change_nothing_and_are_not_kept() {
    let request = parse("client_id=partner&client_secret=hunter2&grant_type=client_credentials").unwrap();
    assert_eq!(request, asked(None));
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn an_unknown_grant_is_read_and_left_to_policy() {
    let request = parse("grant_type=Client_Credentials").unwrap();
    assert_eq!(request.grant.label(), "other");
}

#[test]
fn every_refusal_has_its_code_and_description() {
    let parameters = (0..33).map(|n| format!("p{n}=1&")).collect::<Vec<_>>().concat();
    let scopes = vec!["a"; 51].join("+");
    let bodies = [
        "",
        "scope=a",
        "grant_type=",
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=a&scope=",
        "grant_type=client_credentials&client_secret=hunter2&client_secret=hunter2",
        "grant_type=client_credentials&unknown=1&unknown=1",
        "grant_type=client_credentials&client_secret=hunter2%",
        "grant_type=client_credentials&client_id=%ff",
        "grant_type=client_credentials&scope=a%00",
        "grant_type=client_credentials\r\n",
        "grant_type=client_credentials&=hunter2",
        "grant_type=client_credentials&scope=+a",
        "grant_type=client_credentials&scope=a++b",
        "grant_type=client_credentials&scope=+",
        "grant_type=client_credentials&scope=a%22",
        "grant_type=client_credentials&scope=%C3%A9",
        "grant_type=client_credentials&aws_client_metadata=%7B%7D",
        "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com",
        "{\"grant_type\":\"client_credentials\"}",
    ];
    let mut table = String::new();
    for body in bodies {
        let reply = parse(body).unwrap_err().reply().to_json();
        writeln!(table, "{}\n    {reply}", body.escape_debug()).unwrap();
    }
    for (title, result) in [
        ("(no content type)", TokenRequest::parse(None, b"grant_type=client_credentials")),
        ("(33 parameters)", parse(&parameters)),
        ("(more than 32 KiB)", parse(vec![b'a'; 32 * 1024 + 1])),
        ("(51 scopes)", parse(format!("grant_type=client_credentials&scope={scopes}"))),
        (
            "(a scope of 9000 bytes)",
            parse(format!("grant_type=client_credentials&scope={}", "a".repeat(9000))),
        ),
    ] {
        writeln!(table, "{title}\n    {}", result.unwrap_err().reply().to_json()).unwrap();
    }
    assert!(!table.replace("client_secret=hunter2", "").replace("=hunter2", "").contains("hunter2"));
    insta::assert_snapshot!("refusals", table);
}

proptest! {
    #[test]
    fn no_bytes_panic(content_type in prop::option::of(any::<String>()), body in any::<Vec<u8>>()) {
        let _ = TokenRequest::parse(content_type.as_deref(), &body);
        let _ = parse(&body);
    }

    #[test]
    fn what_is_accepted_means_the_same_when_written_again(
        grant in "client_credentials|\\PC{1,20}",
        scope in "[a-c ]{0,8}|\\PC{0,12}",
        extra in "(&[x-z]=\\PC{0,3}){0,2}",
    ) {
        let encode = |grant: &str, scope: &str| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", grant).append_pair("scope", scope).finish()
        };
        if let Ok(request) = parse(encode(&grant, &scope) + &extra) {
            let name = match &request.grant {
                RequestedGrant::Known(known) => known.as_str(),
                RequestedGrant::Unknown(name) => name.as_str(),
            };
            prop_assert_eq!(name, &grant);
            let scopes = request.scopes.as_ref().map_or("", ScopeSet::as_str);
            prop_assert_eq!(parse(encode(name, scopes)), Ok(request.clone()));
        }
    }
}
