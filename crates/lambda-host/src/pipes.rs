//! Emptying the pipes of a process into its log.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::dispatch::Dispatch;
use crate::lines::Lines;
use crate::log::{LogLine, Stream};
use crate::pool::ProcessId;

/// Empties both pipes of a process, each as a task of its own that ends when nobody can write any more.
pub(crate) fn empty(dispatch: &Arc<Dispatch>, id: ProcessId, child: &mut Child) -> Vec<JoinHandle<()>> {
    let spawn_stdout = |pipe| tokio::spawn(empty_one(Arc::clone(dispatch), id, Stream::Stdout, pipe));
    let spawn_stderr = |pipe| tokio::spawn(empty_one(Arc::clone(dispatch), id, Stream::Stderr, pipe));
    child.stdout.take().map(spawn_stdout).into_iter().chain(child.stderr.take().map(spawn_stderr)).collect()
}

/// Empties a pipe until its other end is closed, as fast as the log takes what is in it.
async fn empty_one(dispatch: Arc<Dispatch>, id: ProcessId, stream: Stream, mut pipe: impl AsyncRead + Unpin) {
    let mut lines = Lines::default();
    let mut completed = Vec::new();
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let bytes = buffer.get(..read).unwrap_or_default();
        lines.push(bytes, &mut |text, is_cut| completed.push((text.to_owned(), is_cut)));
        log(&dispatch, id, stream, completed.drain(..)).await;
    }
    lines.finish(&mut |text, is_cut| completed.push((text.to_owned(), is_cut)));
    log(&dispatch, id, stream, completed.drain(..)).await;
}

/// Waits until the log has taken all of `lines`.
async fn log(
    dispatch: &Dispatch,
    id: ProcessId,
    stream: Stream,
    lines: impl Iterator<Item = (String, bool)>,
) {
    let function = dispatch.name();
    for (text, is_cut) in lines {
        let line = LogLine { function, process: id.0, stream, text: &text, is_cut };
        while dispatch.log.offer(&line).is_err() {
            let _elapsed = tokio::time::timeout(ROOM_PAUSE, pending::<()>()).await;
        }
    }
}

/// How long to wait until a log without room is asked again.
const ROOM_PAUSE: Duration = Duration::from_millis(5);
