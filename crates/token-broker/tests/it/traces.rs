//! Spans on their way to a collector: sent by a build that can, refused by any other. What is in them, the tests under
//! `tests/clients/otlp` look at.

use crate::harness::{DEFINITION, Place};

/// A definition that asks for spans.
fn place(settings: &str) -> Place {
    Place::with(&DEFINITION.replace("  local: { ", &format!("  local: {{ traces: {{ {settings} }}, ")))
}

#[cfg(not(feature = "otlp"))]
#[test]
fn build_without_spans_says_which_one_has_them() {
    let place = place("");
    for arguments in [&["config", "check"][..], &["up"]] {
        let said = place.run(arguments).failed();
        assert!(said.contains("homes.local.traces") && said.contains("--features otlp"), "{said}");
    }
}

#[cfg(feature = "otlp")]
mod sent {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;

    use super::place;
    use crate::harness::{DEFINITION, Place, get};

    const GRANT: &str = "grant_type=client_credentials";

    /// A collector that takes one batch, and gives back what was sent.
    fn collector() -> (String, std::thread::JoinHandle<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taking = std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = said.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            (head, body)
        });
        (format!("http://{address}"), taking)
    }

    fn contains(body: &[u8], part: &[u8]) -> bool {
        body.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn last_spans_are_sent_while_the_program_stops() {
        let (url, taking) = collector();
        let place = place(&format!("endpoint: \"{url}\", one_in: 1"));
        let server = place.up(&[]);
        let key = place.read(".token-broker/keys/billing");
        assert_eq!(server.token(&key, GRANT).0, 200);
        let (code, said) = server.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
        let (head, body) = taking.join().unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        for name in
            ["token-broker", "POST /oauth2/token", "admit", "invoke", "broker", "request_token", "billing"]
        {
            assert!(contains(&body, name.as_bytes()), "{name}");
        }
        assert!(!contains(&body, key.trim_end().as_bytes()));
    }

    #[test]
    fn environment_says_where_and_the_definition_whether() {
        let (url, taking) = collector();
        let place = place("endpoint: \"http://127.0.0.1:1\", one_in: 1");
        let mut command = place.command(&["up", "--json"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
        let server = place.up_by(command);
        let key = place.read(".token-broker/keys/billing");
        assert_eq!(server.token(&key, GRANT).0, 200);
        assert!(contains(&taking.join().unwrap().1, b"POST /oauth2/token"));
        drop(server);

        let silent = Place::with(DEFINITION);
        let mut command = silent.command(&["up", "--json"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
        let server = silent.up_by(command);
        assert!(!get(&format!("{}/metrics", server.url("admin"))).1.contains("spans"));
    }

    #[test]
    fn collector_that_cannot_be_one_stops_the_start_and_no_password_is_repeated() {
        let place = place("");
        for (url, said) in [
            ("http://collector.example.com:4318", "`collector.example.com` must be asked by `https`"),
            ("http://user:hunter2@127.0.0.1:4318", "must not contain a user name or a password"),
            ("nonsense", "no URL of a collector"),
        ] {
            let mut command = place.command(&["up"]);
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
            let refused = crate::harness::Run::from(command.output().unwrap()).failed();
            assert!(refused.contains(said) && !refused.contains("hunter2"), "{refused}");
        }
    }
}
