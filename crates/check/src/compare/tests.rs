//! Differences between a definition and what was read.
