//! What the function sees: the proxy event of a request.
//!
//! Everything is borrowed from the request. Nothing of it is decoded but the query; nothing is added but where the
//! request came from and its trace id.

use std::borrow::Cow;

use http::header::{self, HOST, HeaderName, USER_AGENT};
use lambda::{Identity, Pairs, ProxyEvent, RequestContext};

use crate::accept::X_API_KEY;
use crate::call::{Identified, Received, Routed};
use crate::host;
use crate::peer::Transport;

/// The event of `call`.
pub(crate) fn of<'a>(call: &'a Identified, trace: &'a str, source_ip: &'a str) -> ProxyEvent<'a> {
    let routed = &call.authorized.routed;
    let request = &routed.received;
    let is_base64_encoded = is_binary(routed);
    ProxyEvent {
        resource: (&*routed.endpoint.resource_path).into(),
        path: (&*routed.path).into(),
        http_method: request.parts.method.as_str().into(),
        headers: headers(request, trace, source_ip),
        query: query(request),
        path_parameters: routed
            .path_parameters
            .iter()
            .map(|(name, value)| ((&**name).into(), value.into()))
            .collect(),
        stage_variables: routed
            .stage
            .variables
            .iter()
            .map(|(name, value)| ((&**name).into(), (&**value).into()))
            .collect(),
        request_context: context(call, source_ip),
        body: body(request, is_base64_encoded),
        is_base64_encoded,
    }
}

fn context<'a>(call: &'a Identified, source_ip: &'a str) -> RequestContext<'a> {
    let routed = &call.authorized.routed;
    let (request, endpoint) = (&routed.received, &routed.endpoint);
    let domain_name = host::name(request.header(&HOST).unwrap_or_default());
    RequestContext {
        resource_id: (&*endpoint.resource_id).into(),
        authorizer: call.authorized.principal.as_ref().map(|principal| principal.context.clone()),
        resource_path: (&*endpoint.resource_path).into(),
        operation_name: endpoint.operation_name.as_deref().map(Into::into),
        http_method: request.parts.method.as_str().into(),
        extended_request_id: request.record.ids.extended.as_str().into(),
        path: request.parts.uri.path().into(),
        account_id: (&*request.live.account_id).into(),
        protocol: request.record.protocol().into(),
        stage: (&*routed.stage.name).into(),
        domain_prefix: domain_name.split('.').next().unwrap_or_default().into(),
        request_time_epoch: request.now().as_millis(),
        request_id: request.record.ids.request.as_str().into(),
        identity: Identity {
            api_key: call.shows_key.then(|| request.header(&X_API_KEY)).flatten().map(Into::into),
            api_key_id: call.key_id.as_ref().filter(|_| call.shows_key).map(|id| id.as_str().into()),
            source_ip: source_ip.into(),
            user_agent: request.header(&USER_AGENT).map(Into::into),
            client_cert: request.peer.transport.client_certificate().cloned(),
            ..Identity::default()
        },
        domain_name: domain_name.into(),
        deployment_id: (&*routed.stage.deployment_id).into(),
        api_id: routed.stage.api_id.as_str().into(),
    }
}

fn headers<'a>(request: &'a Received, trace: &'a str, source_ip: &'a str) -> Pairs<'a> {
    let sent = &request.parts.headers;
    let mut headers = Pairs::with_capacity(sent.len() + 4);
    for (name, value) in sent {
        if !is_dropped(name) {
            headers.push(written(name), String::from_utf8_lossy(value.as_bytes()));
        }
    }
    // What the client says about where it comes from stays in front, as API Gateway leaves it; the last address is ours:
    // that of the connection, whomever it speaks for.
    let said: Vec<&str> =
        sent.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let peer_ip = request.peer.address.ip().to_canonical();
    let peer_ip =
        if peer_ip == request.source_ip() { source_ip.into() } else { Cow::Owned(peer_ip.to_string()) };
    let forwarded = match said.as_slice() {
        [] => peer_ip,
        said => Cow::Owned(format!("{}, {peer_ip}", said.join(", "))),
    };
    headers.push("X-Amzn-Trace-Id", trace);
    headers.push("X-Forwarded-For", forwarded);
    let (port, scheme) = match request.peer.transport {
        Transport::Plain => ("80", "http"),
        Transport::Tls { .. } => ("443", "https"),
    };
    headers.push("X-Forwarded-Port", port);
    headers.push("X-Forwarded-Proto", scheme);
    headers
}

/// What API Gateway keeps from a function, and what it writes itself.
fn is_dropped(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "content-md5"
            | "expect"
            | "max-forwards"
            | "proxy-authenticate"
            | "server"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "www-authenticate"
            | "x-amzn-trace-id"
            | "x-forwarded-for"
            | "x-forwarded-port"
            | "x-forwarded-proto"
    )
}

/// Well-known names as they are written; the HTTP library hands every name over in lower case, so the spelling of any
/// other is lost.
fn written(name: &HeaderName) -> &str {
    match *name {
        header::ACCEPT => "Accept",
        header::ACCEPT_CHARSET => "Accept-Charset",
        header::ACCEPT_ENCODING => "Accept-Encoding",
        header::ACCEPT_LANGUAGE => "Accept-Language",
        header::AGE => "Age",
        header::AUTHORIZATION => "Authorization",
        header::CACHE_CONTROL => "Cache-Control",
        header::CONTENT_ENCODING => "Content-Encoding",
        header::CONTENT_TYPE => "Content-Type",
        header::COOKIE => "Cookie",
        header::DATE => "Date",
        HOST => "Host",
        header::ORIGIN => "Origin",
        header::PRAGMA => "Pragma",
        header::RANGE => "Range",
        header::REFERER => "Referer",
        USER_AGENT => "User-Agent",
        header::VIA => "Via",
        _ => name.as_str(),
    }
}

fn query(request: &Received) -> Pairs<'_> {
    let mut query = Pairs::default();
    for (name, value) in form_urlencoded::parse(request.parts.uri.query().unwrap_or_default().as_bytes()) {
        query.push(name, value);
    }
    query
}

fn body(request: &Received, as_base64: bool) -> Option<Cow<'_, str>> {
    use base64::Engine as _;
    match request.body.as_ref() {
        [] => None,
        bytes if as_base64 => Some(base64::engine::general_purpose::STANDARD.encode(bytes).into()),
        bytes => Some(String::from_utf8_lossy(bytes)),
    }
}

/// Whether the request's media type is one of the API's binary media types.
fn is_binary(routed: &Routed) -> bool {
    let sent = routed.received.header(&header::CONTENT_TYPE).unwrap_or_default();
    let sent = sent.split(';').next().unwrap_or_default().trim();
    routed.stage.binary_media_types.iter().any(|own| own == "*/*" || own.eq_ignore_ascii_case(sent))
}
