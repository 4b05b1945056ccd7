//! The event: a token request, as the front door makes it.

use lambda::{Pairs, ProxyEvent};
use restapi::{AccountId, HttpMethod, MethodArn, Region, ResourcePath, RestApiId, StageName};

/// What the program replies.
pub const REPLY: &str = r#"{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{}"}"#;

pub fn event() -> ProxyEvent<'static> {
    let mut headers = Pairs::default();
    for (name, value) in [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Host", "api.example.com"),
        ("User-Agent", "bench"),
        ("X-Amzn-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
        ("x-api-key", "not-looked-at"),
    ] {
        headers.push(name, value);
    }
    let body = Some("grant_type=client_credentials&scope=orders%2Fread".into());
    ProxyEvent { path: "/oauth2/token".into(), headers, body, ..ProxyEvent::default() }
}

/// On behalf of which method.
pub fn source() -> MethodArn {
    MethodArn {
        region: Region::parse("eu-central-1").expect("a region"),
        account_id: AccountId::parse("123456789012").expect("an account"),
        api_id: RestApiId::derived(&["bench"]),
        stage: StageName::parse("dev").expect("a stage"),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    }
}
