//! The ways in which a user pool fails, each under its name.

use serde_json::json;

use super::peer::{CANARY, Play, http};
use super::pool::{Asked, Way, token};

/// One way to fail.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) play: Box<dyn Fn(&Asked) -> Play + Send + Sync>,
}

/// The fault that the pool cannot play, because it is not there: nobody takes connections.
pub(super) const REFUSED: &str = "connection_refused";

/// All that a pool can do when it is asked in `way`.
pub(super) fn faults(way: Way) -> Vec<Fault> {
    let mut faults = connections();
    faults.extend(statuses());
    faults.extend(garbage());
    faults.extend(tokens());
    faults.extend(match way {
        Way::TokenEndpoint => oauth_errors(),
        Way::GetClientToken => typed_errors(),
    });
    faults
}

fn connections() -> Vec<Fault> {
    let ok = || http("200 OK", "", &CANARY.repeat(100));
    let part = move |length: usize| ok()[..length].to_vec();
    let body = http("200 OK", "", "").len() + 50;
    vec![
        // Nobody listens; what would be played is not.
        fault(REFUSED, |_| Play::Reset(Vec::new())),
        fault("stall_before_answer", |_| Play::Stall(Vec::new())),
        fault("stall_in_body", move |_| Play::Stall(part(body))),
        fault("reset_before_answer", |_| Play::Reset(Vec::new())),
        fault("reset_in_head", move |_| Play::Reset(part(40))),
        fault("reset_in_body", move |_| Play::Reset(part(body))),
        fault("closed_in_body", move |_| Play::Answer(part(body))),
        fault("not_http", |_| Play::Answer(format!("SSH-2.0-{CANARY}\r\n").into_bytes())),
    ]
}

fn statuses() -> Vec<Fault> {
    vec![
        page("throttled", "429 Too Many Requests", ""),
        page("throttled_for_7_s", "429 Too Many Requests", "Retry-After: 7\r\n"),
        page("throttled_for_a_week", "429 Too Many Requests", "Retry-After: 604800\r\n"),
        page("internal_error", "500 Internal Server Error", ""),
        page("bad_gateway", "502 Bad Gateway", "Content-Type: text/html\r\n"),
        page("unavailable", "503 Service Unavailable", ""),
        page("unavailable_for_1_s", "503 Service Unavailable", "Retry-After: 1\r\n"),
        page(
            "unavailable_until",
            "503 Service Unavailable",
            "Retry-After: Tue, 24 Nov 2099 00:00:00 GMT\r\n",
        ),
        page("firewall", "403 Forbidden", "Content-Type: text/html\r\n"),
        page("wrong_path", "404 Not Found", ""),
        page("no_content", "204 No Content", ""),
        page("redirect", "302 Found", "Location: /elsewhere\r\n"),
        page("redirect_with_body", "307 Temporary Redirect", "Location: http://127.0.0.1:1/oauth2/token\r\n"),
    ]
}

fn garbage() -> Vec<Fault> {
    let json = "Content-Type: application/json\r\n";
    let huge = || CANARY.repeat(10_000);
    vec![
        page("html", "200 OK", "Content-Type: text/html\r\n"),
        fault("empty", move |_| Play::http("200 OK", json, "")),
        fault("half_of_json", move |asked| {
            let whole = asked.grant_body(&token(&json!({ "scope": asked.scope }), 600), 600);
            Play::http("200 OK", json, &whole[..whole.len() - 2])
        }),
        fault("other_json", move |_| Play::http("200 OK", json, &json!([CANARY]).to_string())),
        fault("no_token", move |asked| asked.grant("", 600)),
        fault("error_with_200", move |_| {
            Play::http("200 OK", json, &json!({ "error": CANARY, "__type": CANARY }).to_string())
        }),
        fault("huge", move |_| Play::http("200 OK", json, &huge())),
        fault("huge_without_length", move |_| {
            Play::Answer(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", huge()).into_bytes())
        }),
        fault("huge_head", move |_| Play::http("200 OK", &format!("X-Huge: {}\r\n", huge()), "")),
        fault("token_as_html", |asked| {
            let body = asked.grant_body(&token(&json!({ "scope": asked.scope }), 600), 600);
            Play::http("200 OK", "Content-Type: text/html\r\n", &body)
        }),
    ]
}

fn tokens() -> Vec<Fault> {
    vec![
        fault("token_of_no_scope", |asked| asked.grant(&token(&json!({ "jti": CANARY }), 600), 600)),
        fault("token_of_more_scopes", |asked| {
            asked.grant(&token(&json!({ "scope": format!("{} {CANARY}", asked.scope) }), 600), 600)
        }),
        fault("token_of_other_scope", |asked| asked.grant(&token(&json!({ "scope": CANARY }), 600), 600)),
        fault("token_of_other_client", |asked| {
            asked.grant(&token(&json!({ "scope": asked.scope, "client_id": CANARY }), 600), 600)
        }),
        fault("token_expired", |asked| {
            asked.grant(&token(&json!({ "scope": asked.scope, "exp": 1_700_000_000 }), 600), 600)
        }),
        fault("token_opaque", |asked| asked.grant(CANARY, 600)),
    ]
}

fn oauth_errors() -> Vec<Fault> {
    let refusal = |name, status: &'static str, error: &'static str| {
        fault(name, move |_| {
            let description = format!("{CANARY}: app client internal-batch of pool eu-central-1_a1B2c3D4e");
            let body = json!({ "error": error, "error_description": description, "error_uri": CANARY });
            Play::http(status, "Content-Type: application/json;charset=UTF-8\r\n", &body.to_string())
        })
    };
    vec![
        refusal("invalid_client", "400 Bad Request", "invalid_client"),
        refusal("invalid_client_401", "401 Unauthorized", "invalid_client"),
        refusal("invalid_grant", "400 Bad Request", "invalid_grant"),
        refusal("invalid_request", "400 Bad Request", "invalid_request"),
        refusal("invalid_scope", "400 Bad Request", "invalid_scope"),
        refusal("unauthorized_client", "400 Bad Request", "unauthorized_client"),
        refusal("unknown_error", "400 Bad Request", CANARY),
        refusal("error_with_500", "500 Internal Server Error", "invalid_client"),
    ]
}

fn typed_errors() -> Vec<Fault> {
    let refusal = |name, status: &'static str, message: &'static str| {
        fault(name, move |_| {
            let headers = format!("x-amzn-ErrorType: {name}:http://{CANARY}/\r\n");
            let message = format!("{message} {CANARY}: app client internal-batch of eu-central-1_a1B2c3D4e");
            let body = json!({ "__type": format!("{CANARY}#{name}"), "message": message });
            Play::http(status, &headers, &body.to_string())
        })
    };
    vec![
        refusal("TooManyRequestsException", "400 Bad Request", "Too many requests"),
        refusal("LimitExceededException", "400 Bad Request", "Rate exceeded"),
        refusal("NotAuthorizedException", "400 Bad Request", "Unable to verify secret hash"),
        refusal("ResourceNotFoundException", "400 Bad Request", "No such client"),
        refusal("InvalidParameterException", "400 Bad Request", "Scopes are not allowed"),
        refusal("OperationNotEnabledException", "400 Bad Request", "Not enabled"),
        refusal("ForbiddenException", "403 Forbidden", "Request not allowed due to WAF block"),
        refusal("InternalErrorException", "500 Internal Server Error", "Internal"),
        refusal("UnheardOfException", "400 Bad Request", "Unheard of"),
    ]
}

/// An answer of somebody on the way: a status, headers, and a page for people.
fn page(name: &'static str, status: &'static str, headers: &'static str) -> Fault {
    let body =
        format!("<html><h1>{status}</h1><p>{CANARY}: upstream prod-eu-7.internal is not there</p></html>");
    fault(name, move |_| Play::http(status, headers, &body))
}

fn fault(name: &'static str, play: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Fault {
    Fault { name, play: Box::new(play) }
}
