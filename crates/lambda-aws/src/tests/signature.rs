//! Signature Version 4 as AWS's documentation describes it, made again from what was sent.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use http::request::Parts;

/// The headers that the signature covers. Fails if it is not that of `secret_key`.
pub(super) fn verify(head: &Parts, body: &[u8], secret_key: &str) -> Vec<String> {
    let authorization = head.headers["authorization"].to_str().unwrap();
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let part = |name: &str| {
        let part = rest.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        part.unwrap_or_else(|| panic!("no {name} in {authorization}"))
    };
    let (_, scope) = part("Credential").split_once('/').unwrap();
    let signed: Vec<_> = part("SignedHeaders").split(';').map(str::to_owned).collect();
    let canonical = canonical_request(head, body, &signed);
    let date = head.headers["x-amz-date"].to_str().unwrap();
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
    let key = scope.split('/').fold(format!("AWS4{secret_key}").into_bytes(), |key, part| mac(&key, part));
    assert_eq!(part("Signature"), hex(&mac(&key, &to_sign)), "the signature is wrong");
    assert!(date.starts_with(scope.split('/').next().unwrap()), "{scope} is not of {date}");
    signed
}

fn canonical_request(head: &Parts, body: &[u8], signed: &[String]) -> String {
    let mut text = String::new();
    // Every service but S3 has what stands in the path escaped once more.
    writeln!(text, "{}\n{}", head.method, head.uri.path().replace('%', "%25")).unwrap();
    writeln!(text, "{}", head.uri.query().unwrap_or_default()).unwrap();
    for name in signed {
        writeln!(text, "{name}:{}", head.headers[name.as_str()].to_str().unwrap().trim()).unwrap();
    }
    write!(text, "\n{}\n{}", signed.join(";"), hex(digest(&SHA256, body).as_ref())).unwrap();
    text
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
