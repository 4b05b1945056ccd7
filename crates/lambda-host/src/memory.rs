//! How much memory a process and its children have, on Linux.
//!
//! Resident memory is what Lambda bounds. An address-space limit (`RLIMIT_AS`) would not do: Node.js reserves gigabytes
//! of addresses that it never touches. A child that has cut itself loose from its parents is not counted. Elsewhere than
//! on Linux nothing is measured.

use std::fs;

use rustix::process::Pid;

/// Whether `root` and its children have more than `limit` bytes in memory.
pub(crate) fn exceeds(root: Pid, limit: u64) -> bool {
    let family = family(root);
    let resident = family.iter().map(|pid| resident(*pid)).sum::<u64>();
    // What a parent and its child share is in memory once, but resident in both. The kernel tells such memory apart,
    // though not as fast: it is asked only when it matters.
    resident > limit
        && (family.len() == 1
            || family.iter().map(|pid| proportional(*pid)).sum::<Option<u64>>().is_none_or(|own| own > limit))
}

/// The second field of `statm`, in bytes. A process that has just ended has none.
fn resident(pid: i32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default().saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or_default())
}

/// Memory that several processes share, divided among them.
fn proportional(pid: i32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// `root` and those that descend from it, as far as the kernel lists them.
pub(crate) fn family(root: Pid) -> Vec<i32> {
    let mut family = vec![root.as_raw_nonzero().get()];
    let mut at = 0;
    while let Some(pid) = family.get(at).copied()
        && family.len() < MOST
    {
        family.extend(children(pid));
        at += 1;
    }
    family
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of_task = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let parse =
        |list: String| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>();
    tasks.flatten().map(of_task).flat_map(parse).collect()
}

/// How many processes are looked at, at most about.
const MOST: usize = 256;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, Command, Stdio};

    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// A process of `script`, which has said that it is ready.
    fn ready(script: &str) -> (Child, Pid) {
        let script = format!("import os\n{script}\nprint(flush=True)\ninput()");
        let (stdin, stdout) = (Stdio::piped(), Stdio::piped());
        let mut command = Command::new("python3");
        let mut child = command.args(["-c", &script]).stdin(stdin).stdout(stdout).spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        (child, pid)
    }

    fn end((mut child, _): (Child, Pid)) {
        // Its standard input is closed first, which also ends what it forked.
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn memory_of_children_counts() {
        let family = ready(
            "ready, told = os.pipe()\nif os.fork() == 0: held = b'x' * (96 << 20); os.write(told, b'!'); input()\nos.read(ready, 1)",
        );
        assert!(exceeds(family.1, 64 * MIB));
        assert!(!exceeds(family.1, 256 * MIB));
        end(family);
    }

    #[test]
    fn memory_that_is_shared_with_children_counts_once() {
        let family = ready(
            "held = b'x' * (96 << 20)\nready, told = os.pipe()\nif os.fork() == 0: os.write(told, b'!'); input()\nos.read(ready, 1)",
        );
        assert!(!exceeds(family.1, 160 * MIB));
        assert!(exceeds(family.1, 64 * MIB));
        end(family);
    }

    #[test]
    fn process_that_is_gone_has_no_memory() {
        let family = ready("");
        let pid = family.1;
        end(family);
        assert!(!exceeds(pid, 0));
    }
}
