//! The program in its surroundings.

use std::process::Stdio;

use lambda::{Identity, Pairs, ProxyEvent, ProxyReply, RequestContext};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use user_pool::UserPool;

use crate::around::{
    APP_CLIENT, Done, Extension, OTHER_SECRET, PATIENCE, RuntimeApi, SECRET, SESSION_TOKEN, Served, user_pool,
};

const DEFINITION: &str = r"
api:
  throttle: { rate: 1000, burst: 1000 }
  token_endpoint: { identity: api_key, throttle: { rate: 1000, burst: 1000 } }
plans:
  wide: { throttle: { rate: 500, burst: 500 } }
clients:
  billing: { plan: wide, scopes: [orders/read, orders/write], default_scopes: [orders/read] }
homes:
  local: { user_pool: embedded }
";

pub(crate) const KEY: &str = "billing000";
pub(crate) const KEY_VALUE: &str = "the-value-of-the-api-key";
pub(crate) const BINDINGS: &str = "ssm:/token-broker/bindings";
pub(crate) const ENTRY: &str = "secretsmanager:token-broker/m2m";

/// What a function is started with, and what it will find around it.
pub(crate) struct Place {
    pub(crate) api: Served<RuntimeApi>,
    pub(crate) extension: Served<Extension>,
    pub(crate) pool: Served<UserPool>,
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let (api, extension, pool) = (RuntimeApi::start().await, Extension::start().await, user_pool().await);
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("token-broker.yaml"), DEFINITION).unwrap();
        let endpoint = json!({ "token_endpoint": format!("http://{}/oauth2/token", pool.address) });
        extension.handler.keep(BINDINGS, &[&bindings(&endpoint)]);
        extension.handler.keep(ENTRY, &[SECRET]);
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", api.address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", "broker".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
            ("LAMBDA_TASK_ROOT", root.path().to_str().unwrap().to_owned()),
            ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", extension.address.port().to_string()),
            ("AWS_SESSION_TOKEN", SESSION_TOKEN.to_owned()),
            ("TOKEN_BROKER_BINDINGS", BINDINGS.to_owned()),
            // Nothing secret is in a log however much of it there is.
            ("TOKEN_BROKER_LOG", "trace".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { api, extension, pool, root, variables }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(own, _)| own != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.root.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn start(self) -> Function {
        let mut child = self.spawn();
        let stdout = child.stdout.take().unwrap();
        let stdout = Some(tokio::spawn(all(stdout)));
        Function { stderr: tokio::spawn(all(child.stderr.take().unwrap())), stdout, child, place: self }
    }

    /// Starts a function and leaves it to the caller to read what it writes.
    pub(crate) fn start_unread(self) -> (Function, ChildStdout) {
        let mut child = self.spawn();
        let stdout = child.stdout.take().unwrap();
        let stderr = tokio::spawn(all(child.stderr.take().unwrap()));
        (Function { stderr, stdout: None, child, place: self }, stdout)
    }

    fn spawn(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
        command.env_clear().envs(self.variables.iter().cloned()).current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// The bindings of the one key, where tokens come from `upstream`.
pub(crate) fn bindings(upstream: &Value) -> String {
    let app_clients = json!({ "m2m": { "client_id": APP_CLIENT, "secret": ENTRY } });
    let keys = json!({ KEY: "billing" });
    json!({ "version": 1, "keys": keys, "upstream": upstream, "app_clients": app_clients }).to_string()
}

/// A function that runs.
pub(crate) struct Function {
    pub(crate) place: Place,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: JoinHandle<String>,
}

/// What is left of a function that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Function {
    /// Has the function answer a request with the key `key` and the form `form`.
    pub(crate) async fn ask(&self, key: &str, form: &str) -> ProxyReply {
        self.place.api.handler.send(event(key, form));
        self.reply().await
    }

    /// The next answer.
    pub(crate) async fn reply(&self) -> ProxyReply {
        let Done { path, body } = self.place.api.handler.posted().await;
        assert!(path.ends_with("/response"), "{path}: {body}");
        ProxyReply::from_json(body.to_string().as_bytes()).unwrap()
    }

    pub(crate) fn terminate(&self) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits for the end, and sees that nothing secret was written on the way.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let stdout = if let Some(stdout) = self.stdout { stdout.await.unwrap() } else { String::new() };
        let ended = Ended { code: status.code(), stdout, stderr: self.stderr.await.unwrap() };
        for secret in [SECRET, OTHER_SECRET, SESSION_TOKEN, KEY_VALUE, "hunter2", "eyJ", "Basic "] {
            assert!(!ended.stdout.contains(secret), "{secret} in {}", ended.stdout);
            assert!(!ended.stderr.contains(secret), "{secret} in {}", ended.stderr);
        }
        ended
    }

    pub(crate) async fn stop(self) -> Ended {
        self.terminate();
        self.ended().await
    }
}

impl Ended {
    /// The lines of stdout, of which each is an audit record or has metrics.
    pub(crate) fn lines(&self, metrics: bool) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get("_aws").is_some() == metrics).collect()
    }

    /// The lines of the log.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What API Gateway makes of a form that came with the key `key`.
pub(crate) fn event(key: &str, form: &str) -> Vec<u8> {
    let mut headers = Pairs::with_capacity(2);
    headers.push("Content-Type", "application/x-www-form-urlencoded");
    headers.push("x-api-key", KEY_VALUE);
    let identity = Identity {
        api_key: Some(KEY_VALUE.into()),
        api_key_id: Some(key.into()),
        source_ip: "127.0.0.1".into(),
        ..Identity::default()
    };
    let event = ProxyEvent {
        resource: "/oauth2/token".into(),
        path: "/oauth2/token".into(),
        http_method: "POST".into(),
        headers,
        request_context: RequestContext { request_id: "r-1".into(), identity, ..RequestContext::default() },
        body: Some(form.into()),
        ..ProxyEvent::default()
    };
    event.to_json()
}

/// A member of an answer's body.
pub(crate) fn member(reply: &ProxyReply, name: &str) -> Value {
    serde_json::from_str::<Value>(&reply.body).unwrap()[name].clone()
}

async fn all(mut from: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).await.unwrap();
    text
}
