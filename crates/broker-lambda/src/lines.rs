//! Lines to stdout: audit records and metrics.
//!
//! They are written in place, before the answer. There is nobody who could write them later: after its answer the process
//! is frozen. Lambda reads what is written at once, so that this waits for nobody else.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use broker::{AuditLost, AuditRecord, AuditSink};
use parking_lot::Mutex;

/// Takes whole lines.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<Box<dyn Write + Send>>>);

impl Lines {
    /// Lines to `out`.
    pub(crate) fn to(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(out))))
    }

    /// Writes `line`, which ends in a line feed.
    pub(crate) fn write(&self, line: &str) -> io::Result<()> {
        let mut out = self.0.lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }
}

impl AuditSink for Lines {
    fn accept(&self, record: &AuditRecord<'_>) -> Result<(), AuditLost> {
        self.write(&record.to_json_line()).map_err(|error| {
            tracing::error!(%error, "the audit log takes no more lines, so there are no tokens");
            AuditLost
        })
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines(..)")
    }
}
