//! A connection of a client that sends what it likes and reads answers one by one.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes; a test that comes to it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The whole of it.
    pub(crate) text: String,
    pub(crate) body: String,
}

impl Answer {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find_map(|(own, value)| own.eq_ignore_ascii_case(name).then_some(value))
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn open(url: &str) -> Self {
        let address: SocketAddr =
            url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// Waits so long for each piece of an answer.
    pub(super) fn wait_for_at_most(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
    }

    /// Sends everything, unless the other end closes first.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _closed = self.stream.write_all(bytes);
    }

    /// Closes the sending side.
    pub(super) fn say_no_more(&mut self) {
        let _closed = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> Result<Answer, String> {
        loop {
            if let Some(answer) = self.take() {
                return Ok(answer);
            }
            if !self.more()? {
                return Err(format!("closed after {:?}", String::from_utf8_lossy(&self.read)));
            }
        }
    }

    /// All answers up to the close. What is no answer is an error.
    pub(super) fn answers_until_closed(&mut self) -> Result<Vec<Answer>, String> {
        while self.more()? {}
        let answers: Vec<Answer> = std::iter::from_fn(|| self.take()).collect();
        if self.read.is_empty() {
            Ok(answers)
        } else {
            Err(format!("left over: {:?}", String::from_utf8_lossy(&self.read)))
        }
    }

    /// Reads for a tenth of a second. Whether the other end has closed.
    pub(super) fn is_closed_within_a_tenth_of_a_second(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let more = self.more();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        more == Ok(false)
    }

    fn more(&mut self) -> Result<bool, String> {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                Ok(count > 0)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(format!("still open after {:?}", String::from_utf8_lossy(&self.read)))
            }
            // A reset is a close, if nothing was lost by it.
            Err(_reset) => Ok(false),
        }
    }

    /// Takes an answer off what was read; leave to go on is none.
    fn take(&mut self) -> Option<Answer> {
        let text = String::from_utf8_lossy(&self.read).into_owned();
        let head = text.find("\r\n\r\n")? + 4;
        let line = text.strip_prefix("HTTP/1.1 ").or_else(|| text.strip_prefix("HTTP/1.0 "))?;
        let status = line.get(..3)?.parse().ok()?;
        if status == 100 {
            self.read.drain(..head);
            return self.take();
        }
        let length = text[..head]
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let end = head + length.unwrap_or(0_usize);
        let whole = text.get(..end)?.to_owned();
        self.read.drain(..end);
        Some(Answer { status, body: whole[head..].to_owned(), text: whole })
    }
}
