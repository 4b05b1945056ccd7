//! A server that answers one request per connection, or breaks it, as it is told.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What stands in everything that a peer says and that must not get any further.
pub(super) const CANARY: &str = "canary-of-the-peer";

/// Not 127.0.0.1, where everybody else takes ports: nobody takes the one of a peer that is closed for a while.
pub(super) const OWN_HOST: &str = "127.0.0.2";

/// What happens to a request.
pub(super) enum Play {
    /// It is answered, and the connection closed.
    Answer(Vec<u8>),
    /// It is answered with this much, and then nothing happens until the client goes.
    Stall(Vec<u8>),
    /// It is answered with this much, and then the connection is reset.
    Reset(Vec<u8>),
}

impl Play {
    /// An answer that is complete. The canary is in a header and in a cookie, and should be in `body`.
    pub(super) fn http(status: &str, headers: &str, body: &str) -> Self {
        Self::Answer(http(status, headers, body))
    }
}

pub(super) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\nX-Canary: {CANARY}\r\n\
         Set-Cookie: XSRF-TOKEN={CANARY}; Path=/\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A request that came whole.
pub(super) struct Request {
    pub(super) target: String,
    pub(super) head: String,
    pub(super) body: String,
}

/// Decides what happens to a request.
pub(super) trait Script: Send + Sync + 'static {
    fn play(&self, request: &Request) -> Play;
}

/// The server. It goes on to the end of the process.
pub(super) struct Peer<S> {
    pub(super) address: SocketAddr,
    pub(super) script: Arc<S>,
    closing: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl<S: Script> Peer<S> {
    pub(super) fn start(host: &str, script: S) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut peer = Self { address, script: Arc::new(script), closing: Arc::default(), accepting: None };
        peer.accept(listener);
        peer
    }

    /// Refuses connections from now on.
    pub(super) fn close(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        let _wakes_it = TcpStream::connect(self.address).unwrap();
        self.accepting.take().unwrap().join().unwrap();
        assert!(TcpStream::connect(self.address).is_err(), "somebody listens in its place");
    }

    /// Takes connections again, at the same address.
    pub(super) fn open(&mut self) {
        self.closing.store(false, Ordering::SeqCst);
        self.accept(TcpListener::bind(self.address).unwrap());
    }

    fn accept(&mut self, listener: TcpListener) {
        let (script, closing) = (Arc::clone(&self.script), Arc::clone(&self.closing));
        self.accepting = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if closing.load(Ordering::SeqCst) {
                    return;
                }
                let script = Arc::clone(&script);
                // A connection that breaks is the client's matter.
                std::thread::spawn(move || serve(&*script, stream.unwrap()).ok());
            }
        }));
    }
}

fn serve(script: &impl Script, mut stream: TcpStream) -> std::io::Result<()> {
    let Some((request, length)) = peek(&stream)? else { return Ok(()) };
    let (read, answer) = match script.play(&request) {
        Play::Answer(answer) => (true, answer),
        // A connection that is closed while something in it has not been read is reset.
        Play::Reset(answer) => (false, answer),
        Play::Stall(answer) => {
            stream.read_exact(&mut vec![0; length])?;
            stream.write_all(&answer)?;
            let _until_the_client_goes = stream.read(&mut [0])?;
            return Ok(());
        }
    };
    if read {
        stream.read_exact(&mut vec![0; length])?;
    }
    stream.write_all(&answer)
}

/// The request that has arrived, and its length; none if the client went away. Nothing is taken out of the connection.
fn peek(stream: &TcpStream) -> std::io::Result<Option<(Request, usize)>> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let arrived = stream.peek(&mut bytes)?;
        if arrived == 0 {
            return Ok(None);
        }
        if let Some(request) = whole(&String::from_utf8_lossy(&bytes[..arrived])) {
            return Ok(Some((request, arrived)));
        }
        std::thread::yield_now();
    }
}

fn whole(text: &str) -> Option<Request> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let target = head.split(' ').nth(1)?.to_owned();
    let is_whole = body.len() == length.unwrap_or(0);
    is_whole.then(|| Request { target, head: head.to_owned(), body: body.to_owned() })
}
