//! Hosts with real processes: scripts for `python3`, and what they tell the test through sockets and their log.

mod failures;
mod life;
mod logs;
mod protocol;
mod world;
