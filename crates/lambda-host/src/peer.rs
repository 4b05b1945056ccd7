//! Whose process is at the other end of a connection to a Runtime API, on Linux.
//!
//! The Runtime API knows no credential, and an event carries the caller's key: whoever connects first could take it. So
//! only the user that the host runs as is served, and the users that the function's process and its children run as. The
//! kernel says whose a socket is. Elsewhere than on Linux nobody is asked.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::unix::fs::MetadataExt as _;

use rustix::process::{Pid, geteuid};
use tokio::net::TcpStream;

use crate::memory::family;

/// Whether `stream` comes from a process that may ask for the invocations of `root`.
pub(crate) async fn is_own(stream: &TcpStream, root: Pid) -> io::Result<bool> {
    if !cfg!(target_os = "linux") {
        return Ok(true);
    }
    let (SocketAddr::V4(theirs), SocketAddr::V4(ours)) = (stream.peer_addr()?, stream.local_addr()?) else {
        return Ok(false);
    };
    let asked = tokio::task::spawn_blocking(move || {
        let sockets = fs::read_to_string("/proc/net/tcp")?;
        Ok(owner(&sockets, theirs, ours).is_some_and(|user| users(root).contains(&user)))
    });
    asked.await.map_err(io::Error::other)?
}

fn users(root: Pid) -> BTreeSet<u32> {
    let user_of = |pid: i32| fs::metadata(format!("/proc/{pid}")).ok().map(|process| process.uid());
    family(root).into_iter().filter_map(user_of).chain([geteuid().as_raw()]).collect()
}

/// The user whose socket is connected from `local` to `remote`, in the kernel's list of them.
fn owner(sockets: &str, local: SocketAddrV4, remote: SocketAddrV4) -> Option<u32> {
    sockets.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let found = (address(fields.next()?)?, address(fields.next()?)?);
        let state = fields.next()?;
        let user = fields.nth(3)?;
        // A connection that has ended belongs to nobody, which the list says as user 0.
        (found == (local, remote) && state == ESTABLISHED).then(|| user.parse().ok()).flatten()
    })
}

/// An address as the kernel writes it: as a number of this machine's byte order, and the port.
fn address(text: &str) -> Option<SocketAddrV4> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    Some(SocketAddrV4::new(Ipv4Addr::from(address), u16::from_str_radix(port, 16).ok()?))
}

const ESTABLISHED: &str = "01";

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKETS: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 13 1 0
   3: 0100007F:C351 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
";

    #[cfg(target_endian = "little")]
    #[test]
    fn socket_is_found_by_both_of_its_ends() {
        let at = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        assert_eq!(owner(SOCKETS, at(50_000), at(8080)), Some(65_534));
        assert_eq!(owner(SOCKETS, at(8080), at(50_000)), Some(1000));
        assert_eq!(owner(SOCKETS, at(50_001), at(8080)), None, "it has ended, and is no root's");
        assert_eq!(owner(SOCKETS, at(8080), at(0)), None);
        assert_eq!(owner("", at(50_000), at(8080)), None);
    }
}
