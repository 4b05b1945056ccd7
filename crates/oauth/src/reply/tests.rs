//! Replies as written, and what is and is not read as one.

use proptest::prelude::*;

use super::*;

fn reply(token: &str, seconds: u64) -> TokenReply {
    TokenReply { access_token: AccessToken::new(token).unwrap(), expires_in: Duration::from_secs(seconds) }
}

#[test]
fn a_token_reply_is_written_as_cognito_writes_it() {
    let body = r#"{"access_token":"eyJra12345EXAMPLE","expires_in":3600,"token_type":"Bearer"}"#;
    assert_eq!(reply("eyJra12345EXAMPLE", 3600).to_json(), body);
    assert_eq!(TokenReply::read(body.as_bytes()), Ok(reply("eyJra12345EXAMPLE", 3600)));
}

#[test]
fn a_fraction_of_a_second_is_not_promised() {
    let reply = TokenReply { expires_in: Duration::from_millis(1999), ..reply("a", 0) };
    assert_eq!(reply.to_json(), r#"{"access_token":"a","expires_in":1,"token_type":"Bearer"}"#);
}

#[test]
fn a_reply_does_not_print_its_token() {
    assert_eq!(
        format!("{:?}", reply("eyJra", 60)),
        "TokenReply { access_token: AccessToken(..), expires_in: 60s }"
    );
}

#[test]
fn harmless_differences_are_read_over() {
    for body in [
        r#"{"token_type":"bearer","access_token":"a","expires_in":60}"#,
        r#"{"token_type":"BEARER","access_token":"a","expires_in":"60"}"#,
        r#" {"token_type":"Bearer","access_token":"\u0061","expires_in":60,"scope":"x","scope":[null]} "#,
    ] {
        assert_eq!(TokenReply::read(body.as_bytes()), Ok(reply("a", 60)), "{body}");
    }
}

#[test]
fn what_is_no_token_reply_is_refused() {
    let long = format!(
        r#"{{"access_token":"a","expires_in":60,"token_type":"Bearer","x":"{}"}}"#,
        "x".repeat(1 << 16)
    );
    let rows = [
        ("", ReplyError::Malformed),
        ("<html>", ReplyError::Malformed),
        ("null", ReplyError::Malformed),
        (r#"["a","Bearer",60]"#, ReplyError::Malformed),
        (r#"{"access_token":"a","expires_in":60,"token_type":"Bearer"} {}"#, ReplyError::Malformed),
        (
            r#"{"access_token":"a","access_token":"b","expires_in":60,"token_type":"Bearer"}"#,
            ReplyError::Malformed,
        ),
        (r#"{"access_token":7,"expires_in":60,"token_type":"Bearer"}"#, ReplyError::Malformed),
        (r#"{"error":"invalid_client"}"#, ReplyError::AccessToken),
        (r#"{"message":"Forbidden"}"#, ReplyError::AccessToken),
        (r#"{"access_token":null,"expires_in":60,"token_type":"Bearer"}"#, ReplyError::AccessToken),
        (r#"{"access_token":"","expires_in":60,"token_type":"Bearer"}"#, ReplyError::AccessToken),
        (r#"{"access_token":"a\"b","expires_in":60,"token_type":"Bearer"}"#, ReplyError::AccessToken),
        (r#"{"access_token":"a","expires_in":60}"#, ReplyError::TokenType),
        (r#"{"access_token":"a","expires_in":60,"token_type":"DPoP"}"#, ReplyError::TokenType),
        (r#"{"access_token":"a","token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":0,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":-1,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":1.5,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":1e99,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":4294967296,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":"","token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":"+60","token_type":"Bearer"}"#, ReplyError::Lifetime),
        (r#"{"access_token":"a","expires_in":true,"token_type":"Bearer"}"#, ReplyError::Lifetime),
        (&long, ReplyError::TooLarge),
    ];
    for (body, error) in rows {
        assert_eq!(TokenReply::read(body.as_bytes()), Err(error), "{body}");
    }
}

#[test]
fn an_upstream_error_is_a_known_code_or_unknown() {
    let rows = [
        (r#"{"error":"invalid_client"}"#, Ok(UpstreamError::Known(ErrorCode::InvalidClient))),
        (
            r#"{"error_description":"invalid_redirect","error":"unauthorized_client"}"#,
            Ok(UpstreamError::Known(ErrorCode::UnauthorizedClient)),
        ),
        (r#"{"error":"hunter2"}"#, Ok(UpstreamError::Unknown)),
        (r#"{"error":""}"#, Err(ReplyError::Error)),
        (r#"{"error":null}"#, Err(ReplyError::Error)),
        (r#"{"message":"Too Many Requests"}"#, Err(ReplyError::Error)),
        (r#"{"error":{"code":400}}"#, Err(ReplyError::Malformed)),
        (r#"{"error":"invalid_client","error":"invalid_scope"}"#, Err(ReplyError::Malformed)),
        (r#"["invalid_client"]"#, Err(ReplyError::Malformed)),
        ("Service Unavailable", Err(ReplyError::Malformed)),
    ];
    for (body, expected) in rows {
        assert_eq!(UpstreamError::read(body.as_bytes()), expected, "{body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(body in any::<Vec<u8>>()) {
        let _ = TokenReply::read(&body);
        let _ = UpstreamError::read(&body);
    }

    #[test]
    fn a_written_reply_is_read_again(token in "[A-Za-z0-9._~+/-]{1,80}={0,2}", seconds in 1..=u32::MAX) {
        let reply = reply(&token, seconds.into());
        prop_assert_eq!(TokenReply::read(reply.to_json().as_bytes()), Ok(reply));
    }

    #[test]
    fn a_written_error_is_json_with_its_code(index in 0..ErrorCode::ALL.len(), text in any::<String>()) {
        let code = ErrorCode::ALL[index];
        let body = ErrorReply::new(code, text).to_json();
        prop_assert_eq!(UpstreamError::read(body.as_bytes()), Ok(UpstreamError::Known(code)));
    }
}
