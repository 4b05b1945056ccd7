//! Audit lines into a journal. A line that is not accepted is a token that is not handed out.

use broker::{AuditLost, AuditRecord, AuditSink};
use journal::Journal;

/// The audit log.
#[derive(Debug)]
pub(crate) struct AuditLog(pub(crate) Journal);

impl AuditSink for AuditLog {
    fn accept(&self, record: &AuditRecord<'_>) -> Result<(), AuditLost> {
        self.0.offer(record.to_json_line().as_bytes()).map_err(|_refused| AuditLost)
    }
}
