//! What the front door answers, and what holds for every answer.

use std::io::Read as _;
use std::net::TcpStream;

use serde_json::Value;

use super::peer::CANARY;
use super::pool::SIGNATURE;

/// A request that is under way.
pub(super) struct Sent(pub(super) TcpStream);

impl Sent {
    pub(super) fn answer(mut self) -> Answer {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let answer = Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {text}")),
        };
        answer.check();
        answer
    }
}

/// What a client is told.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    body: Value,
}

impl Answer {
    /// The token that was granted.
    pub(super) fn token(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["access_token"].as_str().unwrap()
    }

    /// The error code; `-` if there is none.
    pub(super) fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or("-")
    }

    /// In how many seconds to come back.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").map(|seconds| seconds.parse().unwrap())
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
        let mut values = headers.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// What holds for every answer (RFC 6749 §5.1 and §5.2).
    fn check(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("pragma"), Some("no-cache"), "{self:?}");
        assert!(self.header("content-type").unwrap().starts_with("application/json"), "{self:?}");
        assert_eq!(self.header("set-cookie"), None, "{self:?}");
        let members: Vec<_> = self.body.as_object().unwrap().keys().map(String::as_str).collect();
        if self.status == 200 {
            assert_eq!(members, ["access_token", "expires_in", "token_type"], "{self:?}");
            assert!(
                self.token().ends_with(SIGNATURE) && self.body["expires_in"].as_u64().unwrap() > 0,
                "{self:?}"
            );
        } else {
            assert_eq!(members, ["error", "error_description"], "{self:?}");
            let code = if self.status == 503 { "temporarily_unavailable" } else { "server_error" };
            assert_eq!(self.error(), code, "{self:?}");
            assert_eq!(self.retry_after().is_some(), self.status == 503, "{self:?}");
            assert_none(&format!("{self:?}"), SIGNATURE);
        }
        assert_nothing_of_the_peer(&format!("{self:?}"));
    }
}

/// Sees that nothing of what peers say was repeated.
pub(super) fn assert_nothing_of_the_peer(said: &str) {
    for word in [CANARY, "internal-batch", "a1B2c3D4e", "prod-eu-7"] {
        assert_none(said, word);
    }
}

/// Sees that `word` is in no line of `said`.
pub(super) fn assert_none(said: &str, word: &str) {
    let found = said.lines().find(|line| line.contains(word));
    assert_eq!(found, None, "`{word}` was said");
}
