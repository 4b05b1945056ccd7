//! The real program before a stand-in for Lambda's API: whose credentials it signs with, and what its clients get.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::ARN;
use crate::harness::{Place, Server, get};

const GRANT: &str = "grant_type=client_credentials";
const ACCESS_KEY: &str = "AKIDOFTHETEST";
const SECRET_KEY: &str = "a-secret-access-key-of-nobody";
const SESSION_TOKEN: &str = "a-session-token-of-nobody";
const TOKEN: &str = "a-token-from-far-away";

/// What Lambda was sent.
struct Sent {
    head: String,
    payload: Value,
}

impl Sent {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

/// A stand-in for Lambda's API that gives each of `answers` once, in their order: extra headers with the status line, and
/// the body.
fn lambda(answers: Vec<(&'static str, String)>) -> (String, mpsc::Receiver<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for (head, body) in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            tell.send(receive(&mut reader)).unwrap();
            let length = body.len();
            write!(reader.get_mut(), "HTTP/1.1 {head}\r\nx-amzn-RequestId: an-id-of-aws\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    (url, told)
}

fn receive(reader: &mut BufReader<TcpStream>) -> Sent {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut off: {head}");
    }
    let sent = Sent { head, payload: Value::Null };
    let mut body = vec![0; sent.header("content-length").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Sent { payload: serde_json::from_slice(&body).unwrap(), ..sent }
}

/// The reply of a broker that grants.
fn granted() -> (&'static str, String) {
    let body = json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600 }).to_string();
    ("200 OK", json!({ "statusCode": 200, "body": body }).to_string())
}

/// The program with everything logged, and with nothing of AWS in its environment but what `add` puts there.
fn up(place: &Place, add: impl FnOnce(&mut Command)) -> Server {
    let mut command = place.command(&["up", "--json"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("HOME", place.root())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("TOKEN_BROKER_LOG", "trace");
    add(&mut command);
    place.up_by(command)
}

fn with_keys(command: &mut Command) {
    command
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_SESSION_TOKEN", SESSION_TOKEN);
}

#[test]
fn token_of_a_function_on_aws_comes_back_and_its_secrets_are_written_nowhere() {
    let (endpoint, told) = lambda(vec![granted()]);
    let place = super::place(&format!(", endpoint: \"{endpoint}\""));
    let server = up(&place, with_keys);
    assert_eq!((&server.endpoints["issuer"], &server.endpoints["jwks_uri"]), (&Value::Null, &Value::Null));
    let key = place.read(".token-broker/keys/billing");
    let (status, body) = server.token(&key, GRANT);
    assert_eq!((status, &body["access_token"]), (200, &TOKEN.into()), "{body}");

    let sent = told.recv().unwrap();
    let path = ARN.replace(':', "%3A");
    assert!(
        sent.head.starts_with(&format!("POST /2015-03-31/functions/{path}/invocations HTTP/1.1")),
        "{}",
        sent.head
    );
    let authorization = sent.header("authorization").unwrap();
    assert!(authorization.contains(&format!("Credential={ACCESS_KEY}/")), "{authorization}");
    assert!(authorization.contains("/eu-central-1/lambda/aws4_request"), "{authorization}");
    assert_eq!(sent.header("x-amz-security-token"), Some(SESSION_TOKEN));
    assert_eq!(sent.payload["body"], GRANT);
    let ids: Value = serde_json::from_str(&place.run(&["keys", "list", "--json"]).ok()).unwrap();
    let key_id = &sent.payload["requestContext"]["identity"]["apiKeyId"];
    assert!(ids.to_string().contains(&key_id.to_string()), "{key_id} is not in {ids}");

    let (_, metrics) = get(&format!("{}/metrics", server.url("admin")));
    assert!(!metrics.contains("token_broker_function_"), "{metrics}");
    let (code, said) = server.stop("-TERM");
    assert_eq!(code, Some(0));
    let logs =
        ["access.log", "audit.log"].map(|name| place.read(&format!(".token-broker/logs/{name}"))).concat();
    for secret in [SECRET_KEY, SESSION_TOKEN, ACCESS_KEY, TOKEN, &key] {
        assert!(!said.contains(secret) && !logs.contains(secret), "{secret} was written");
    }
}

#[test]
fn credentials_of_a_profile_are_taken_from_the_files_of_the_aws_tools() {
    let (endpoint, told) = lambda(vec![granted()]);
    let place = super::place(&format!(", endpoint: \"{endpoint}\""));
    let profiles = format!(
        "[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n\
         [edge]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    );
    std::fs::write(place.path("credentials"), profiles).unwrap();
    let server = up(&place, |command| {
        command.env("AWS_SHARED_CREDENTIALS_FILE", place.path("credentials")).env("AWS_PROFILE", "edge");
    });
    assert_eq!(server.token(&place.read(".token-broker/keys/billing"), GRANT).0, 200);
    let sent = told.recv().unwrap();
    assert!(sent.header("authorization").unwrap().contains(&format!("Credential={ACCESS_KEY}/")));
    assert_eq!(sent.header("x-amz-security-token"), None);
}

#[test]
fn what_goes_wrong_on_aws_is_an_error_of_the_server_and_for_the_log_alone() {
    let (endpoint, told) = lambda(vec![
        (
            "404 Not Found\r\nx-amzn-ErrorType: ResourceNotFoundException",
            r#"{"Message":"Function not found"}"#.into(),
        ),
        (
            "429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException",
            r#"{"Message":"Rate Exceeded."}"#.into(),
        ),
        ("200 OK\r\nX-Amz-Function-Error: Unhandled", r#"{"errorMessage":"Task timed out"}"#.into()),
        ("200 OK", r#"{"access_token":"bare"}"#.into()),
        granted(),
    ]);
    let place = super::place(&format!(", endpoint: \"{endpoint}\""));
    let server = up(&place, with_keys);
    let key = place.read(".token-broker/keys/billing");
    for status in [500, 500, 502, 502] {
        let (answered, body) = server.token(&key, GRANT);
        assert_eq!((answered, &body["error"]), (status, &"server_error".into()), "{body}");
        assert!(
            !["not found", "Rate", "timed out", "aws", "bare"]
                .iter()
                .any(|text| body.to_string().contains(text))
        );
        // Once each: had it been asked again, the next answer would have been used up.
        assert_eq!(told.recv().unwrap().payload["body"], GRANT);
    }
    assert_eq!(server.token(&key, GRANT).0, 200);
    let (_, said) = server.stop("-TERM");
    for line in ["Function not found", "Rate Exceeded.", "the function on AWS failed", "an-id-of-aws"] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
}

#[test]
fn without_credentials_the_log_says_where_to_look() {
    let (endpoint, _told) = lambda(vec![]);
    let place = super::place(&format!(", endpoint: \"{endpoint}\", timeout: 20s"));
    let server = up(&place, |_| {});
    let (status, body) = server.token(&place.read(".token-broker/keys/billing"), GRANT);
    assert_eq!((status, &body["error"]), (500, &"server_error".into()), "{body}");
    let (_, said) = server.stop("-TERM");
    assert!(said.contains("aws sts get-caller-identity"), "{said}");
}
