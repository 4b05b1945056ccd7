//! HTTP/1.1 as little as both ends of the Runtime API need of it.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::TcpStream;

/// The messages of one direction of a connection.
pub struct Messages {
    stream: BufReader<TcpStream>,
    /// The first line of the last message.
    pub line: String,
    /// What its `Lambda-Runtime-Aws-Request-Id` says.
    pub id: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Messages {
    pub fn of(stream: TcpStream) -> Self {
        Self { stream: BufReader::new(stream), line: String::new(), id: String::new(), body: Vec::new() }
    }

    /// Reads the next one; `false` if the connection has ended.
    pub fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.body.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Ok(false);
        }
        let mut header = String::new();
        loop {
            header.clear();
            self.stream.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                let length = value.trim().parse().map_err(io::Error::other)?;
                self.body.resize(length, 0);
            } else if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
                value.trim().clone_into(&mut self.id);
            }
        }
        self.stream.read_exact(&mut self.body)?;
        Ok(true)
    }
}
