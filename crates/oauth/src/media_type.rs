//! The one media type of a token request.
//!
//! Framework extractors look for a prefix and so take `application/x-www-form-urlencodedx` or a list of types for it.
//! Here it is read as RFC 9110 §8.3.1 writes it.

/// Whether `content_type` is `application/x-www-form-urlencoded`, alone or with `charset=utf-8`.
///
/// Any other parameter or charset is refused: it would say that the bytes mean something else.
pub(crate) fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim_matches([' ', '\t']));
    let Some(essence) = parts.next() else { return false };
    if !essence.eq_ignore_ascii_case(FORM) {
        return false;
    }
    // RFC 9110 §5.6.6 lets a parameter be empty, as in a trailing semicolon.
    let mut parameters = parts.filter(|part| !part.is_empty());
    let charset = parameters.next();
    parameters.next().is_none() && charset.is_none_or(is_utf8)
}

fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
}

const FORM: &str = "application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_type_is_accepted_with_its_one_charset() {
        let types = [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded",
            " application/x-www-form-urlencoded\t",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; Charset=\"utf-8\"",
            "application/x-www-form-urlencoded;",
        ];
        for content_type in types {
            assert!(is_form(content_type), "{content_type}");
        }
    }

    #[test]
    fn lists_look_alikes_and_other_parameters_are_refused() {
        let types = [
            "",
            ";",
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencodedx",
            "xapplication/x-www-form-urlencoded",
            "application/x-www-form-urlencoded, application/json",
            "application/x-www-form-urlencoded,application/x-www-form-urlencoded",
            "application/json;application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded charset=utf-8",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-www-form-urlencoded; charset=iso-8859-1",
            "application/x-www-form-urlencoded; charset=",
            "application/x-www-form-urlencoded; charset",
            "application/x-www-form-urlencoded; charset = utf-8",
            "application/x-www-form-urlencoded; charset=\"utf-8",
            "application/x-www-form-urlencoded; charset=utf-8; charset=utf-8",
            "application/x-www-form-urlencoded; charset=utf-8, text/plain",
            "application/x-www-form-urlencoded; boundary=x",
            "application/x-www-form-urlencoded\u{a0}",
        ];
        for content_type in types {
            assert!(!is_form(content_type), "{content_type}");
        }
    }
}
