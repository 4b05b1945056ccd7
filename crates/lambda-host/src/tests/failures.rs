//! Functions that do not start, crash, hang, or take too much.

use std::sync::Arc;
use std::time::Duration;

use lambda::InvokeError;
use testkit::ManualClock;

use super::world::*;
use crate::Errors;

#[tokio::test]
async fn init_error_fails_the_invocation_and_ends_the_process() {
    let world = World::of(
        "
call('POST', 'init/error', '{\"errorMessage\": \"sesame\"}', {'Lambda-Runtime-Function-Error-Type': 'Greeter.Mute'})
gate()
",
    )
    .await;
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    world.host.shutdown(Duration::from_mins(5)).await;
    assert_eq!(world.host.stats().errors, Errors { init: 1, ..Errors::default() });
}

#[tokio::test]
async fn process_that_exits_before_it_is_ready_fails_the_invocation() {
    let world = World::of("sys.exit(3)").await;
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    assert_eq!(world.host.stats().errors, Errors { init: 1, ..Errors::default() });
}

#[tokio::test]
async fn process_that_is_not_ready_in_time_is_killed() {
    let world = World::with("kept = gate(); kept.recv(1)", |spec| {
        spec.init_timeout = Duration::from_millis(200);
    })
    .await;
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    assert_eq!(world.host.stats().errors, Errors { init: 1, ..Errors::default() });
}

#[tokio::test]
async fn program_that_is_not_there_fails_the_invocation() {
    let world = World::with("", |spec| spec.command = vec!["./nobody".into()]).await;
    assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    assert_eq!(world.host.stats().errors, Errors { init: 1, ..Errors::default() });
}

#[tokio::test]
async fn function_that_keeps_failing_to_start_is_not_started_for_each_invocation() {
    let world = World::at(Arc::new(ManualClock::default()), "sys.exit(3)", |_| {}).await;
    for _ in 0..5 {
        assert_eq!(world.invoke().await, Err(InvokeError::Failed));
    }
    let stats = world.host.stats();
    assert_eq!((stats.cold_starts, stats.errors.init, stats.invocations), (2, 5, 5));
}

const CRASHES_ONCE: &str = "
request, _, event = next_invocation()
if event['path'] == '/crash':
    CRASH
reply(request, str(os.getpid()))
next_invocation()
";

#[tokio::test]
async fn crash_fails_the_invocation_and_the_next_one_gets_a_fresh_process() {
    for crash in ["os.kill(os.getpid(), 9)", "sys.exit(0)", "os.abort()"] {
        let world = World::of(&CRASHES_ONCE.replace("CRASH", crash)).await;
        assert_eq!(world.begin("/crash").await, Err(InvokeError::Failed), "{crash}");
        world.body().await;
        let stats = world.host.stats();
        assert_eq!((stats.errors.exit, stats.errors.total(), stats.cold_starts), (1, 1, 2), "{crash}");
    }
}

#[tokio::test]
async fn invocation_that_takes_too_long_fails_and_its_process_is_killed() {
    let world = World::with(
        "
request, _, event = next_invocation()
if event['path'] == '/hang':
    kept = gate()
    kept.recv(1)
reply(request, 'done')
next_invocation()
",
        |spec| spec.timeout = Duration::from_secs(1),
    )
    .await;
    let hanging = world.spawn("/hang");
    let arrival = world.arrival().await;
    assert_eq!(hanging.await.unwrap(), Err(InvokeError::Failed));
    assert_eq!(arrival.end().await, "");
    assert_eq!(world.host.stats().errors, Errors { timeout: 1, ..Errors::default() });
    assert_eq!(world.body().await, "done");
}

#[tokio::test]
async fn process_that_answers_and_hangs_then_is_killed_as_well() {
    let world = World::with(
        "
request, _, _ = next_invocation()
reply(request, 'done')
kept = gate()
kept.recv(1)
",
        |spec| spec.timeout = Duration::from_secs(1),
    )
    .await;
    assert_eq!(world.body().await, "done");
    assert_eq!(world.arrival().await.release_and_stay().await.end().await, "");
    assert_eq!(world.host.stats().errors.total(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn process_that_takes_too_much_memory_is_killed() {
    let own = "memory = b'x' * (256 * 1024 * 1024); gate().recv(1)";
    let of_a_child = "import subprocess; subprocess.run([sys.executable, '-c', 'import runtime; memory = b\"x\" * (256 * 1024 * 1024); runtime.gate().recv(1)'])";
    for hog in [own, of_a_child] {
        let script = format!(
            "
request, _, event = next_invocation()
if event['path'] == '/hog':
    {hog}
reply(request, 'done')
next_invocation()
"
        );
        let world = World::with(&script, |spec| spec.memory_mib = mebibytes(128)).await;
        let hogging = world.spawn("/hog");
        assert_eq!(hogging.await.unwrap(), Err(InvokeError::Failed));
        assert_eq!(world.host.stats().errors, Errors { out_of_memory: 1, ..Errors::default() });
        assert_eq!(world.body().await, "done");
    }
}
