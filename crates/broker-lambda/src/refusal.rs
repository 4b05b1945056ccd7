//! The answer where no broker could give one: the same shape, the same headers.

use std::time::Duration;

use ambient::whole_seconds;
use lambda::ProxyReply;
use oauth::{ErrorCode, ErrorReply};

/// 503: come back in a while.
pub(crate) fn unavailable() -> ProxyReply {
    let body =
        ErrorReply::new(ErrorCode::TemporarilyUnavailable, "no token can be issued at the moment").to_json();
    let headers = vec![
        ("Content-Type".into(), "application/json;charset=UTF-8".into()),
        ("Cache-Control".into(), "no-store".into()),
        ("Pragma".into(), "no-cache".into()),
        ("Retry-After".into(), whole_seconds(RETRY_AFTER).to_string().into()),
    ];
    ProxyReply { status: 503, headers, body: body.into(), ..ProxyReply::default() }
}

/// Longer than the bindings are left alone after they could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(2);
