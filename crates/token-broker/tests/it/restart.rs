//! One server takes another's place on sockets that outlive both, as systemd passes them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use serde_json::Value;

use crate::harness::{DEFINITION, Place, Server, get};

const FORM: &str = "grant_type=client_credentials&scope=orders/read";

/// Puts the sockets where a service manager puts them, says so, and becomes the server.
const PASS: &str = r#"
import os, sys
names, descriptors, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
for number, descriptor in enumerate(descriptors):
    os.dup2(int(descriptor), 3 + number)
    os.close(int(descriptor))
os.environ.update(LISTEN_FDS=str(len(descriptors)), LISTEN_FDNAMES=names, LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"#;

/// A command that starts the server with these sockets.
fn passing(place: &Place, sockets: &[(&str, &TcpListener)]) -> Command {
    let mut command = place.command(&[]);
    command = {
        let mut python = Command::new("python3");
        python.current_dir(place.root());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => python.env(name, value),
                None => python.env_remove(name),
            };
        }
        python
    };
    let mut descriptors = Vec::new();
    for (_, socket) in sockets {
        // Above those that they are put at. It stays open in this process, which ends with the test.
        let descriptor = fcntl_dupfd_cloexec(socket, 40).unwrap();
        fcntl_setfd(&descriptor, FdFlags::empty()).unwrap();
        descriptors.push(descriptor.as_raw_fd().to_string());
        std::mem::forget(descriptor);
    }
    let names: Vec<_> = sockets.iter().map(|(name, _)| *name).collect();
    command.args(["-c", PASS, &names.join(":"), &descriptors.join(",")]);
    command.args([env!("CARGO_BIN_EXE_token-broker"), "up", "--json"]);
    command
}

/// What a server tells its service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn of(place: &Place, name: &str, command: &mut Command) -> Self {
        let path = place.path(name);
        command.env("NOTIFY_SOCKET", &path);
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// Waits until it is told something with `text` in it.
    fn wait_for(&self, text: &str) {
        let mut told = vec![0; 4_096];
        loop {
            let length = self.0.recv(&mut told).unwrap();
            if String::from_utf8_lossy(&told[..length]).contains(text) {
                return;
            }
        }
    }
}

fn request(address: &str, path: &str, key: &str, connection: &str) -> String {
    let length = FORM.len();
    format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nx-api-key: {key}\r\nConnection: {connection}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{FORM}"
    )
}

/// Asks again and again, over a connection for each request, and counts; anything but a token fails the test.
fn ask_anew(address: &str, path: &str, key: &str, stop: &AtomicBool, answered: &AtomicU64) {
    let request = request(address, path, key, "close");
    while !stop.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// The same over one connection until the server says that it closes it.
fn ask_on(address: &str, path: &str, key: &str, stop: &AtomicBool, answered: &AtomicU64) {
    let request = request(address, path, key, "keep-alive");
    while !stop.load(Ordering::Relaxed) {
        let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
        let mut goes_on = true;
        while goes_on && !stop.load(Ordering::Relaxed) {
            stream.get_mut().write_all(request.as_bytes()).unwrap();
            let (mut line, mut length) = (String::new(), 0);
            stream.read_line(&mut line).unwrap();
            assert!(line.starts_with("HTTP/1.1 200 "), "{line:?}");
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).unwrap();
                let head = line.to_ascii_lowercase();
                goes_on &= !head.starts_with("connection: close");
                length =
                    head.strip_prefix("content-length: ").map_or(length, |text| text.trim().parse().unwrap());
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn used(place: &Place) -> u64 {
    let usage: Value = serde_json::from_str(&place.run(&["usage", "billing", "--json"]).ok()).unwrap();
    usage.pointer("/standings/0/quota/used").and_then(Value::as_u64).unwrap()
}

fn audited(place: &Place) -> u64 {
    place.read(".token-broker/logs/audit.log").lines().count() as u64
}

#[test]
fn no_request_fails_while_servers_take_each_others_place_and_limits_go_on() {
    let wide = DEFINITION.replace("rate: 1000, burst: 1000", "rate: 9990, burst: 4990").replace(
        "wide: { throttle: { rate: 500, burst: 500 }",
        "wide: { throttle: { rate: 9900, burst: 4900 }, quota: { limit: 10000000, period: month }",
    );
    let place = Place::with(&wide);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut server = place.up_by(passing(&place, &[("front_door", &socket)]));
    let url = server.url("invoke_url");
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert_eq!(host, address);
    let key = place.read(".token-broker/keys/billing");
    let few = place.read(".token-broker/keys/slow");
    assert_eq!(server.token(few.trim(), FORM).0, 200);
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let (address, key, stop, answered) = (&address, key.trim(), &stop, &answered);
        scope.spawn(move || ask_anew(address, path, key, stop, answered));
        scope.spawn(move || ask_anew(address, path, key, stop, answered));
        scope.spawn(move || ask_on(address, path, key, stop, answered));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..3 {
                let goal = answered.load(Ordering::Relaxed) + 100;
                while answered.load(Ordering::Relaxed) < goal {
                    thread::yield_now();
                }
                let mut command = passing(&place, &[("front_door", &socket)]);
                let manager = Manager::of(&place, &format!("notify-{round}"), &mut command);
                let next = thread::scope(|starting| {
                    let next = starting.spawn(|| place.up_by(command));
                    manager.wait_for("waiting until the server before");
                    let before = std::mem::replace(&mut server, never(&place));
                    let (code, said) = before.stop("-TERM");
                    assert_eq!(code, Some(0), "{said}");
                    next.join().unwrap()
                });
                manager.wait_for("READY=1");
                server = next;
                assert_eq!(server.token(few.trim(), FORM).0, 429, "its bucket is as empty as it was");
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
    let answered = answered.into_inner();
    assert!(answered > 300, "{answered}");
    assert_eq!(used(&place), answered, "each request is counted, and counted once");
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert_eq!(audited(&place), answered + 1);
}

/// Holds a server's place while there is none.
fn never(place: &Place) -> Server {
    let mut command = place.command(&[]);
    command = {
        drop(command);
        let mut echo = Command::new("echo");
        echo.arg("{}");
        echo
    };
    place.up_by(command)
}

#[test]
fn client_that_keeps_its_connection_is_answered_once_more_when_the_server_stops() {
    let place = Place::new();
    let mut command = place.command(&["up", "--json"]);
    let manager = Manager::of(&place, "notify", &mut command);
    let server = place.up_by(command);
    let url = server.url("invoke_url");
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let key = place.read(".token-broker/keys/billing");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request(address, path, key.trim(), "keep-alive").as_bytes()).unwrap();
    let mut answers = vec![0; 8_192];
    assert_ne!(stream.read(&mut answers).unwrap(), 0);
    server.signal("-TERM");
    manager.wait_for("STOPPING=1");
    stream.write_all(request(address, path, key.trim(), "keep-alive").as_bytes()).unwrap();
    let mut last = String::new();
    stream.read_to_string(&mut last).unwrap();
    let last = last.to_ascii_lowercase();
    assert!(last.contains("http/1.1 200 ") && last.contains("connection: close"), "{last}");
}

#[test]
fn connections_wait_in_the_queue_while_there_is_no_server() {
    let place = Place::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let server = place.up_by(passing(&place, &[("front_door", &socket)]));
    let key = place.read(".token-broker/keys/billing");
    assert_eq!(server.stop("-TERM").0, Some(0));
    let mut early = TcpStream::connect(&address).unwrap();
    early.write_all(request(&address, "dev/oauth2/token", key.trim(), "close").as_bytes()).unwrap();
    let _server = place.up_by(passing(&place, &[("front_door", &socket)]));
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn every_listener_may_be_passed_by_its_name() {
    let place = Place::new();
    let [front_door, admin, pool] = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let sockets = [("admin", &admin), ("user_pool", &pool), ("front_door", &front_door)];
    let server = place.up_by(passing(&place, &sockets));
    for (name, socket) in [("admin", &admin), ("issuer", &pool), ("invoke_url", &front_door)] {
        let address = socket.local_addr().unwrap().to_string();
        assert!(server.url(name).starts_with(&format!("http://{address}")), "{name}");
    }
    assert_eq!(get(&format!("{}/readyz", server.url("admin"))).0, 200);
    let key = place.read(".token-broker/keys/billing");
    assert_eq!(server.token(key.trim(), FORM).0, 200);
}

#[test]
fn socket_that_nobody_knows_is_refused() {
    let place = Place::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = passing(&place, &[("token-broker.socket", &socket)]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("token-broker.socket") && said.contains("FileDescriptorName"), "{said}");
}

#[test]
fn service_manager_is_told_of_start_reload_and_stop() {
    let place = Place::new();
    let mut command = place.command(&["up", "--json"]);
    let manager = Manager::of(&place, "notify", &mut command);
    let server = place.up_by(command);
    manager.wait_for("READY=1\nSTATUS=definition 1 is in force\n");
    place.run(&["reload"]).ok();
    manager.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    manager.wait_for("READY=1\nSTATUS=definition 2 is in force\n");
    std::fs::write(place.path("token-broker.yaml"), "]").unwrap();
    place.run(&["reload"]).failed();
    manager.wait_for("READY=1\nSTATUS=definition 2 is in force; the last reload was refused");
    assert_eq!(server.stop("-TERM").0, Some(0));
    manager.wait_for("STOPPING=1");
}
