//! The proxy event that a function reads.

use lambda::ProxyEvent;
use serde_json::Value;

use crate::{Broken, Kept};

/// An event is read as it stands, and written so that it is read as the same event; what a person may see of it holds no
/// value of a header, no query and no body.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(mut event) = ProxyEvent::from_json(input) else { return Ok(()) };
    is_as_it_stands(&event, input)?;
    let written = event.to_json();
    // A map has no order, but for that of the values under one name.
    event.headers.sort();
    event.query.sort();
    let mut again =
        ProxyEvent::from_json(&written).map_err(|error| Broken::by("written, not read", error))?;
    again.headers.sort();
    again.query.sort();
    // What an authorizer said may hold numbers that JSON has no one form for.
    again.request_context.authorizer.clone_from(&event.request_context.authorizer);
    keep!(again == event, "another event is read: {again:?} and not {event:?}");
    if let Ok(bytes) = event.body_bytes() {
        let text = event.body.as_deref().unwrap_or_default();
        keep!(event.is_base64_encoded || bytes.as_ref() == text.as_bytes(), "the body is another one");
    }
    let shown = format!("{event:?}");
    keep!(!shown.contains(SECRET) || shows_elsewhere(&event), "a secret is shown: {shown}");
    Ok(())
}

/// What decides is what any reader of JSON reads.
fn is_as_it_stands(event: &ProxyEvent<'_>, input: &[u8]) -> Kept {
    // What no one asks for is not looked into: half of a surrogate pair in it is seen by this reader alone.
    let Ok(json) = serde_json::from_slice::<Value>(input) else { return Ok(()) };
    let context = &event.request_context;
    for (place, own) in [
        ("/body", event.body.as_deref()),
        ("/path", Some(event.path.as_ref())),
        ("/resource", Some(event.resource.as_ref())),
        ("/httpMethod", Some(event.http_method.as_ref())),
        ("/requestContext/stage", Some(context.stage.as_ref())),
        ("/requestContext/requestId", Some(context.request_id.as_ref())),
        ("/requestContext/identity/sourceIp", Some(context.identity.source_ip.as_ref())),
        ("/requestContext/identity/apiKeyId", context.identity.api_key_id.as_deref()),
    ] {
        let stands = json.pointer(place).and_then(Value::as_str);
        keep!(stands == own, "{place} is read as another text");
    }
    Ok(())
}

/// Whether the text stands where it is no secret: in a path, a name, the context.
fn shows_elsewhere(event: &ProxyEvent<'_>) -> bool {
    let mut rest = event.clone();
    rest.body = None;
    rest.query = lambda::Pairs::default();
    rest.headers = lambda::Pairs::default();
    rest.request_context.identity.api_key = None;
    let names = event.headers.iter().any(|(name, _)| name.contains(SECRET));
    names || String::from_utf8_lossy(&rest.to_json()).contains(SECRET)
}

const SECRET: &str = "hunter2";
