//! What each answer comes to: a table for what both ways have in common, and one for the words of each.

use ambient::Clock as _;

use super::*;
use crate::{Effort, UpstreamError};

/// A line for what an upstream that never gets better comes to: the error, and how often it is tried.
async fn line(wire: Wire, title: &str, act: Act) -> String {
    let (upstream, scripted) = bench(wire, std::iter::repeat_n(act, 3));
    let Exchange { outcome, effort } = ask(&upstream, &credentials()).await;
    let error = outcome.unwrap_err();
    assert_eq!(effort.attempts as usize, scripted.calls(), "{title}");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{title}");
    let perhaps_minted = effort.attempts - effort.unconnected - effort.error_replies;
    let (label, attempts) = (error.label(), effort.attempts);
    format!("{title}: {label} ({error}), tried {attempts}, perhaps minted {perhaps_minted}\n")
}

#[tokio::test(start_paused = true)]
async fn each_behaviour_comes_to_one_error() {
    let mut tables = Vec::new();
    for wire in Wire::BOTH {
        let claims = |claims: &str| wire.ok(wire.granted(claims, "3600"));
        let good = |claims: &str, life: &str| wire.ok(wire.granted(claims, life));
        let both = r#"{"scope":"orders/read orders/write"}"#;
        let another_type = wire.granted(both, "3600").replace("Bearer", "DPoP");
        let opaque = wire.granted(both, "60").replace(&jwt(both), "abc");
        let rows = [
            ("no connection", Act::Fail(TransportError::NotConnected)),
            ("connection reset", Act::Fail(TransportError::Broken)),
            ("huge body", Act::Fail(TransportError::TooLarge)),
            ("no answer", Act::Hang),
            ("429 without a body", Act::Answer(429, "text/plain", String::new())),
            ("500 page", page(500)),
            ("403 page", page(403)),
            ("404 page", page(404)),
            ("400 with a message", Act::Answer(400, "application/json", r#"{"message":"hunter2"}"#.into())),
            ("400 with a list", Act::Answer(400, "application/json", r#"["hunter2"]"#.into())),
            ("200 page", page(200)),
            ("200 with an empty object", wire.ok("{}")),
            ("200 with a list", wire.ok("[]")),
            ("200 with an opaque token", wire.ok(opaque)),
            ("200 with another token type", wire.ok(another_type)),
            ("200 without a lifetime", good(both, "null")),
            ("200 with no life", good(both, "0")),
            ("200 with a negative life", good(both, "-1")),
            ("200 with two days of life", good(both, "172800")),
            ("200 with a dead token", claims(r#"{"scope":"orders/read orders/write","exp":1000}"#)),
            (
                "200 with another's token",
                claims(r#"{"scope":"orders/read orders/write","client_id":"other"}"#),
            ),
            ("200 with an id token", claims(r#"{"scope":"orders/read orders/write","token_use":"id"}"#)),
            ("204", Act::Answer(204, "", String::new())),
            ("one scope less", claims(r#"{"scope":"orders/read"}"#)),
            ("one scope more", claims(r#"{"scope":"orders/read orders/write orders/delete"}"#)),
            ("no scope", claims("{}")),
            ("unreadable scope", claims(r#"{"scope":" orders/read"}"#)),
            ("redirect", page(302)),
            ("redirect that keeps the method", page(307)),
            ("wrong secret", wire.refused_client()),
            ("wrong scope", wire.refused_scope()),
        ];
        let mut table = String::new();
        for (title, act) in rows {
            table += &line(wire, title, act).await;
        }
        tables.push(table);
    }
    // What has no words of either way in it comes to the same in both.
    assert_eq!(tables[0], tables[1]);
    insta::assert_snapshot!("behaviours", tables[0]);
}

#[tokio::test(start_paused = true)]
async fn each_error_of_oauth_comes_to_one_error() {
    let json = |status, body: &str| Act::Answer(status, "application/json", body.to_owned());
    let rows = [
        ("invalid_grant", error("invalid_grant")),
        ("invalid_request", error("invalid_request")),
        ("temporarily_unavailable", error("temporarily_unavailable")),
        ("an error of its own", error("hunter2")),
        ("401 with invalid_client", json(401, r#"{"error":"invalid_client"}"#)),
        ("429 with invalid_client", json(429, r#"{"error":"invalid_client"}"#)),
        ("502 with server_error", json(502, r#"{"error":"server_error"}"#)),
        ("200 with an error", json(200, r#"{"error":"invalid_client"}"#)),
        ("error of the other way", typed("NotAuthorizedException", "Invalid client or secret")),
        ("token of the other way", Wire::Idp.good()),
    ];
    let mut table = String::new();
    for (title, act) in rows {
        table += &line(Wire::Token, title, act).await;
    }
    insta::assert_snapshot!("oauth_errors", table);
}

#[tokio::test(start_paused = true)]
async fn each_type_of_error_comes_to_one_error() {
    let json = |status, body: &str| Act::Answer(status, "application/x-amz-json-1.1", body.to_owned());
    let mut table = String::new();
    // Those of AWS's model of the operation first.
    for kind in [
        "InvalidParameterException",
        "ResourceNotFoundException",
        "NotAuthorizedException",
        "TooManyRequestsException",
        "InternalErrorException",
        "OperationNotEnabledException",
        "ForbiddenException",
        "LimitExceededException",
        "ThrottlingException",
        "UnknownOperationException",
        "SerializationException",
        "Hunter2Exception",
    ] {
        // As it was recorded: with a colon behind it.
        let header = format!("{kind}:");
        let plain = line(Wire::Idp, kind, typed(kind, "hunter2")).await;
        for act in [
            Act::Typed(header.clone(), r#"{"message":"hunter2"}"#.to_owned()),
            typed(&format!("com.amazonaws.cognito.identity.idp.model#{kind}"), "hunter2"),
            // The header is read first.
            Act::Typed(header.clone(), r#"{"__type":"SomethingElse","message":"hunter2"}"#.to_owned()),
        ] {
            assert_eq!(line(Wire::Idp, kind, act).await, plain);
        }
        table += &plain;
    }
    let value_at = |name: &str| {
        let message = format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must satisfy pattern hunter2"
        );
        typed("InvalidParameterException", &message)
    };
    let rows = [
        ("secret of a wrong shape", value_at("secret")),
        ("client id of a wrong shape", value_at("clientId")),
        ("scope of a wrong shape", value_at("scopes")),
        ("other value of a wrong shape", value_at("clientMetadata")),
        (
            "no type in header and body",
            Act::Typed(String::new(), r#"{"__type":"","message":"hunter2"}"#.to_owned()),
        ),
        ("500 with a type", json(500, r#"{"__type":"InternalErrorException"}"#)),
        ("503 with NotAuthorizedException", json(503, r#"{"__type":"NotAuthorizedException"}"#)),
        ("403 with NotAuthorizedException", json(403, r#"{"__type":"NotAuthorizedException"}"#)),
        ("429 with a type", json(429, r#"{"__type":"NotAuthorizedException"}"#)),
        ("200 with a type", json(200, r#"{"__type":"NotAuthorizedException"}"#)),
        ("list that looks like a typed error", json(400, r#"["NotAuthorizedException","hunter2"]"#)),
        ("type that is no text", json(400, r#"{"__type":7}"#)),
        ("error of the other way", error("invalid_client")),
        ("token of the other way", Wire::Token.good()),
    ];
    for (title, act) in rows {
        table += &line(Wire::Idp, title, act).await;
    }
    insta::assert_snapshot!("typed_errors", table);
}

#[tokio::test(start_paused = true)]
async fn typed_throttling_is_told_with_its_wait() {
    let answer = |kind: &str| {
        http::Response::builder()
            .status(400)
            .header("retry-after", "30")
            .body(Bytes::from(format!(r#"{{"__type":"{kind}"}}"#)))
            .unwrap()
    };
    let wait = Some(Duration::from_secs(30));
    for (kind, error) in [
        ("TooManyRequestsException", UpstreamError::Throttled { retry_after: wait }),
        ("InternalErrorException", UpstreamError::Unavailable { retry_after: wait }),
        ("ForbiddenException", UpstreamError::Unavailable { retry_after: wait }),
    ] {
        assert_eq!(Wire::Idp.endpoint().way().refusal(&answer(kind)), Some(error));
    }
}

#[tokio::test(start_paused = true)]
async fn life_counts_from_the_sending_and_ends_with_the_earlier_end() {
    let clock = ManualClock::default();
    let (asked, sent) = (clock.moment(), clock.now().as_secs());
    for wire in Wire::BOTH {
        for (exp, lifetime) in [(sent + 3600, 3600), (sent + 600, 600), (sent + 9999, 3600)] {
            let claims = format!(r#"{{"scope":"orders/read orders/write","exp":{exp}}}"#);
            let slow = Act::Slow(Duration::from_secs(4), wire.granted(&claims, "3600"));
            let (upstream, _scripted) = bench(wire, [slow]);
            let Exchange { outcome, effort } = ask(&upstream, &credentials()).await;
            let issued = outcome.unwrap();
            assert_eq!(issued.lifetime, Duration::from_secs(lifetime));
            assert_eq!(issued.asked, asked);
            assert_eq!(effort, Effort { attempts: 1, elapsed: Duration::from_secs(4), ..Effort::default() });
        }
    }
}
