//! `tracestate` of W3C Trace Context: what other tracers along the way want to find again.
//!
//! It is carried and never read. What is not exactly what the specification allows, or is long, is dropped as a whole, as the
//! specification has it: <https://www.w3.org/TR/trace-context/#tracestate-header>.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// The list of all `tracestate` fields together, if it is one.
pub(super) fn read(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut members: Vec<&str> = Vec::new();
    let mut length = 0;
    for value in headers.get_all(&TRACESTATE) {
        for member in value.to_str().ok()?.split(',').map(trimmed).filter(|member| !member.is_empty()) {
            let (key, _) = member.split_once('=').filter(|(key, value)| is_key(key) && is_value(value))?;
            let is_known = |known: &&str| known.split_once('=').is_some_and(|(known, _)| known == key);
            length += member.len() + 1;
            if members.iter().any(is_known) || members.len() == MOST_MEMBERS || length > MOST_BYTES {
                return None;
            }
            members.push(member);
        }
    }
    (!members.is_empty()).then(|| members.join(",").into())
}

fn trimmed(member: &str) -> &str {
    member.trim_matches([' ', '\t'])
}

/// A name, or a tenant and a system.
fn is_key(key: &str) -> bool {
    let is_part = |part: &str, most: usize, first: fn(u8) -> bool| {
        let is_rest =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        (1..=most).contains(&part.len())
            && part.bytes().next().is_some_and(first)
            && part.bytes().all(is_rest)
    };
    match key.split_once('@') {
        None => is_part(key, 256, |byte| byte.is_ascii_lowercase()),
        Some((tenant, system)) => {
            is_part(tenant, 241, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && is_part(system, 14, |byte| byte.is_ascii_lowercase())
        }
    }
}

/// Printable, without what separates members, and not ending with a space.
fn is_value(value: &str) -> bool {
    let is_plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_plain) && !value.ends_with(' ')
}

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Of the specification.
const MOST_MEMBERS: usize = 32;
/// As much as the specification asks everybody to carry at least.
const MOST_BYTES: usize = 513;

#[cfg(test)]
mod tests {
    use super::*;

    fn state(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACESTATE, value.parse().unwrap());
        }
        read(&headers).map(|state| state.to_string())
    }

    #[test]
    fn list_is_carried_as_it_is_and_several_fields_are_one() {
        assert_eq!(
            state(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]).unwrap(),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
        );
        assert_eq!(state(&["a=1 , ,b=2", "0tenant@system=x y!"]).unwrap(), "a=1,b=2,0tenant@system=x y!");
    }

    #[test]
    fn list_that_is_none_is_dropped_as_a_whole() {
        let long = format!("a={}", "1".repeat(257));
        let many = (0..33).map(|member| format!("a{member}=1")).collect::<Vec<_>>().join(",");
        let all = format!("a={},b={}", "1".repeat(256), "1".repeat(256));
        for wrong in [
            "", " , ", "a", "a=", "=1", "A=1", "a=1,a=2", "a=1=2", "1a=1", "a@=1", "@a=1", "a b=1", "a=\t",
            "a@1=1", &long, &many, &all,
        ] {
            assert_eq!(state(&[wrong]), None, "{wrong}");
            assert_eq!(
                state(&["ok=1", wrong]).is_some(),
                wrong.trim_matches([' ', ',']).is_empty(),
                "{wrong}"
            );
        }
        assert!(
            state(&[&(0..32).map(|member| format!("a{member}=1")).collect::<Vec<_>>().join(",")]).is_some()
        );
    }
}
