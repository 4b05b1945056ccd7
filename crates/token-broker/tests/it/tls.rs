//! The front door behind TLS, as `openssl` and `curl` meet it: versions, protocols, certificates of both ends.

pub(crate) mod authority;
mod reload;
mod wire;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{DEFINITION, Place, Run, Server, get};
use authority::Authority;
use wire::Wire;

const GRANT: &str = "grant_type=client_credentials";

/// A definition with a certificate for `localhost`, and `further` fields of TLS.
fn definition(further: &str) -> String {
    let tls = format!("tls: {{ certificate: tls/server.pem, key: tls/server.key{further} }}");
    DEFINITION.replace("homes:\n  local: { ", &format!("homes:\n  local: {{ {tls}, "))
}

/// A place with a server's certificate, and who signed it.
fn place(definition: &str) -> (Place, Authority) {
    let place = Place::with(definition);
    std::fs::create_dir(place.path("tls")).unwrap();
    let authority = Authority::new(&place, "servers");
    authority.sign("server", "/CN=a server", 0x1001);
    (place, authority)
}

fn address(server: &Server) -> String {
    server.url("invoke_url").strip_prefix("https://").unwrap().split('/').next().unwrap().to_owned()
}

/// What `openssl s_client` says of a connection on which `input` is sent.
fn s_client(place: &Place, server: &Server, arguments: &[&str], input: &str) -> String {
    let script = format!(
        "printf '{input}' | openssl s_client -connect {} -CAfile tls/servers.pem \"$@\"",
        address(server)
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).args(arguments).current_dir(place.root());
    let Run { stdout, stderr, .. } = Run::from(command.output().unwrap());
    assert!(!stderr.contains("not found"), "openssl is needed: {stderr}");
    stdout + &stderr
}

/// What `curl` got for a token request.
struct Fetched {
    /// The status and the version of HTTP.
    outcome: String,
    body: String,
    code: Option<i32>,
}

fn curl(place: &Place, server: &Server, arguments: &[&str]) -> Fetched {
    let key = place.read(".token-broker/keys/billing");
    let url = server.url("invoke_url").replace("127.0.0.1", "localhost");
    let mut command = Command::new("curl");
    command.args(["-sS", "--ipv4", "--cacert", "tls/servers.pem", "-w", "\n%{http_code} %{http_version}"]);
    command.args(["-H", &format!("x-api-key: {}", key.trim()), "-d", GRANT]).args(arguments).arg(url);
    let Run { stdout, code, .. } = Run::from(command.current_dir(place.root()).output().unwrap());
    let (body, outcome) = stdout.rsplit_once('\n').unwrap();
    Fetched { outcome: outcome.to_owned(), body: body.to_owned(), code }
}

fn metric(server: &Server, line: &str) -> String {
    let (_, text) = get(&format!("{}/metrics", server.url("admin")));
    let value = text.lines().find_map(|own| own.strip_prefix(line)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {line} in {text}")).to_owned()
}

#[test]
fn openssl_speaks_both_versions_and_nothing_older() {
    let (place, _) = place(&definition(""));
    let server = place.up(&[]);
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        for (offered, agreed) in [
            (&["-alpn", "h2,http/1.1"][..], "ALPN protocol: h2"),
            (&["-alpn", "http/1.1"], "ALPN protocol: http/1.1"),
            (&[], "No ALPN negotiated"),
        ] {
            let arguments = [&[version, "-verify_return_error"][..], offered].concat();
            let said = s_client(&place, &server, &arguments, "");
            for expected in
                [format!("New, {name}, Cipher is"), agreed.to_owned(), "Verification: OK".to_owned()]
            {
                assert!(said.contains(&expected), "{version} {offered:?}: no {expected} in {said}");
            }
            assert!(!said.contains("New Session Ticket") && !said.contains("TLS session ticket"), "{said}");
        }
    }
    for old in ["-tls1_1", "-tls1"] {
        let said = s_client(&place, &server, &[old, "-cipher", "DEFAULT@SECLEVEL=0"], "");
        assert!(said.contains("Cipher is (NONE)") && said.contains("alert"), "{old}: {said}");
    }
    let said = s_client(&place, &server, &["-alpn", "spdy/3"], "");
    assert!(said.contains("alert no application protocol"), "{said}");
    let said = s_client(&place, &server, &["-tls1_2"], "R\\n");
    assert!(said.contains("RENEGOTIATING") && said.contains("error"), "{said}");
    assert_eq!(metric(&server, "token_broker_tls_handshake_failures_total{reason=\"incompatible\"}"), "2");
    assert_eq!(
        metric(&server, "token_broker_tls_handshake_failures_total{reason=\"no_application_protocol\"}"),
        "1"
    );
    assert_eq!(metric(&server, "token_broker_tls_handshakes_total{version=\"1.3\"}"), "3");
    assert_eq!(curl(&place, &server, &["--http1.1"]).outcome, "200 1.1");
    assert_eq!(curl(&place, &server, &[]).outcome, "200 2");
}

#[test]
fn newer_version_can_be_demanded() {
    let (place, _) = place(&definition(", min_version: \"1.3\""));
    let server = place.up(&[]);
    assert!(s_client(&place, &server, &["-tls1_2"], "").contains("alert"));
    assert!(s_client(&place, &server, &["-tls1_3"], "").contains("New, TLSv1.3"));
    assert_eq!(curl(&place, &server, &["--tls-max", "1.2"]).code, Some(35));
    assert_eq!(curl(&place, &server, &["--http1.1"]).outcome, "200 1.1");
}

#[test]
fn client_with_a_certificate_is_let_in_and_told_of_and_others_are_not() {
    let format = "$context.requestId $context.status $context.identity.clientCert.serialNumber \
                  $context.identity.clientCert.subjectDN $context.identity.clientCert.validity.notAfter";
    let definition = definition(", client_auth: required, client_ca: tls/clients.pem")
        .replace("api:\n", &format!("api:\n  access_log: {{ format: \"{format}\" }}\n"))
        .replace(
            "homes:\n  local: { ",
            "homes:\n  local: { function: { command: [python3, function.py], concurrency: 1, memory: 256 }, ",
        );
    let (place, _) = place(&definition);
    std::fs::write(place.path("function.py"), FUNCTION).unwrap();
    let clients = Authority::new(&place, "clients");
    clients.sign("client", "/C=DE/O=Example, Inc./CN=billing", 0x0a1b);
    let strangers = Authority::new(&place, "strangers");
    strangers.sign("stranger", "/CN=billing", 0x0a1c);
    let mut server = place.up(&["--log", "debug"]);
    let shown = ["--http1.1", "--cert", "tls/client.pem", "--key", "tls/client.key"];
    let Fetched { outcome, body, .. } = curl(&place, &server, &shown);
    assert_eq!(outcome, "200 1.1");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["subjectDN"], "CN=billing,O=Example\\, Inc.,C=DE");
    assert_eq!(told["issuerDN"], "CN=clients");
    assert_eq!(told["serialNumber"], "0a:1b");
    let pem = place.read("tls/client.pem");
    assert_eq!(told["clientCertPem"], pem.trim_end());
    for (member, option) in [("notBefore", "-startdate"), ("notAfter", "-enddate")] {
        let mut openssl = Command::new("openssl");
        openssl.args(["x509", "-noout", option, "-in", "tls/client.pem"]).current_dir(place.root());
        let said = Run::from(openssl.output().unwrap()).ok();
        assert_eq!(told["validity"][member], said.trim_end().split_once('=').unwrap().1);
    }
    // Without one, or with a stranger's, nobody gets as far as a request.
    for arguments in
        [&["--http1.1"][..], &["--http1.1", "--cert", "tls/stranger.pem", "--key", "tls/stranger.key"]]
    {
        let refused = curl(&place, &server, arguments);
        assert!(matches!(refused.code, Some(35 | 55 | 56)), "{:?}", refused.code);
    }
    server.wait_for_log("a client's certificate was not accepted");
    for reason in ["no_client_certificate", "bad_client_certificate"] {
        let line = format!("token_broker_tls_handshake_failures_total{{reason=\"{reason}\"}}");
        assert_eq!(metric(&server, &line), "1");
    }
    assert_eq!(server.stop("-TERM").0, Some(0));
    let log = place.read(".token-broker/logs/access.log");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(" 200 0a:1b "), "{log}");
}

/// Answers with what the event says of the client's certificate.
const FUNCTION: &str = r#"
import json, os, urllib.request

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as invocation:
        event, request_id = json.load(invocation), invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    said = json.dumps(event["requestContext"]["identity"]["clientCert"])
    reply = json.dumps({"statusCode": 200, "body": said}).encode()
    urllib.request.urlopen(api + request_id + "/response", data=reply).close()
"#;

#[test]
fn client_may_come_without_a_certificate_where_it_is_optional() {
    let (place, _) = place(&definition(", client_auth: optional, client_ca: tls/clients.pem"));
    let clients = Authority::new(&place, "clients");
    clients.sign("client", "/CN=billing", 0x0a1b);
    let server = place.up(&[]);
    assert_eq!(curl(&place, &server, &["--http1.1"]).outcome, "200 1.1");
    let shown = ["--http1.1", "--cert", "tls/client.pem", "--key", "tls/client.key"];
    assert_eq!(curl(&place, &server, &shown).outcome, "200 1.1");
    assert!(place.run(&["token", "billing"]).ok().contains("orders/read"));
}

#[test]
fn command_shows_the_certificate_that_it_is_told_to() {
    let (place, _) = place(&definition(", client_auth: required, client_ca: tls/clients.pem"));
    let clients = Authority::new(&place, "clients");
    clients.sign("client", "/CN=billing", 0x0a1b);
    clients.sign("another", "/CN=billing", 0x0a1c);
    let server = place.up(&[]);
    let token = |further: &[&str]| place.run(&[&["token", "billing"], further].concat());
    assert!(token(&["--cert", "tls/client.pem", "--key", "tls/client.key"]).ok().contains("orders/read"));
    for (further, said) in [
        (&[][..], "`--cert` and `--key`"),
        (&["--cert", "tls/servers.pem", "--key", "tls/servers.key"], "did not come together by TLS"),
        (&["--cert", "tls/client.pem", "--key", "tls/another.key"], "is not that of the certificate"),
        (&["--cert", "tls/gone.pem", "--key", "tls/client.key"], "`tls/gone.pem` cannot be read"),
        (&["--cert", "tls/client.pem"], "--key <FILE>"),
    ] {
        let refused = token(further);
        assert!(refused.stderr.contains(said), "{further:?}: {}", refused.stderr);
        assert_ne!(refused.code, Some(0));
    }
    drop(server);
    std::fs::write(place.path("token-broker.yaml"), DEFINITION).unwrap();
    let _in_clear = place.up(&[]);
    let refused = token(&["--cert", "tls/client.pem", "--key", "tls/client.key"]).failed();
    assert!(refused.contains("is not behind TLS"), "{refused}");
}

#[test]
fn command_that_is_printed_for_development_works_as_pasted() {
    let place = Place::new();
    let mut child =
        place.command(&["up", "--tls"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = lines.by_ref().take_while(|line| !line.contains("Ctrl-C")).collect();
    let command: Vec<&str> = printed
        .iter()
        .map(|line| line.trim_start_matches("  "))
        .skip_while(|line| !line.starts_with("curl"))
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(printed.iter().any(|line| line.contains("https://127.0.0.1:")), "{printed:?}");
    let pasted =
        Command::new("sh").args(["-c", &command.join("\n")]).current_dir(place.root()).output().unwrap();
    let answer: Value =
        serde_json::from_slice(&pasted.stdout).unwrap_or_else(|_| panic!("{command:?} {pasted:?}"));
    assert_eq!(answer["token_type"], "Bearer");
    assert!(place.run(&["token", "billing"]).ok().contains("orders/read"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn certificate_for_development_is_private_and_stays_until_it_is_needed_anew() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let run = || drop(place.up(&["--tls"]));
    run();
    let certificate = place.read(".token-broker/tls/certificate.pem");
    for name in ["certificate.pem", "key.pem"] {
        let mode =
            std::fs::metadata(place.path(".token-broker/tls").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    run();
    assert_eq!(place.read(".token-broker/tls/certificate.pem"), certificate);
    std::fs::write(place.path(".token-broker/tls/key.pem"), "damaged").unwrap();
    run();
    assert_ne!(place.read(".token-broker/tls/certificate.pem"), certificate);
    // Without the option the door is as it was.
    assert!(place.up(&[]).url("invoke_url").starts_with("http://"));
}

#[test]
fn certificate_that_cannot_be_used_stops_the_start_and_is_named() {
    let (place, authority) = place(&definition(""));
    authority.sign("other", "/CN=another", 0x2002);
    std::fs::rename(place.path("tls/other.key"), place.path("tls/server.key")).unwrap();
    let said = place.run(&["up"]).failed();
    let checked = place.run(&["config", "check"]).failed();
    assert!(said.ends_with(&checked), "{checked}");
    assert!(said.contains("`tls/server.key` is not that of the certificate `tls/server.pem`"), "{said}");
}

#[test]
fn what_is_refused_in_clear_is_refused_encrypted_and_the_next_good_request_works() {
    let (place, _) = place(&definition(""));
    let server = place.up(&[]);
    let wire = Wire::to(&place, &server);
    let key = place.read(".token-broker/keys/billing");
    let head = format!("x-api-key: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n", key.trim());
    let long = "a".repeat(20_000);
    for (name, request, status) in [
        ("no host", format!("POST /dev/oauth2/token HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n"), "400"),
        (
            "length and coding",
            format!(
                "POST /dev/oauth2/token HTTP/1.1\r\nHost: a\r\n{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "400",
        ),
        ("bare line feeds", format!("POST /dev/oauth2/token HTTP/1.1\nHost: a\n{head}\n"), "400"),
        (
            "two keys",
            format!("POST /dev/oauth2/token HTTP/1.1\r\nHost: a\r\n{head}{head}Content-Length: 0\r\n\r\n"),
            "400",
        ),
        (
            "a huge header",
            format!("POST /dev/oauth2/token HTTP/1.1\r\nHost: a\r\nx: {long}\r\n{head}\r\n"),
            "431",
        ),
    ] {
        let answer = wire.once(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
        assert!(answer.contains("\"error\":") && !answer.contains(key.trim()), "{name}: {answer}");
        let good = wire.token(key.trim());
        assert!(good.starts_with("HTTP/1.1 200 "), "after {name}: {good}");
    }
    // In clear nobody is answered.
    let address = address(&server);
    let mut plain = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut plain, b"POST /dev/oauth2/token HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _closed = std::io::Read::read_to_end(&mut plain, &mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(metric(&server, "token_broker_tls_handshake_failures_total{reason=\"not_tls\"}"), "1");
}
