//! Runs the program in a directory of its own and talks to it as a client does.

mod home;

use std::io::{BufRead as _, BufReader, PipeWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(crate) use home::{Home, note_token};

/// A definition whose limits no test runs into, but for the client that is there to be refused.
pub(crate) const DEFINITION: &str = r#"
api:
  throttle: { rate: 1000, burst: 1000 }
  token_endpoint:
    identity: api_key
    throttle: { rate: 1000, burst: 1000 }
plans:
  wide: { throttle: { rate: 500, burst: 500 } }
  narrow: { throttle: { rate: 0.001, burst: 1 } }
clients:
  billing: { plan: wide, scopes: [orders/read, orders/write], default_scopes: [orders/read] }
  slow: { plan: narrow, scopes: [orders/read], default_scopes: [orders/read] }
homes:
  local: { front_door: "127.0.0.1:0", admin: "127.0.0.1:0", user_pool: embedded, user_pool_listen: "127.0.0.1:0" }
"#;

/// The same with clients whose requests are counted, a few of them a day.
pub(crate) fn metered() -> String {
    DEFINITION
        .replace("clients:\n", "  metered: { throttle: { rate: 500, burst: 500 }, quota: { limit: 3, period: day } }\nclients:\n  partner: { plan: metered, scopes: [orders/read], default_scopes: [orders/read] }\n  reports: { plan: metered, scopes: [orders/read], default_scopes: [orders/read] }\n")
}

/// A directory with a definition, in which the program is run.
pub(crate) struct Place(Arc<Home>);

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(DEFINITION)
    }

    pub(crate) fn with(definition: &str) -> Self {
        let place = Self::empty();
        std::fs::write(place.path("token-broker.yaml"), definition).unwrap();
        place
    }

    /// A directory without anything.
    pub(crate) fn empty() -> Self {
        Self(Arc::new(Home::new()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.root()
    }

    /// The directory, with what is known of it.
    pub(crate) fn home(&self) -> &Home {
        &self.0
    }

    pub(crate) fn read(&self, name: &str) -> String {
        self.0.learn();
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A command that is still to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_token-broker"));
        command.args(arguments).current_dir(self.root()).stdin(Stdio::null());
        command
            .env_remove("TOKEN_BROKER_CONFIG")
            .env_remove("TOKEN_BROKER_STATE")
            .env_remove("TOKEN_BROKER_LOG")
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.0.learn();
        let output = self.command(arguments).output().unwrap();
        let who = arguments.join(" ");
        self.0.hear(&who, &output.stderr);
        // It is what this one is for.
        if !arguments.contains(&"--raw") {
            self.0.hear(&who, &output.stdout);
        }
        Run::from(output)
    }

    /// Starts the server and waits until it says where it is.
    pub(crate) fn up(&self, further: &[&str]) -> Server {
        let mut arguments = vec!["up", "--json"];
        arguments.extend(further);
        self.up_by(self.command(&arguments))
    }

    /// The same by a command that starts the server in its own way.
    pub(crate) fn up_by(&self, mut command: Command) -> Server {
        command.current_dir(self.root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let Ok(endpoints) = serde_json::from_str(&first) else {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            panic!("the server did not start: {first}{said}");
        };
        self.0.hear("up", first.as_bytes());
        self.0.learn();
        Server { child, endpoints, stdout, stderr: Some(stderr), home: Arc::clone(&self.0) }
    }
}

/// Somewhere to print to that nobody reads, as after `| true`.
pub(crate) fn unread() -> PipeWriter {
    std::io::pipe().unwrap().1
}

/// What a command printed, and how it ended.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

impl Run {
    /// The output of a command that must have succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The error of a command that must have failed.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// A server that runs until it is stopped or dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) endpoints: Value,
    stdout: BufReader<ChildStdout>,
    stderr: Option<BufReader<ChildStderr>>,
    home: Arc<Home>,
}

impl Server {
    pub(crate) fn url(&self, name: &str) -> String {
        self.endpoints[name].as_str().unwrap().to_owned()
    }

    /// Asks for a token with `key`; the status and the body.
    pub(crate) fn token(&self, key: &str, form: &str) -> (u16, Value) {
        let head = format!("x-api-key: {key}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let (status, _head, body) = exchange("POST", &self.url("invoke_url"), &head, form);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Waits for a line of the program's log that has `text` in it.
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let log = self.stderr.as_mut().unwrap();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the log ended without `{text}`");
            self.home.hear("up", line.as_bytes());
        }
    }

    /// Closes the reading end of the program's log.
    pub(crate) fn close_log(&mut self) {
        self.stderr = None;
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends a signal, waits for the end, and returns the exit code and everything that was printed since the start.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        self.hear_metrics();
        self.signal(signal);
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        if let Some(log) = &mut self.stderr {
            log.read_to_string(&mut said).unwrap();
        }
        self.home.hear("up", said.as_bytes());
        (self.child.wait().unwrap().code(), said)
    }

    /// Notes the page of metrics as it is now, if there is somebody who answers.
    fn hear_metrics(&mut self) {
        let admin = self.endpoints["admin"].as_str().and_then(|url| url.strip_prefix("http://"));
        let Some(address) = admin.and_then(|address| address.parse::<SocketAddr>().ok()) else { return };
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        let Ok(mut stream) = TcpStream::connect_timeout(&address, A_SECOND) else { return };
        stream.set_read_timeout(Some(A_SECOND)).unwrap();
        let _sent = write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let mut page = Vec::new();
        let _read = stream.read_to_end(&mut page);
        self.home.hear("/metrics", &page);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.hear_metrics();
        let _gone_already = self.child.kill();
        let _ended = self.child.wait();
        let mut said = Vec::new();
        let _read = self.stdout.read_to_end(&mut said);
        if let Some(log) = &mut self.stderr {
            let _read = log.read_to_end(&mut said);
        }
        self.home.hear("up", &said);
    }
}

/// One that has been stopped with a signal does not answer.
const A_SECOND: Duration = Duration::from_secs(1);

/// Fetches a page of the admin listener or the user pool.
pub(crate) fn get(url: &str) -> (u16, String) {
    let (status, _head, body) = exchange("GET", url, "", "");
    (status, body)
}

/// One request over a connection of its own: status, head, body.
pub(crate) fn exchange(method: &str, url: &str, head: &str, body: &str) -> (u16, String, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let request = Request { method, path, host: address, head, body };
    exchange_over(TcpStream::connect(address).unwrap(), &request)
}

/// The same over the control socket at `socket`: status, and the body as JSON.
pub(crate) fn control(socket: &Path, method: &str, target: &str, body: &str) -> (u16, Value) {
    let path = target.strip_prefix('/').unwrap();
    let request = Request { method, path, host: "localhost", head: "", body };
    let (status, _head, body) = exchange_over(UnixStream::connect(socket).unwrap(), &request);
    (status, serde_json::from_str(&body).unwrap())
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    host: &'a str,
    head: &'a str,
    body: &'a str,
}

fn exchange_over(mut stream: impl Read + Write, request: &Request<'_>) -> (u16, String, String) {
    let Request { method, path, host, head, body } = request;
    let length = body.len();
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    note_token(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
}
