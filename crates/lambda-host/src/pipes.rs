//! Emptying the pipes of a process into its log.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::dispatch::Dispatch;
use crate::lines::{Lines, Rate};
use crate::log::{LogLine, Stream};
use crate::pool::ProcessId;

/// Empties both pipes of a process, each as a task of its own that ends when nobody can write any more.
pub(crate) fn empty(dispatch: &Arc<Dispatch>, id: ProcessId, child: &mut Child) -> Vec<JoinHandle<()>> {
    let spawn_stdout = |pipe| tokio::spawn(empty_one(Arc::clone(dispatch), id, Stream::Stdout, pipe));
    let spawn_stderr = |pipe| tokio::spawn(empty_one(Arc::clone(dispatch), id, Stream::Stderr, pipe));
    child.stdout.take().map(spawn_stdout).into_iter().chain(child.stderr.take().map(spawn_stderr)).collect()
}

/// Empties a pipe until its other end is closed.
async fn empty_one(dispatch: Arc<Dispatch>, id: ProcessId, stream: Stream, mut pipe: impl AsyncRead + Unpin) {
    let (mut lines, mut rate) = (Lines::default(), Rate::default());
    let mut write = |text: &str, is_cut: bool| match rate.take(dispatch.uptime()) {
        Some(dropped) => {
            let function = dispatch.name();
            dispatch.log.line(&LogLine { function, process: id.0, stream, text, is_cut, dropped });
        }
        None => dispatch.count_dropped_line(),
    };
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        lines.push(buffer.get(..read).unwrap_or_default(), &mut write);
    }
    lines.finish(&mut write);
}
