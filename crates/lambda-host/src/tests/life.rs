//! The lives of processes: reuse, concurrency, callers that go away, shutdown.

use std::time::Duration;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use lambda::InvokeError;

use super::world::*;

const TELLS_ITS_ID: &str = "
while True:
    request, _, event = next_invocation()
    if event['path'] == '/gate':
        gate(os.getpid())
    reply(request, os.getpid())
";

#[tokio::test]
async fn process_stays_for_the_next_invocation() {
    let world = World::of(TELLS_ITS_ID).await;
    let first = world.body().await;
    for _ in 0..20 {
        assert_eq!(world.body().await, first);
    }
    assert_eq!(world.host.stats().cold_starts, 1);
}

#[tokio::test]
async fn as_many_processes_as_allowed_run_at_once_and_one_more_invocation_is_throttled() {
    let world = World::with(TELLS_ITS_ID, |spec| spec.concurrency = at_once(2)).await;
    let (one, two) = (world.spawn("/gate"), world.spawn("/gate"));
    let (first, second) = (world.arrival().await, world.arrival().await);
    assert_ne!(first.text, second.text);
    assert_eq!(world.invoke().await, Err(InvokeError::Throttled));
    first.release().await;
    second.release().await;
    assert_ne!(one.await.unwrap().unwrap().body, two.await.unwrap().unwrap().body);
    let stats = world.host.stats();
    assert_eq!((stats.invocations, stats.throttles, stats.processes), (2, 1, 2));
}

#[tokio::test]
async fn late_answer_goes_to_nobody_and_the_process_is_used_again() {
    let world = World::of(TELLS_ITS_ID).await;
    let abandoned = world.spawn("/gate");
    let arrival = world.arrival().await;
    let process = arrival.text.clone();
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());
    assert_eq!(world.invoke().await, Err(InvokeError::Throttled), "it is still busy");
    arrival.release().await;
    world.until_idle(1).await;
    assert_eq!(world.body().await, process);
    assert_eq!(world.host.stats().errors.total(), 0);
}

#[tokio::test]
async fn process_whose_caller_has_gone_is_killed_in_time_all_the_same() {
    let world = World::with(
        "
next_invocation()
kept = gate()
kept.recv(1)
",
        |spec| spec.timeout = Duration::from_millis(500),
    )
    .await;
    let abandoned = world.spawn("/");
    let arrival = world.arrival().await;
    abandoned.abort();
    assert_eq!(arrival.release_and_stay().await.end().await, "");
}

#[tokio::test]
async fn process_that_was_started_for_a_caller_who_has_gone_serves_the_next_one() {
    let world = World::of(&format!("gate('starting')\n{TELLS_ITS_ID}")).await;
    let abandoned = world.spawn("/");
    let arrival = world.arrival().await;
    abandoned.abort();
    assert!(abandoned.await.is_err());
    let next = world.spawn("/");
    arrival.release().await;
    next.await.unwrap().unwrap();
    assert_eq!(world.host.stats().cold_starts, 1);
}

#[tokio::test]
async fn processes_are_ready_before_the_first_invocation_if_they_are_to_be() {
    let script = "
request, _, _ = next_invocation()
reply(request, os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'])
next_invocation()
";
    let world = World::with(script, |spec| spec.concurrency = at_once(2)).await;
    assert_eq!(world.host.warm(3).await, 2);
    assert_eq!(world.host.stats().idle, 2);
    assert_eq!(world.body().await, "provisioned-concurrency");
    assert_eq!(world.host.stats().cold_starts, 0);
}

#[tokio::test]
async fn warming_tells_that_processes_do_not_start() {
    let world = World::of("sys.exit(3)").await;
    assert_eq!(world.host.warm(1).await, 0);
}

#[tokio::test]
async fn process_that_is_idle_for_long_is_told_to_end() {
    let script = "
import signal
kept = gate()
def end(*_):
    kept.sendall(b'bye')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    request, _, _ = next_invocation()
    reply(request, 'done')
";
    let world = World::with(script, |spec| spec.spare_after = Duration::from_millis(300)).await;
    let invocation = world.spawn("/");
    let arrival = world.arrival().await.release_and_stay().await;
    assert_eq!(invocation.await.unwrap().unwrap().body, "done");
    assert_eq!(arrival.end().await, "bye");
    assert_eq!(world.host.stats().processes, 0);
}

#[tokio::test]
async fn shutdown_lets_an_invocation_finish_and_takes_no_other() {
    let world = World::of(TELLS_ITS_ID).await;
    let running = world.spawn("/gate");
    let arrival = world.arrival().await;
    let host = std::sync::Arc::clone(&world.host);
    let shutdown = tokio::spawn(async move { host.shutdown(Duration::from_mins(5)).await });
    while world.invoke().await != Err(InvokeError::Unavailable) {
        tokio::task::yield_now().await;
    }
    arrival.release().await;
    running.await.unwrap().unwrap();
    shutdown.await.unwrap();
    assert_eq!(world.host.stats().processes, 0);
}

const STUBBORN: &str = "
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    kept = gate('child')
    kept.recv(1)
    os._exit(0)
kept = gate('parent')
while True:
    request, _, _ = next_invocation()
    reply(request, 'done')
";

#[tokio::test]
async fn shutdown_kills_who_does_not_end_and_the_children_with_it() {
    let world = World::of(STUBBORN).await;
    let invocation = world.spawn("/");
    let (one, two) = world.pair().await;
    assert_eq!(invocation.await.unwrap().unwrap().body, "done");
    world.host.shutdown(Duration::from_millis(100)).await;
    assert_eq!((one.end().await, two.end().await), (String::new(), String::new()));
}

#[tokio::test]
async fn process_that_does_not_end_when_it_is_told_to_is_killed_after_a_while() {
    let world = World::of(STUBBORN).await;
    let invocation = world.spawn("/");
    let (one, two) = world.pair().await;
    assert_eq!(invocation.await.unwrap().unwrap().body, "done");
    world.host.shutdown(Duration::from_mins(5)).await;
    assert_eq!((one.end().await, two.end().await), (String::new(), String::new()));
}

#[tokio::test]
async fn process_that_is_being_started_at_shutdown_ends_as_well() {
    let world = World::of("gate()").await;
    let mut invocation = world.begin("/");
    // Polled once: the process is decided on, and the task that starts it has not run yet.
    assert!(poll_once(&mut invocation).is_pending());
    world.host.shutdown(Duration::from_mins(5)).await;
    assert_eq!(invocation.await, Err(InvokeError::Unavailable));
}

#[tokio::test]
async fn invocation_that_outlasts_the_grace_of_a_shutdown_fails() {
    let world = World::of(TELLS_ITS_ID).await;
    let running = world.spawn("/gate");
    let arrival = world.arrival().await;
    world.host.shutdown(Duration::from_millis(100)).await;
    assert_eq!(running.await.unwrap(), Err(InvokeError::Failed));
    assert_eq!(arrival.end().await, "");
    assert_eq!(world.host.stats().errors.shutdown, 1);
}

#[tokio::test]
async fn host_that_is_dropped_leaves_no_process_that_is_running() {
    let world = World::of(TELLS_ITS_ID).await;
    let running = world.spawn("/gate");
    let arrival = world.arrival().await;
    running.abort();
    assert!(running.await.is_err());
    drop(world);
    assert_eq!(arrival.end().await, "");
}

#[tokio::test]
async fn children_end_with_their_process() {
    let world = World::of(&STUBBORN.replace("reply(request, 'done')", "os._exit(1)")).await;
    let invocation = world.spawn("/");
    let (one, two) = world.pair().await;
    assert_eq!(invocation.await.unwrap(), Err(InvokeError::Failed));
    assert_eq!((one.end().await, two.end().await), (String::new(), String::new()));
}

#[tokio::test]
async fn host_that_is_dropped_leaves_no_process() {
    let world = World::of(STUBBORN).await;
    let invocation = world.spawn("/");
    let (one, two) = world.pair().await;
    assert_eq!(invocation.await.unwrap().unwrap().body, "done");
    drop(world);
    assert_eq!((one.end().await, two.end().await), (String::new(), String::new()));
}

#[test]
fn runtime_that_ends_leaves_no_process() {
    let hosting = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listening = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = listening.block_on(World::of(STUBBORN));
    let invocation = hosting.spawn(world.begin("/"));
    listening.block_on(async {
        let (one, two) = world.pair().await;
        assert_eq!(invocation.await.unwrap().unwrap().body, "done");
        hosting.shutdown_background();
        assert_eq!((one.end().await, two.end().await), (String::new(), String::new()));
    });
}

fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
