//! What a function replies, and what becomes of it at the front door.

use lambda::{InvokeError, ProxyReply};

use crate::front_door::{self, KEY, Setup};
use crate::wire::{self, Answer};
use crate::{Broken, Kept};

/// A reply is read as it is written, and its answer is one answer: what a function says can end neither a header nor the
/// message, nor speak for the front door.
pub(crate) fn check(input: &[u8]) -> Kept {
    let read = ProxyReply::from_json(input);
    if let Ok(reply) = &read {
        let again = ProxyReply::from_json(&reply.to_json());
        keep!(again.as_ref() == Ok(reply), "another reply is read");
    }
    let setup = Setup { outcome: read.clone().map_err(InvokeError::Malformed), ..Setup::default() };
    let request = format!("POST /dev/oauth2/token HTTP/1.1\r\nhost: a\r\nx-api-key: {KEY}\r\n\r\n");
    let seen = front_door::run(&setup, &[request.as_bytes()])?;
    let answers = wire::answers(&seen.answered)?;
    let [answer] = answers.as_slice() else {
        return Err(Broken::new(format!("{} answers to one request", answers.len())));
    };
    let Answer { status, headers, body } = answer;
    for name in ["x-amzn-requestid", "x-amz-apigw-id", "date"] {
        keep!(headers.one(name).is_some(), "{name} stands {} times", headers.all(name).len());
    }
    for name in ["transfer-encoding", "upgrade", "trailer", "server"] {
        keep!(headers.all(name).is_empty(), "{name} is a function's to say");
    }
    keep!(headers.all("content-length").len() <= 1, "two lengths");
    match read {
        Err(_) => keep!(*status == 502, "a malformed reply is answered with {status}"),
        Ok(_) if *status == 502 => {}
        Ok(reply) => {
            keep!(*status == reply.status, "{} is answered with {status}", reply.status);
            let is_bodiless = matches!(status, 204 | 304);
            keep!(is_bodiless || *body == reply.body.as_bytes(), "the body is another one");
            is_of(answer, &reply)?;
        }
    }
    Ok(())
}

/// Every header of the answer that the front door does not write itself is one of the reply.
fn is_of(answer: &Answer<'_>, reply: &ProxyReply) -> Kept {
    let single = reply.headers.iter().map(|(name, value)| (name, value));
    let multi = reply
        .multi_value_headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let said: Vec<_> = single.chain(multi).collect();
    for (name, value) in answer.headers.iter() {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let plain = name.strip_prefix("x-amzn-remapped-").unwrap_or(&name);
        let is_said =
            said.iter().any(|(own, text)| own.eq_ignore_ascii_case(plain) && trimmed(text) == value);
        keep!(is_said || OWN.contains(&name.as_str()), "{name} comes from nowhere");
    }
    Ok(())
}

fn trimmed(text: &str) -> &[u8] {
    text.trim_matches([' ', '\t']).as_bytes()
}

/// What the front door writes itself.
const OWN: [&str; 7] = [
    "x-amzn-requestid",
    "x-amz-apigw-id",
    "x-amzn-trace-id",
    "content-type",
    "content-length",
    "date",
    "connection",
];
