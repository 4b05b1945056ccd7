//! The program that is invoked: it replies the same at once, and does nothing besides.

use std::error::Error;
use std::io::Write as _;
use std::net::TcpStream;

use crate::event::REPLY;
use crate::wire::Messages;

pub fn run() -> Result<(), Box<dyn Error>> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut stream = TcpStream::connect(&api)?;
    stream.set_nodelay(true)?;
    let mut answers = Messages::of(stream.try_clone()?);
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {api}\r\n\r\n");
    loop {
        stream.write_all(next.as_bytes())?;
        if !answers.next()? {
            return Ok(());
        }
        let path = format!("/2018-06-01/runtime/invocation/{}/response", answers.id);
        let reply = format!(
            "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{REPLY}",
            REPLY.len()
        );
        stream.write_all(reply.as_bytes())?;
        if !answers.next()? {
            return Ok(());
        }
    }
}
