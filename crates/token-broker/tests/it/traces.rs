//! Spans on their way to a collector: sent by a build that can, refused by any other. What is in them, the tests under
//! `tests/clients/otlp` look at.

use crate::harness::{DEFINITION, Place};

/// A definition that asks for spans.
fn definition(settings: &str) -> String {
    DEFINITION.replace("  local: { ", &format!("  local: {{ traces: {{ {settings} }}, "))
}

fn place(settings: &str) -> Place {
    Place::with(&definition(settings))
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
    use std::process::{Child, ChildStdout, Command, Stdio};

    use super::{definition, place};
    use crate::harness::{DEFINITION, Place, get};
    use crate::tls::authority::Authority;

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

    /// A collector by HTTPS: it says where it is, and then the header `authorization` of each batch.
    const SECURED: &str = r#"
import http.server, ssl
class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        length = len(self.rfile.read(int(self.headers["content-length"])))
        print(self.path, self.headers["content-type"], self.headers["authorization"], length > 100, flush=True)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("tls/collector.pem", "tls/collector.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(f"https://localhost:{server.server_port}", flush=True)
server.serve_forever()
"#;

    struct Secured {
        process: Child,
        said: BufReader<ChildStdout>,
    }

    impl Secured {
        /// A collector with a certificate that an authority of its own has signed, and where it is.
        fn start(place: &Place) -> (Self, String) {
            std::fs::create_dir(place.path("tls")).unwrap();
            Authority::new(place, "collectors").sign("collector", "/CN=a collector", 0x2001);
            let mut python = Command::new("python3");
            python.args(["-c", SECURED]).current_dir(place.root()).stdout(Stdio::piped());
            let mut process = python.spawn().unwrap();
            let said = BufReader::new(process.stdout.take().unwrap());
            let mut secured = Self { process, said };
            let url = secured.line();
            (secured, url)
        }

        fn line(&mut self) -> String {
            let mut line = String::new();
            self.said.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }
    }

    impl Drop for Secured {
        fn drop(&mut self) {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }

    const SECRET: &str = "c2VjcmV0LW9mLXRoZS1jb2xsZWN0b3I";

    fn write_headers(place: &Place, secret: &str) {
        std::fs::write(place.path("secret-headers"), format!("authorization: Bearer {secret}\n")).unwrap();
    }

    #[test]
    fn collector_by_https_is_known_by_its_authority_and_told_its_headers() {
        let place = place("");
        let (mut collector, url) = Secured::start(&place);
        Authority::new(&place, "others");
        let settings = |ca: &str| {
            format!("endpoint: \"{url}\", ca: tls/{ca}.pem, headers_file: secret-headers, one_in: 1")
        };
        let key = || place.read(".token-broker/keys/billing");

        // Somebody else has signed its certificate than it should be: it is told nothing.
        write_headers(&place, "of-the-collector-that-was-meant");
        std::fs::write(place.path("token-broker.yaml"), definition(&settings("others"))).unwrap();
        let mut server = place.up(&[]);
        assert_eq!(server.token(&key(), GRANT).0, 200);
        server.wait_for_log("TLS cannot be spoken with it: invalid peer certificate");
        assert_eq!(server.stop("-TERM").0, Some(0));

        write_headers(&place, SECRET);
        std::fs::write(place.path("token-broker.yaml"), definition(&settings("collectors"))).unwrap();
        place.run(&["config", "check"]).ok();
        let mut command = place.command(&["up", "--json"]);
        // The same place by another spelling is no other collector.
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{url}/"));
        let server = place.up_by(command);
        assert_eq!(server.token(&key(), GRANT).0, 200);
        assert_eq!(collector.line(), format!("/v1/traces application/x-protobuf Bearer {SECRET} True"));
    }

    #[test]
    fn headers_go_to_no_other_collector_than_the_definitions() {
        let place = place("endpoint: \"https://collector.example.com\", headers_file: secret-headers");
        write_headers(&place, SECRET);
        let refused = place.run(&["up", "--otlp-endpoint", "http://127.0.0.1:4318"]).failed();
        assert!(refused.contains("headers_file") && refused.contains("names another"), "{refused}");
    }

    #[test]
    fn files_of_the_way_to_the_collector_are_checked_before_anything_starts() {
        for (settings, said) in [
            ("ca: gone.pem", "`gone.pem` cannot be read"),
            ("ca: token-broker.yaml", "`token-broker.yaml` has no certificate of an authority in PEM"),
            ("headers_file: gone", "headers cannot be read from `gone`"),
            ("headers_file: secret-lines", "line 2: there is no colon; write `name: value`"),
        ] {
            let place = place(&format!("endpoint: \"https://collector.example.com\", {settings}"));
            std::fs::write(place.path("secret-lines"), format!("x-scope-orgid: a\n{SECRET}\n")).unwrap();
            for arguments in [&["config", "check"][..], &["up"]] {
                let refused = place.run(arguments).failed();
                assert!(refused.contains(said), "{refused}");
            }
        }
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
