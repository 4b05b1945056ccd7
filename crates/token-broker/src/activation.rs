//! Sockets that were opened before the program started and passed to it, as systemd does it (`LISTEN_FDS`).
//!
//! They outlive the program. While one stops and the next one starts, connections wait in their queues, and none is refused.

use std::net::TcpListener;

use anyhow::{Context as _, bail};
use listenfd::ListenFd;

/// The sockets that were passed, by what they are for.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) front_door: Option<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) user_pool: Option<TcpListener>,
}

impl Passed {
    /// Takes what was passed to this process. To be called once, before there are threads: it takes the variables away that
    /// say so, since they mean nothing to processes that are started from here.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let names = sd_notify::listen_fds_with_names().context("`LISTEN_FDS` and its like cannot be read")?;
        let names: Vec<String> = names.map(|(_descriptor, name)| name).collect();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let mut descriptors = ListenFd::from_env();
        let mut passed = Self::default();
        let only = names.len() == 1;
        for (number, name) in names.iter().enumerate() {
            let taken = descriptors.take_tcp_listener(number);
            let socket =
                taken.with_context(|| format!("the passed socket `{name}` is no listening TCP socket"))?;
            let socket = socket.with_context(|| format!("the passed socket `{name}` is not there"))?;
            socket.set_nonblocking(true)?;
            passed.put(name, only, socket)?;
        }
        Ok(passed)
    }

    /// Whether any was.
    pub(crate) const fn any(&self) -> bool {
        self.front_door.is_some() || self.admin.is_some() || self.user_pool.is_some()
    }

    fn put(&mut self, name: &str, only: bool, socket: TcpListener) -> anyhow::Result<()> {
        let place = match name {
            "front_door" => &mut self.front_door,
            "admin" => &mut self.admin,
            "user_pool" => &mut self.user_pool,
            // Nobody gave it a name.
            "unknown" | "" if only => &mut self.front_door,
            other => bail!(
                "a socket was passed as `{}`; there are `front_door`, `admin` and `user_pool` \
                 (`FileDescriptorName=` in a socket unit)",
                other.escape_debug()
            ),
        };
        if matches!(name, "admin" | "user_pool") && !socket.local_addr()?.ip().is_loopback() {
            bail!(
                "the passed socket `{name}` is not on a loopback address; only the front door is for others to reach"
            );
        }
        if place.replace(socket).is_some() {
            bail!("two sockets were passed as `{name}`; pass one");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn sockets_go_by_their_names() {
        let mut passed = Passed::default();
        assert!(!passed.any());
        let admin = socket();
        let address = admin.local_addr().unwrap();
        passed.put("admin", false, admin).unwrap();
        passed.put("front_door", false, socket()).unwrap();
        passed.put("user_pool", false, socket()).unwrap();
        assert_eq!(passed.admin.as_ref().unwrap().local_addr().unwrap(), address);
        assert!(passed.any());
        let twice = passed.put("admin", false, socket()).unwrap_err().to_string();
        assert!(twice.contains("two sockets"), "{twice}");
    }

    #[test]
    fn only_the_front_door_may_be_reached_from_elsewhere() {
        let open = || TcpListener::bind("0.0.0.0:0").unwrap();
        let mut passed = Passed::default();
        for name in ["admin", "user_pool"] {
            assert!(passed.put(name, false, open()).unwrap_err().to_string().contains("loopback"));
        }
        passed.put("front_door", false, open()).unwrap();
    }

    #[test]
    fn socket_without_a_name_is_the_front_door_if_it_is_the_only_one() {
        let mut passed = Passed::default();
        assert!(passed.put("unknown", false, socket()).is_err());
        let misnamed = passed.put("token-broker.socket", true, socket()).unwrap_err().to_string();
        assert!(misnamed.contains("FileDescriptorName"), "{misnamed}");
        passed.put("unknown", true, socket()).unwrap();
        assert!(passed.front_door.is_some());
    }
}
