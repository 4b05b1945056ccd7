//! What the tests have in common: a host of a script, a log that can be waited for, and a gate that scripts stop at.

use std::future::Future;
use std::num::{NonZeroU64, NonZeroUsize};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock, SystemClock, Timestamp};
use lambda::{Function as _, Invocation, InvokeError, Pairs, ProxyEvent, ProxyReply};
use parking_lot::Mutex;
use restapi::{AccountId, FunctionName, HttpMethod, MethodArn, Region, ResourcePath, RestApiId, StageName};
use tempfile::TempDir;
use testkit::SeededEntropy;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{FunctionLog, FunctionSpec, Host, LogLine, NoRoom, Stream, Surroundings};

/// A host of one script.
pub(super) struct World {
    pub(super) host: Arc<Host>,
    pub(super) log: Arc<Kept>,
    pub(super) directory: TempDir,
    gate: TcpListener,
}

impl World {
    /// A host of `script`, which has everything of `runtime.py` at hand.
    pub(super) async fn of(script: &str) -> Self {
        Self::with(script, |_| {}).await
    }

    /// The same, with a function that `change` has changed.
    pub(super) async fn with(script: &str, change: impl FnOnce(&mut FunctionSpec)) -> Self {
        Self::at(Arc::new(SystemClock), script, change).await
    }

    /// The same, by another clock.
    pub(super) async fn at(
        clock: Arc<dyn Clock>,
        script: &str,
        change: impl FnOnce(&mut FunctionSpec),
    ) -> Self {
        let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("runtime.py"), include_str!("runtime.py")).unwrap();
        let script = format!("from runtime import *\n{script}");
        std::fs::write(directory.path().join("main.py"), script).unwrap();
        let name = FunctionName::parse("greeter").unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account_id = AccountId::parse("123456789012").unwrap();
        let command = ["python3", "-B", "main.py"].map(str::to_owned).to_vec();
        let mut spec = FunctionSpec::new(name, region, account_id, command);
        spec.directory = directory.path().to_owned();
        spec.environment.insert("GATE".to_owned(), gate.local_addr().unwrap().to_string());
        // Far longer than any test: whatever ends sooner was ended by what the test is about.
        spec.timeout = Duration::from_mins(5);
        spec.init_timeout = Duration::from_mins(5);
        spec.concurrency = NonZeroUsize::MIN;
        change(&mut spec);
        let log = Arc::new(Kept::default());
        let entropy = Arc::new(SeededEntropy::new(7));
        let surroundings = Surroundings { clock, entropy, log: Arc::<Kept>::clone(&log) };
        Self { host: Arc::new(Host::new(spec, surroundings).unwrap()), log, directory, gate }
    }

    /// Invokes the function.
    pub(super) async fn invoke(&self) -> Result<ProxyReply, InvokeError> {
        self.begin("").await
    }

    /// The body of what the function replies.
    pub(super) async fn body(&self) -> String {
        self.invoke().await.unwrap().body.into_owned()
    }

    /// An invocation that has not begun until it is polled.
    pub(super) fn begin(
        &self,
        path: &str,
    ) -> Pin<Box<dyn Future<Output = Result<ProxyReply, InvokeError>> + Send>> {
        let (host, path) = (Arc::clone(&self.host), path.to_owned());
        Box::pin(async move { invoke(&host, &path, Timestamp::from_secs(u64::MAX)).await })
    }

    /// An invocation under way.
    pub(super) fn spawn(&self, path: &str) -> tokio::task::JoinHandle<Result<ProxyReply, InvokeError>> {
        tokio::spawn(self.begin(path))
    }

    /// Waits until a process stops at the gate.
    pub(super) async fn arrival(&self) -> Arrival {
        let mut stream = BufReader::new(self.gate.accept().await.unwrap().0);
        let mut text = String::new();
        stream.read_line(&mut text).await.unwrap();
        Arrival { text: text.trim_end().to_owned(), stream }
    }

    /// Waits until two have stopped at the gate, lets both go, and goes on listening to them.
    pub(super) async fn pair(&self) -> (Arrival, Arrival) {
        let (one, two) = (self.arrival().await, self.arrival().await);
        (one.release_and_stay().await, two.release_and_stay().await)
    }

    /// Waits until so many processes are idle.
    pub(super) async fn until_idle(&self, processes: usize) {
        while self.host.stats().idle != processes {
            tokio::task::yield_now().await;
        }
    }
}

/// Invokes the function of `host` on `path`.
pub(super) async fn invoke(host: &Host, path: &str, deadline: Timestamp) -> Result<ProxyReply, InvokeError> {
    let mut headers = Pairs::default();
    headers.push("X-Amzn-Trace-Id", "Root=1-65b6a9ef-0123456789abcdef01234567");
    let event = ProxyEvent { path: path.into(), headers, ..ProxyEvent::default() };
    let source = MethodArn {
        region: Region::parse("eu-central-1").unwrap(),
        account_id: AccountId::parse("123456789012").unwrap(),
        api_id: RestApiId::derived(&["token-broker-api"]),
        stage: StageName::parse("dev").unwrap(),
        method: HttpMethod::Post,
        path: ResourcePath::of("/oauth2/token"),
    };
    host.invoke(Invocation { event: &event, source: &source, deadline }).await
}

/// A process that stopped at the gate.
pub(super) struct Arrival {
    /// What it told.
    pub(super) text: String,
    stream: BufReader<TcpStream>,
}

impl Arrival {
    /// Lets it go.
    pub(super) async fn release(mut self) {
        self.stream.write_all(b"!").await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Lets it go, and goes on listening to it.
    pub(super) async fn release_and_stay(mut self) -> Self {
        self.stream.write_all(b"!").await.unwrap();
        self
    }

    /// Waits until it has ended, and returns what else it told.
    pub(super) async fn end(mut self) -> String {
        let mut rest = String::new();
        // Reset or closed: both are an end.
        let _ended = self.stream.read_to_string(&mut rest).await;
        rest
    }
}

/// A log that keeps everything, unless it is told to be full or closed.
#[derive(Debug, Default)]
pub(super) struct Kept {
    lines: Mutex<Vec<(Stream, String)>>,
    changed: watch::Sender<()>,
    pub(super) is_full: AtomicBool,
    pub(super) is_closed: AtomicBool,
    /// How often it had no room.
    pub(super) refused: watch::Sender<u64>,
}

impl FunctionLog for Kept {
    fn offer(&self, line: &LogLine<'_>) -> Result<(), NoRoom> {
        assert_eq!((line.function, line.process > 0), ("greeter", true));
        if self.is_full.load(Ordering::Acquire) {
            self.refused.send_modify(|refused| *refused += 1);
            return Err(NoRoom);
        }
        self.lines.lock().push((line.stream, line.text.to_owned()));
        self.changed.send_replace(());
        Ok(())
    }

    fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::Acquire)
    }
}

impl Kept {
    /// Waits until there are so many lines, and returns them.
    pub(super) async fn lines(&self, count: usize) -> Vec<(Stream, String)> {
        let mut changed = self.changed.subscribe();
        loop {
            let lines = self.lines.lock().clone();
            if lines.len() >= count {
                return lines;
            }
            changed.changed().await.unwrap();
        }
    }
}

pub(super) fn mebibytes(count: u64) -> NonZeroU64 {
    NonZeroU64::new(count).unwrap()
}

pub(super) fn at_once(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}
