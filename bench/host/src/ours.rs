//! The host: the same processes, invoked as the front door invokes them.

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ambient::{Clock as _, SystemClock, SystemEntropy};
use lambda::{Function as _, Invocation};
use lambda_host::{FunctionSpec, Host, Surroundings, TracingLog};
use restapi::{AccountId, FunctionName, Region};
use tokio::runtime::{Builder, Runtime};

use crate::event::{event, source};

/// A host whose processes have asked for their first invocation.
pub struct Contender {
    runtime: Runtime,
    host: Arc<Host>,
    processes: usize,
}

impl Contender {
    pub fn start(processes: usize) -> Result<Self, Box<dyn Error>> {
        let program =
            std::env::current_exe()?.to_str().ok_or("the path of this program is not UTF-8")?.to_owned();
        let spec = FunctionSpec {
            concurrency: NonZeroUsize::new(processes).ok_or("at least one process")?,
            timeout: Duration::from_secs(29),
            ..FunctionSpec::new(
                FunctionName::parse("bench")?,
                Region::parse("eu-central-1")?,
                AccountId::parse("123456789012")?,
                vec![program, "function".to_owned()],
            )
        };
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let surroundings = Surroundings {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            log: Arc::new(TracingLog),
        };
        let host = Arc::new(runtime.block_on(async { Host::new(spec, surroundings) })?);
        let ready = runtime.block_on(host.warm(processes));
        if ready == processes {
            Ok(Self { runtime, host, processes })
        } else {
            Err("not every process started".into())
        }
    }

    pub fn round(&mut self, invocations: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
        let share = invocations / self.processes;
        self.runtime.block_on(async {
            let tasks: Vec<_> =
                (0..self.processes).map(|_| tokio::spawn(invoke(Arc::clone(&self.host), share))).collect();
            let mut latencies = Vec::with_capacity(invocations);
            for task in tasks {
                latencies.extend(task.await??);
            }
            Ok(latencies)
        })
    }
}

async fn invoke(host: Arc<Host>, invocations: usize) -> Result<Vec<Duration>, String> {
    let (event, source) = (event(), source());
    let mut latencies = Vec::with_capacity(invocations);
    for _ in 0..invocations {
        let began = Instant::now();
        let deadline = SystemClock.now().plus(Duration::from_secs(29));
        let invocation = Invocation { event: &event, source: &source, deadline };
        let reply = host.invoke(invocation).await.map_err(|error| error.to_string())?;
        latencies.push(began.elapsed());
        assert_eq!(reply.status, 200, "the reply is another");
    }
    Ok(latencies)
}
