//! Step 2, route: stage, path and method are looked up in what is deployed.
//!
//! Two URL shapes lead to the same stage: `/{stage}/…` on any host, and the same path on
//! `{api-id}.execute-api.{region}.…`, which names the API. An unknown host of the second shape is an unknown API.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use http::header::{AUTHORIZATION, HOST};
use restapi::{HttpMethod, RestApiId};

use crate::call::{Received, Routed, Step};
use crate::execution_log::Event;
use crate::host;
use crate::live::{ApiView, Live};
use crate::refusal::Refusal;

/// Finds the method of the resource that is asked for.
pub(crate) fn find(mut call: Received) -> Step<Routed> {
    let live = Arc::clone(&call.live);
    let Some(api) = api(&live, call.header(&HOST)) else { return Err(call.refuse(Refusal::UnknownStage)) };
    let (stage, path) = split_stage(call.parts.uri.path());
    let Some(stage) = api.stages.get(stage) else { return Err(call.refuse(Refusal::UnknownStage)) };
    let path = path.to_owned();
    call.record.stage = Some(Arc::clone(stage));
    let method: Option<HttpMethod> =
        call.parts.method.as_str().parse().ok().filter(|method| *method != HttpMethod::Any);
    let Some((endpoint, path_parameters)) = method.and_then(|method| stage.routes.find(&path, method)) else {
        let refusal = unknown_route(&call);
        let mut refused = call.refuse(refusal);
        refused.stage = Some(Arc::clone(stage));
        return Err(refused);
    };
    call.record.endpoint = Some(Arc::clone(&endpoint));
    call.record.tell(Event::Begins);
    let stage = Arc::clone(stage);
    Ok(Routed { received: call, stage, endpoint, path, path_parameters })
}

/// The API that a host names, or the default one where it names none. Host names have no case (RFC 9110 §4.2.3): a
/// spelling in capitals must not turn an unknown API into the default one.
fn api<'a>(live: &'a Live, host: Option<&str>) -> Option<&'a ApiView> {
    let mut labels = host::name(host.unwrap_or_default()).split('.');
    match labels.clone().position(|label| label.eq_ignore_ascii_case("execute-api")) {
        None => live.apis.get(live.default_api.as_ref()?),
        Some(1) => live.apis.get(&RestApiId::parse(&labels.next()?.to_ascii_lowercase()).ok()?),
        Some(_) => None,
    }
}

/// The stage and the path after it. Further slashes before the stage and right after it are ignored, as recorded;
/// nowhere else.
fn split_stage(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    let Some(end) = path.find('/') else { return (path, "/") };
    let (stage, rest) = path.split_at(end);
    let after = rest.trim_start_matches('/');
    // One slash is kept in front of the path.
    (stage, rest.split_at(rest.len() - after.len() - 1).1)
}

/// API Gateway takes a path it does not know for a call of itself, and reads an `Authorization` header as a signature.
fn unknown_route(call: &Received) -> Refusal {
    match call.parts.headers.get(AUTHORIZATION) {
        Some(header) => {
            let hash = digest::digest(&digest::SHA256, header.as_bytes());
            let header_digest = base64::engine::general_purpose::STANDARD.encode(hash);
            Refusal::UnknownRouteSigned { header_digest }
        }
        None => Refusal::UnknownRoute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_is_the_first_segment_and_slashes_around_it_do_not_count() {
        let table = [
            ("/dev/oauth2/token", ("dev", "/oauth2/token")),
            ("//dev/oauth2/token", ("dev", "/oauth2/token")),
            ("/dev//oauth2/token", ("dev", "/oauth2/token")),
            ("/dev/oauth2//token", ("dev", "/oauth2//token")),
            ("/dev/oauth2/token/", ("dev", "/oauth2/token/")),
            ("/dev", ("dev", "/")),
            ("/dev/", ("dev", "/")),
            ("/", ("", "/")),
            ("*", ("*", "/")),
        ];
        for (path, expected) in table {
            assert_eq!(split_stage(path), expected, "{path}");
        }
    }
}
