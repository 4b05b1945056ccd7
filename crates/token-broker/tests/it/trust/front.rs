//! Proxies that are programs of their own, in front of the server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::Place;

/// A proxy that runs until it is dropped.
pub(super) struct Proxy {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Proxy {
    /// Starts `program`; its configuration is made of the address that it is to listen on.
    pub(super) fn start(
        place: &Place,
        program: &str,
        arguments: &[&str],
        configuration: impl FnOnce(SocketAddr) -> String,
    ) -> Self {
        assert!(Path::new(program).exists(), "{program} is not there: run tests/setup/proxies");
        // A loopback address that no other test has: it is made of this process's id. The port is free at the moment.
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let free = TcpListener::bind((Ipv4Addr::new(127, high | 0x80, middle, low), 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let file = place.path("proxy.conf");
        std::fs::write(&file, configuration(address)).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).arg(&file).current_dir(place.root());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(address).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "{program} has ended");
            std::thread::yield_now();
        }
        Self { child, address }
    }

    /// What `curl` from `source` gets for its token request: the status; 000 for none.
    pub(super) fn token(&self, source: &str, headers: &[&str]) -> String {
        self.token_by("http", source, headers)
    }

    /// The same by `scheme`. Whose certificate it is does not matter here.
    pub(super) fn token_by(&self, scheme: &str, source: &str, headers: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--interface",
            source,
            "--insecure",
            "--max-time",
            "20",
            "--output",
            "/dev/null",
        ]);
        curl.args(["--write-out", "%{http_code}", "--data", super::GRANT]);
        for header in headers {
            curl.args(["--header", header]);
        }
        let output = curl.arg(format!("{scheme}://{}/dev/oauth2/token", self.address)).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _ended = self.child.wait();
    }
}
