//! Many who say nothing, or say it a byte at a time, and a good client among them.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::Target;
use crate::harness::{Place, Server, get};

/// How many connections the crowd tries to hold, from each of so many addresses.
const EACH: usize = 200;
const ADDRESSES: u8 = 6;

/// How much more memory all of it may cost.
const MEBIBYTES: u64 = 48;

/// A connection from an address of this machine other than the good client's.
async fn from(address: u8, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 1, address], 0))).unwrap();
    socket.connect(to).await.ok()
}

/// With so few files that may be open that the crowd takes every place: half of them are for connections.
fn few_files(place: &Place) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 512 && exec \"$0\" up --json", env!("CARGO_BIN_EXE_token-broker")]);
    place.up_by(command)
}

#[tokio::test]
async fn good_client_is_served_among_many_that_only_hold_connections() {
    let target = Target::up_by(few_files);
    target.is_granted_soon();
    let before = target.resident();
    let to: SocketAddr = target.address();
    let mut crowd = Vec::new();
    for number in 0..EACH {
        for address in 1..=ADDRESSES {
            let Some(mut stream) = from(address, to).await else { continue };
            let said = match number % 3 {
                0 => Vec::new(),
                1 => b"POST /dev/oauth2/token HTTP/1.1\r\nHost: ".to_vec(),
                _ => target.good.framed("Content-Length: 30000\r\n", "grant"),
            };
            let _displaced = stream.write_all(&said).await;
            crowd.push(stream);
        }
        // A byte more of everything, and a good request on a connection of its own.
        if number % 10 == 0 {
            for stream in &mut crowd {
                let _displaced = stream.try_write(b"x");
            }
            target.is_granted_soon();
        }
    }
    assert!(crowd.len() > EACH, "there is a crowd: {}", crowd.len());
    let grown = target.resident().saturating_sub(before);
    assert!(grown < MEBIBYTES * 1024, "{grown} KiB more");
}

#[tokio::test]
async fn body_in_thousands_of_pieces_costs_its_size_and_no_more() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
    let before = target.resident();
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&target.good.framed("Content-Length: 60000\r\n", "grant")).await.unwrap();
        streams.push(stream);
    }
    let health = format!("{}/healthz", target.server.url("admin"));
    for _ in 0..2_000 {
        for stream in &mut streams {
            stream.write_all(b"x").await.unwrap();
        }
        // Whoever answers this has come to read the others as well, so that each byte is a piece of its own.
        assert_eq!(get(&health).0, 200);
    }
    let grown = target.resident().saturating_sub(before);
    assert!(grown < MEBIBYTES * 1024, "{grown} KiB more");
    target.next_is_granted().unwrap();
}

impl Target {
    fn address(&self) -> SocketAddr {
        self.server
            .url("invoke_url")
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Asks for a token on a connection of its own, and waits less long than any of the crowd is borne.
    fn is_granted_soon(&self) {
        let mut connection = self.connect();
        connection.wait_for_at_most(Duration::from_secs(5));
        connection.send(&self.good.whole());
        assert_eq!(connection.answer().unwrap().status, 200);
    }

    /// Memory of the program that is in use, in KiB.
    fn resident(&self) -> u64 {
        super::resident(&self.server)
    }
}
