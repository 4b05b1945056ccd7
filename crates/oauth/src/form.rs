//! A strict reader of `application/x-www-form-urlencoded` bodies.
//!
//! What it accepts means the same as in the WHATWG parser; what that parser would mend or guess (a broken escape, bytes
//! that are no UTF-8) it refuses, and so it does control characters and repeated parameters, where two readers of one
//! body could see two requests. Size and number are bounded before any work is done.
//!
//! It does not know which parameters matter. Values may be secrets: `Debug` shows none, no error repeats any.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::media_type;

/// The parameters of a form body.
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Reads `body`, which `content_type` must declare as a form.
    pub fn read(content_type: Option<&str>, body: &'a [u8]) -> Result<Self, FormError> {
        if !content_type.is_some_and(media_type::is_form) {
            return Err(FormError::MediaType);
        }
        if body.len() > MAX_BYTES {
            return Err(FormError::TooLarge);
        }
        let mut form = Self { pairs: Vec::new() };
        for piece in body.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()) {
            form.add(piece)?;
        }
        Ok(form)
    }

    /// The value of the parameter `name`; none when it is absent or empty, which RFC 6749 §3.2 treats alike.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(own, _)| own == name)?;
        Some(value.as_ref()).filter(|value| !value.is_empty())
    }

    fn add(&mut self, piece: &'a [u8]) -> Result<(), FormError> {
        if self.pairs.len() == MAX_PARAMETERS {
            return Err(FormError::TooManyParameters);
        }
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        if name.is_empty() {
            return Err(FormError::Nameless);
        }
        // An empty parameter counts: RFC 6749 §3.2 forbids that one is *included* twice.
        if self.pairs.iter().any(|(own, _)| *own == name) {
            return Err(FormError::Repeated);
        }
        self.pairs.push((name, value));
        Ok(())
    }
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} parameters)", self.pairs.len())
    }
}

/// Why a body is no form. It never repeats a part of the body, which may hold a secret in any place.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FormError {
    /// The media type is missing or another one.
    #[error("the content type must be `application/x-www-form-urlencoded`")]
    MediaType,
    /// The body is longer than any token request needs.
    #[error("the body is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// There are more parameters than any token request needs.
    #[error("the body has more than {MAX_PARAMETERS} parameters")]
    TooManyParameters,
    /// A value without a name.
    #[error("a parameter has no name")]
    Nameless,
    /// A name that stands twice.
    #[error("a parameter is repeated")]
    Repeated,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("the body has a malformed percent-encoding")]
    Escape,
    /// Bytes that are no UTF-8.
    #[error("the body is not valid utf-8")]
    Utf8,
    /// NUL, a line break or another control character.
    #[error("the body has a control character")]
    Control,
}

fn decode(part: &[u8]) -> Result<Cow<'_, str>, FormError> {
    let text = if part.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        Cow::Owned(String::from_utf8(unescape(part)?).map_err(|_| FormError::Utf8)?)
    } else {
        Cow::Borrowed(str::from_utf8(part).map_err(|_| FormError::Utf8)?)
    };
    if text.contains(char::is_control) { Err(FormError::Control) } else { Ok(text) }
}

fn unescape(part: &[u8]) -> Result<Vec<u8>, FormError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
            other => *other,
        });
    }
    Ok(bytes)
}

fn hex(digit: Option<&u8>) -> Result<u8, FormError> {
    match digit {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(FormError::Escape),
    }
}

/// The largest body. A token request with fifty long scopes, every character escaped, stays below it.
const MAX_BYTES: usize = 32 * 1024;

/// The most parameters. OAuth and its extensions define about a dozen for a token request.
const MAX_PARAMETERS: usize = 32;

#[cfg(test)]
mod tests;
