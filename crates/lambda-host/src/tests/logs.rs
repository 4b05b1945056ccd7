//! The output of processes.

use std::sync::Arc;
use std::time::Duration;

use testkit::ManualClock;

use super::world::*;
use crate::Stream::{Stderr, Stdout};
use crate::lines::LINES_PER_WINDOW;

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
async fn process_that_writes_too_much_is_neither_kept_nor_kept_waiting() {
    let world = World::at(
        Arc::new(ManualClock::default()),
        "
request, _, _ = next_invocation()
sys.stdout.write('line\\n' * 100_000)
sys.stdout.flush()
reply(request, 'done')
next_invocation()
",
        |_| {},
    )
    .await;
    assert_eq!(world.body().await, "done");
    world.host.shutdown(Duration::from_mins(5)).await;
    let kept = usize::try_from(LINES_PER_WINDOW).unwrap();
    assert_eq!(world.log.lines(kept).await.len(), kept);
    assert_eq!(world.host.stats().lines_dropped, 100_000 - u64::from(LINES_PER_WINDOW));
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
