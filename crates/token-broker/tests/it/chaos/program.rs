//! The program in one of its homes, asked as clients ask, and read to the last line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Sent, assert_none, assert_nothing_of_the_peer};
use super::lines::Lines;
use super::pool::{CLIENT_ID, SECRET, SIGNATURE, basic};
use crate::harness::{Place, Server, get};

/// What processes show to the extension that secrets are read through.
pub(super) const SESSION_TOKEN: &str = "the-session-token-of-the-role";

/// Where the broker runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Home {
    InProcess,
    /// As the program `bootstrap`, in at most as many processes.
    Processes(u32),
}

/// What the program is started with.
pub(super) struct Setup {
    pub(super) home: Home,
    /// The way to the user pool, as the definition names it.
    pub(super) endpoint: String,
    /// The clients, each with its scopes and with an app client of the same name.
    pub(super) clients: Vec<(String, Vec<String>)>,
    /// Of one attempt.
    pub(super) timeout: &'static str,
    /// Variables of the processes.
    pub(super) variables: Vec<(&'static str, String)>,
}

/// The program while it runs.
pub(super) struct Program {
    pub(super) place: Place,
    server: Server,
    /// Of the front door.
    address: String,
    clients: Vec<String>,
    lines: Lines,
}

impl Setup {
    /// A setup of one client `a` that may have `scopes`, whose pool is at `endpoint`.
    pub(super) fn new(home: Home, endpoint: String, scopes: &[String]) -> Self {
        let clients = vec![("a".to_owned(), scopes.to_vec())];
        Self { home, endpoint, clients, timeout: "5s", variables: Vec::new() }
    }

    fn definition(&self) -> String {
        let (mut clients, mut names, mut app_clients) = (String::new(), String::new(), String::new());
        for (name, scopes) in &self.clients {
            let scopes = scopes.join(", ");
            writeln!(clients, "  {name}: {{ plan: wide, scopes: [{scopes}], app_client: {name} }}").unwrap();
            writeln!(names, "  {name}: {{}}").unwrap();
            write!(app_clients, "{name}: {{ client_id: {CLIENT_ID}, secret_file: secret-{name} }}, ")
                .unwrap();
        }
        let (endpoint, timeout, function) = (&self.endpoint, self.timeout, self.function());
        format!(
            r#"
api:
  throttle: {{ rate: 4000, burst: 4000 }}
  token_endpoint: {{ identity: api_key, throttle: {{ rate: 4000, burst: 4000 }} }}
plans:
  wide: {{ throttle: {{ rate: 2000, burst: 2000 }} }}
app_clients:
{names}clients:
{clients}broker:
  min_token_life: 1s
  refresh_at_percent: 10
  upstream: {{ connect_timeout: {timeout}, attempt_timeout: {timeout}, total_timeout: 12s, attempts: 2 }}
homes:
  local:
    front_door: "127.0.0.1:0"
    admin: "127.0.0.1:0"
    user_pool: {{ {endpoint}, app_clients: {{ {app_clients} }} }}
    function: {function}
"#
        )
    }

    fn function(&self) -> String {
        let Home::Processes(concurrency) = self.home else { return "in_process".to_owned() };
        let bootstrap = Path::new(env!("CARGO_BIN_EXE_token-broker")).with_file_name("bootstrap");
        let how = "build it first: `cargo build -p broker-lambda`, or test both packages at once";
        assert!(bootstrap.exists(), "`bootstrap` is not beside `token-broker`; {how}");
        // Nothing secret is in a log however much of it there is.
        let mut command = "[/usr/bin/env, TOKEN_BROKER_LOG=trace, ".to_owned();
        for (name, value) in &self.variables {
            write!(command, "\"{name}={value}\", ").unwrap();
        }
        write!(command, "\"{}\"]", bootstrap.display()).unwrap();
        format!("{{ command: {command}, concurrency: {concurrency}, memory: 512 }}")
    }

    pub(super) fn up(self) -> Program {
        let place = Place::with(&self.definition());
        for (name, _) in &self.clients {
            std::fs::write(place.path(&format!("secret-{name}")), format!("{SECRET}\n")).unwrap();
        }
        // What is wrong would be in the file alone.
        place.run(&["config", "check"]).ok();
        // Into a file: a pipe would have to be read all the time, or lines would be dropped.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 2>program.log", "sh", env!("CARGO_BIN_EXE_token-broker")]);
        command.args(["up", "--json", "--log", "trace"]);
        let server = place.up_by(command);
        let url = server.url("invoke_url");
        let address = url.split('/').nth(2).unwrap().to_owned();
        let clients = self.clients.into_iter().map(|(name, _)| name).collect();
        let lines = Lines::of(["program.log", LOGS[1], LOGS[2]].map(|name| place.path(name)));
        Program { place, server, address, clients, lines }
    }
}

impl Program {
    /// Asks for a token and reads the answer.
    pub(super) fn ask(&self, client: &str, scope: &str) -> Answer {
        self.send(client, scope).answer()
    }

    /// Asks for a token and leaves the answer for later.
    pub(super) fn send(&self, client: &str, scope: &str) -> Sent {
        let key = self.place.read(&format!(".token-broker/keys/{client}"));
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", scope)
            .finish();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /dev/oauth2/token HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nx-api-key: {key}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        )
        .unwrap();
        Sent(stream)
    }

    /// Waits for the first line of an own log, of an audit log or of a function's log that `is_it`.
    pub(super) fn wait_for_line(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.lines.wait_for(is_it)
    }

    /// The audit line of the first request of `client` for `scope` that was answered with `status`.
    pub(super) fn audited(&mut self, client: &str, scope: &str, status: u16) -> Value {
        self.wait_for_line(|line| {
            line["client"] == client && line["scopes"] == scope && line["status"] == status
        })
    }

    /// A counter of the metrics page; `name` is what follows `token_broker_`. One that is not there has not counted.
    pub(super) fn count(&self, name: &str) -> u64 {
        let page = self.metrics();
        let line = page.lines().find_map(|line| line.strip_prefix("token_broker_")?.strip_prefix(name));
        line.map_or(0, |count| count.trim().parse().unwrap())
    }

    fn metrics(&self) -> String {
        get(&format!("{}/metrics", self.server.url("admin"))).1
    }

    /// Stops the program and sees that nothing was written anywhere that nobody may see.
    pub(super) fn stop(self) {
        let metrics = self.metrics();
        let refused =
            metrics.lines().filter(|line| line.starts_with("token_broker_log_lines_refused_total{"));
        let complete: Vec<_> = refused.map(|line| line.ends_with(" 0")).collect();
        assert!(!complete.is_empty() && !complete.contains(&false), "some lines are in no log: {metrics}");
        let (code, mut said) = self.server.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
        said.push_str(&metrics);
        said.push_str(&self.place.read("program.log"));
        for log in LOGS {
            said.push_str(&std::fs::read_to_string(self.place.path(log)).unwrap_or_default());
        }
        assert!(said.contains("\"decision\""), "the logs are elsewhere: {said}");
        let keys = self.clients.iter().map(|client| self.place.read(&format!(".token-broker/keys/{client}")));
        let secrets = [SECRET.to_owned(), basic(), SIGNATURE.to_owned(), SESSION_TOKEN.to_owned()];
        for secret in keys.chain(secrets) {
            assert_none(&said, &secret);
        }
        assert_nothing_of_the_peer(&said);
    }
}

/// Lets time pass that a client was told to wait, or in which a token ages: the program looks at a real clock.
pub(super) fn let_pass(time: Duration) {
    let (_nobody_sends, silence) = std::sync::mpsc::channel::<()>();
    let _over = silence.recv_timeout(time);
}

const LOGS: [&str; 3] =
    [".token-broker/logs/access.log", ".token-broker/logs/audit.log", ".token-broker/logs/function.log"];
