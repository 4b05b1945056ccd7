//! The bare loop: a thread for each process, and nothing but the protocol.

use std::error::Error;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::event::{REPLY, event};
use crate::wire::Messages;

/// Processes that have asked for their first invocation.
pub struct Contender {
    processes: Vec<Process>,
}

struct Process {
    child: Child,
    stream: TcpStream,
    requests: Messages,
}

impl Contender {
    pub fn start(processes: usize) -> Result<Self, Box<dyn Error>> {
        let processes = (0..processes).map(|_| Process::start()).collect::<Result<_, _>>()?;
        Ok(Self { processes })
    }

    pub fn round(&mut self, invocations: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
        let share = invocations / self.processes.len();
        let event = event().to_json();
        thread::scope(|scope| {
            let event = event.as_ref();
            let threads: Vec<_> = self
                .processes
                .iter_mut()
                .map(|process| scope.spawn(|| process.serve(event, share)))
                .collect();
            let mut latencies = Vec::with_capacity(invocations);
            for thread in threads {
                latencies.extend(thread.join().expect("no thread panics")?);
            }
            Ok(latencies)
        })
    }
}

impl Process {
    fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let program = std::env::current_exe()?;
        let child = Command::new(program).arg("function").env("AWS_LAMBDA_RUNTIME_API", address).spawn()?;
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut requests = Messages::of(stream.try_clone()?);
        requests.next()?;
        Ok(Self { child, stream, requests })
    }

    fn serve(&mut self, event: &[u8], invocations: usize) -> std::io::Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(invocations);
        for number in 0..invocations {
            let began = Instant::now();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {number}\r\n\
                 Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
                 Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\n\
                 Content-Length: {}\r\n\r\n",
                event.len()
            );
            self.stream.write_all(&[head.as_bytes(), event].concat())?;
            self.requests.next()?;
            assert_eq!(self.requests.body, REPLY.as_bytes(), "the reply is another");
            latencies.push(began.elapsed());
            self.stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
            self.requests.next()?;
        }
        Ok(latencies)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}
