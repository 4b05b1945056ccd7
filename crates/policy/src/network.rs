//! Is an address in one of these networks.
//!
//! A dual-stack socket reports an IPv4 peer as `::ffff:a.b.c.d`. Both spellings are the same address here, in requests
//! and in networks, so that nobody passes or fails by the socket they came through. `::/0` is every IPv6 address and
//! no IPv4 one.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Whether `address` is in one of `networks`.
pub(crate) fn any_contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| canonical(*network).contains(&address))
}

fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(wide) = network else { return network };
    let mapped = wide.addr().to_ipv4_mapped().zip(wide.prefix_len().checked_sub(MAPPED_PREFIX));
    mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

/// The length of the prefix `::ffff:0:0/96` that IPv4 addresses are mapped under (RFC 4291 §2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_ipv4_address_are_the_same() {
        let rows = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:11.1.2.3", false),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("::ffff:0:0/96", "192.0.2.1", true),
            ("::ffff:0:0/95", "192.0.2.1", false),
            ("::/0", "192.0.2.1", false),
            ("::/0", "::ffff:192.0.2.1", false),
            ("::/0", "2001:db8::1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.1/32", "192.0.2.1", true),
            ("192.0.2.1/32", "192.0.2.2", false),
        ];
        for (network, address, inside) in rows {
            let networks = [network.parse().unwrap()];
            assert_eq!(any_contains(&networks, address.parse().unwrap()), inside, "{address} in {network}");
        }
    }

    #[test]
    fn one_network_of_many_is_enough_and_none_is_not() {
        let networks = ["10.0.0.0/8".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
        let address = "192.0.2.7".parse().unwrap();
        assert!(any_contains(&networks, address));
        assert!(!any_contains(&[], address));
    }
}
