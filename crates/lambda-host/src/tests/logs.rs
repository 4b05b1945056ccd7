//! The output of processes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use lambda::InvokeError;

use super::world::*;
use crate::Stream::{Stderr, Stdout};

#[tokio::test]
async fn output_is_logged_by_line_and_by_stream() {
    let world = World::of(
        "
print('ready', flush=True)
request, _, _ = next_invocation()
print('hello\\nthere', flush=True)
reply(request, 'done')
request, _, _ = next_invocation()
print('oops', file=sys.stderr, end='')
",
    )
    .await;
    world.body().await;
    let out = |text: &str| (Stdout, text.to_owned());
    assert_eq!(world.log.lines(3).await, [out("ready"), out("hello"), out("there")]);
    world.invoke().await.unwrap_err();
    assert_eq!(world.log.lines(4).await[3], (Stderr, "oops".to_owned()), "also without an end of line");
}

#[tokio::test]
async fn no_line_is_lost_however_many_there_are() {
    let world = World::of(
        "
request, _, _ = next_invocation()
sys.stdout.write(''.join(f'line {number}\\n' for number in range(100_000)))
sys.stdout.flush()
reply(request, 'done')
next_invocation()
",
    )
    .await;
    assert_eq!(world.body().await, "done");
    let lines = world.log.lines(100_000).await;
    assert!(lines.iter().enumerate().all(|(number, line)| line.1 == format!("line {number}")));
}

#[tokio::test]
async fn process_waits_for_a_log_without_room() {
    let world = World::of(
        "
request, _, _ = next_invocation()
sys.stdout.write('x' * 1000 + '\\n')
sys.stdout.write(('y' * 1000 + '\\n') * 1000)
sys.stdout.flush()
reply(request, 'done')
next_invocation()
",
    )
    .await;
    world.log.is_full.store(true, Ordering::Release);
    let invocation = world.spawn("");
    // The pipe holds far less than what is written.
    world.log.refused.subscribe().wait_for(|refused| *refused > 10).await.unwrap();
    assert!(!invocation.is_finished());
    world.log.is_full.store(false, Ordering::Release);
    assert_eq!(invocation.await.unwrap().unwrap().body, "done");
    assert_eq!(world.log.lines(1001).await.len(), 1001);
}

#[tokio::test]
async fn function_whose_log_is_closed_is_not_invoked() {
    let world =
        World::of("request, _, _ = next_invocation()\nreply(request, 'done')\nnext_invocation()").await;
    world.log.is_closed.store(true, Ordering::Release);
    assert_eq!(world.invoke().await, Err(InvokeError::Unavailable));
    assert_eq!(world.host.stats().invocations, 0);
    world.log.is_closed.store(false, Ordering::Release);
    assert_eq!(world.body().await, "done");
}

#[tokio::test]
async fn child_that_keeps_the_pipes_does_not_keep_the_host() {
    let world = World::of(
        "
import subprocess
left = subprocess.Popen(['sleep', '1000'], start_new_session=True)
print(left.pid, flush=True)
request, _, _ = next_invocation()
reply(request, 'done')
next_invocation()
",
    )
    .await;
    assert_eq!(world.body().await, "done");
    let left = world.log.lines(1).await[0].1.parse().unwrap();
    world.host.shutdown(Duration::from_mins(5)).await;
    let left = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}
