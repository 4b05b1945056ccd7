//! Who asks for a token: client authentication by HTTP Basic or in the body (RFC 6749 §2.3.1), never both.
//!
//! Libraries disagree on whether id and secret are form-encoded before they go into Basic; the RFC says yes, most say
//! no. The pair is tried as it stands first, then decoded: decoding alone would make a space of every raw `+`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap};
use oauth::{ErrorCode, Form};
use zeroize::Zeroizing;

use crate::app_client::{AppClients, KnownClient};

/// The app client that `headers` and `form` prove to be asking.
pub(crate) fn app_client<'a>(
    clients: &'a AppClients,
    headers: &HeaderMap,
    form: &Form<'_>,
) -> Result<&'a KnownClient, ErrorCode> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let client = match (authorizations.next(), authorizations.next()) {
        (None, _) => by_body(clients, form)?,
        (Some(header), None) if form.value("client_secret").is_none() => {
            by_basic(clients, header.to_str().unwrap_or_default()).ok_or(ErrorCode::InvalidClient)?
        }
        // RFC 6749 §2.3: a client must not use more than one way at once.
        (Some(_), _) => return Err(ErrorCode::InvalidRequest),
    };
    // Beside Basic the body may repeat the id, but not name somebody else.
    match form.value("client_id") {
        Some(id) if id != client.id.as_str() => Err(ErrorCode::InvalidRequest),
        _ => Ok(client),
    }
}

fn by_body<'a>(clients: &'a AppClients, form: &Form<'_>) -> Result<&'a KnownClient, ErrorCode> {
    let id = form.value("client_id").ok_or(ErrorCode::InvalidRequest)?;
    let secret = form.value("client_secret").ok_or(ErrorCode::InvalidClient)?;
    clients.recognize(id, secret).ok_or(ErrorCode::InvalidClient)
}

fn by_basic<'a>(clients: &'a AppClients, header: &str) -> Option<&'a KnownClient> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?);
    // RFC 7617 §2: an id has no colon, so the first one ends it.
    let (id, secret) = str::from_utf8(&pair).ok()?.split_once(':')?;
    clients.recognize(id, secret).or_else(|| clients.recognize(&form_decoded(id)?, &form_decoded(secret)?))
}

/// `text` without its form encoding; none if it could not have been encoded, because `&` or `=` stand in it.
fn form_decoded(text: &str) -> Option<Zeroizing<String>> {
    if text.contains(['&', '=']) {
        return None;
    }
    let (decoded, _nothing) = form_urlencoded::parse(text.as_bytes()).next()?;
    Some(Zeroizing::new(decoded.into_owned()))
}
