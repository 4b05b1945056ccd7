//! How many connections each source address has open.
//!
//! It keeps one address from taking every place of a listener. Whoever has many addresses is not stopped by it: the
//! deadlines are for them. The addresses of one IPv6 network of 64 bits count as one, because that is what one customer
//! is handed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The addresses that have connections open. Kept only while they do.
#[derive(Debug)]
pub struct Addresses {
    cap: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address; counted until dropped.
#[derive(Debug)]
pub struct Entered {
    addresses: Arc<Addresses>,
    source: IpAddr,
}

impl Addresses {
    /// Nobody yet; each address may have `cap` connections, or any number if `cap` is zero.
    pub fn new(cap: usize) -> Arc<Self> {
        let cap = if cap == 0 { usize::MAX } else { cap };
        Arc::new(Self { cap, open: Mutex::default() })
    }

    /// Counts one more connection of `address`, unless it has as many as it may.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Entered> {
        let source = source(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(source).or_default();
        if *count >= self.cap {
            return None;
        }
        *count += 1;
        Some(Entered { addresses: Arc::clone(self), source })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.source);
            }
        }
    }
}

fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Entered};

    fn enter(addresses: &std::sync::Arc<Addresses>, address: &str) -> Option<Entered> {
        addresses.enter(address.parse().unwrap())
    }

    #[test]
    fn address_has_as_many_connections_as_it_may_and_another_has_its_own() {
        let addresses = Addresses::new(2);
        let held = (enter(&addresses, "192.0.2.1"), enter(&addresses, "::ffff:192.0.2.1"));
        assert!(held.0.is_some() && held.1.is_some());
        assert!(enter(&addresses, "192.0.2.1").is_none());
        assert!(enter(&addresses, "192.0.2.2").is_some());
        drop(held.0);
        assert!(enter(&addresses, "192.0.2.1").is_some());
    }

    #[test]
    fn network_of_64_bits_is_one_address() {
        let addresses = Addresses::new(1);
        let _held = enter(&addresses, "2001:db8:0:1::1");
        assert!(enter(&addresses, "2001:db8:0:1:ffff::2").is_none());
        assert!(enter(&addresses, "2001:db8:0:2::1").is_some());
    }

    #[test]
    fn nothing_is_kept_of_an_address_that_left() {
        let addresses = Addresses::new(1);
        drop(enter(&addresses, "192.0.2.1"));
        assert!(addresses.open.lock().unwrap().is_empty());
    }

    #[test]
    fn zero_is_no_cap() {
        let addresses = Addresses::new(0);
        let held: Vec<_> = (0..100).map(|_| enter(&addresses, "192.0.2.1")).collect();
        assert!(held.iter().all(Option::is_some));
    }
}
