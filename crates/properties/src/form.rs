//! The form of a token request, held against the WHATWG reader and the rules on top of it.
//!
//! The first line is the `Content-Type`, what follows it the body.

use oauth::{Form, RequestError, RequestedGrant, ScopeSet, TokenRequest};
use percent_encoding::percent_decode;

use crate::{Broken, Kept};

/// A form is read exactly when nothing in it must be guessed, and then as every other reader reads it.
pub(crate) fn check(input: &[u8]) -> Kept {
    let (content_type, body) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (input.get(..end), input.get(end + 1..).unwrap_or_default()),
        None => (None, input),
    };
    let content_type = content_type.and_then(|text| str::from_utf8(text).ok());
    let expected = content_type.filter(|text| is_form(text)).and_then(|_| plain(body));
    let form = Form::read(content_type, body);
    keep!(form.is_ok() == expected.is_some(), "read: {form:?}, expected: {}", expected.is_some());
    let request = TokenRequest::parse(content_type, body);
    let (Ok(form), Some(pairs)) = (form, expected) else {
        keep!(matches!(request, Err(RequestError::Form(_))), "no form, but {request:?}");
        return Ok(());
    };
    for (name, value) in &pairs {
        let own = form.value(name);
        keep!(own == some(value), "`{name}` is {own:?} and not {value:?}");
    }
    let whatwg: Vec<_> =
        form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    keep!(whatwg == pairs, "other readers see {whatwg:?} and not {pairs:?}");
    keep!(format!("{form:?}") == format!("Form({} parameters)", pairs.len()), "debug shows {form:?}");
    same_request(&pairs, request)
}

/// The request says what the parameters say, and no more.
fn same_request(pairs: &[(String, String)], request: Result<TokenRequest, RequestError>) -> Kept {
    let value =
        |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| some(value));
    let scopes = value("scope").map(str::parse::<ScopeSet>).transpose();
    match request {
        Ok(TokenRequest { grant, scopes: own }) => {
            let name = value("grant_type").ok_or_else(|| Broken::new("a request without a grant"))?;
            keep!(grant == RequestedGrant::named(name), "the grant is not {name:?}");
            keep!(Ok(own) == scopes, "the scopes are not {scopes:?}");
            let changes = value("aws_client_metadata").or_else(|| value("resource"));
            keep!(changes.is_none(), "a parameter that changes the token was passed over");
        }
        Err(error) => {
            let reply = error.reply().to_json();
            let json: serde_json::Value =
                serde_json::from_str(&reply).map_err(|error| Broken::by(&reply, error))?;
            keep!(json.as_object().is_some_and(|members| members.len() == 2), "{reply}");
            let is_whole = value("grant_type").is_some() && scopes.is_ok();
            let is_plain = value("aws_client_metadata").is_none() && value("resource").is_none();
            keep!(!(is_whole && is_plain), "refused for no reason: {error}");
        }
    }
    Ok(())
}

/// The parameters, if all of them are as RFC 6749 and the WHATWG want them.
fn plain(body: &[u8]) -> Option<Vec<(String, String)>> {
    let pieces = body.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let mut pairs: Vec<(String, String)> = Vec::new();
    for piece in pieces {
        let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
        let (name, value) = piece.split_at_checked(equals)?;
        let pair = (decoded(name)?, decoded(value.get(1..).unwrap_or_default())?);
        if pair.0.is_empty() || pairs.iter().any(|(own, _)| *own == pair.0) {
            return None;
        }
        pairs.push(pair);
    }
    (body.len() <= 32 * 1024 && pairs.len() <= 32).then_some(pairs)
}

fn decoded(part: &[u8]) -> Option<String> {
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if [a, b].iter().all(|digit| digit.is_ascii_hexdigit()));
    if !part.split(|byte| *byte == b'%').skip(1).all(is_escape) {
        return None;
    }
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().ok()?.into_owned();
    (!text.chars().any(char::is_control)).then_some(text)
}

/// RFC 9110 §8.3.1, with no parameter but the one charset that there is.
fn is_form(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let mut parts = lower.split(';').map(|part| part.trim_matches([' ', '\t']));
    let is_type = parts.next() == Some("application/x-www-form-urlencoded");
    let rest: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    is_type && matches!(rest.as_slice(), [] | ["charset=utf-8" | "charset=\"utf-8\""])
}

fn some(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}
