//! Many who say nothing, or say it a byte at a time, and a good client among them.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::Target;

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

#[tokio::test]
async fn good_client_is_served_among_many_that_only_hold_connections() {
    let mut target = Target::up();
    target.next_is_granted().unwrap();
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
            target.next_is_granted().unwrap();
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
    for _ in 0..8 {
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&target.good.framed("Content-Length: 60000\r\n", "grant")).await.unwrap();
        streams.push(stream);
    }
    for _ in 0..3_000 {
        for stream in &mut streams {
            stream.write_all(b"x").await.unwrap();
        }
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

    /// Memory of the program that is in use, in KiB.
    fn resident(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.server.endpoints["pid"])).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}
