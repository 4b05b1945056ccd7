//! Whose word about a client's address is taken.
//!
//! A dual-stack socket reports an IPv4 peer as `::ffff:a.b.c.d`. Both spellings are the same address here, in peers and in
//! networks.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The networks that proxies are in. None by default: then everybody speaks for themselves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Networks that together hold every address there is: whoever connects could say where they come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("together the networks hold every {family} address: whoever connects could say where they come from")]
pub struct TrustsEverybody {
    family: &'static str,
}

impl TrustedProxies {
    /// Proxies in these networks.
    ///
    /// ```
    /// # use proxied::TrustedProxies;
    /// let networks = ["192.0.2.0/24".parse().unwrap()];
    /// let proxies = TrustedProxies::new(networks).unwrap();
    /// assert!(proxies.contains("::ffff:192.0.2.7".parse().unwrap()));
    /// assert!(TrustedProxies::new(["::/0".parse().unwrap()]).is_err());
    /// ```
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Result<Self, TrustsEverybody> {
        let networks: Vec<IpNet> = networks.into_iter().map(canonical).collect();
        // Two halves are the whole as well.
        match IpNet::aggregate(&networks).iter().find(|network| network.prefix_len() == 0) {
            Some(IpNet::V4(_)) => Err(TrustsEverybody { family: "IPv4" }),
            Some(IpNet::V6(_)) => Err(TrustsEverybody { family: "IPv6" }),
            None => Ok(Self(networks)),
        }
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the word of who is at `address` is taken.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The networks, those of IPv4 addresses as such.
    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }
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

    fn proxies(networks: &[&str]) -> Result<TrustedProxies, TrustsEverybody> {
        TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()))
    }

    #[test]
    fn both_spellings_of_an_ipv4_address_are_the_same() {
        let rows = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.1/32", "192.0.2.2", false),
        ];
        for (network, address, inside) in rows {
            let proxies = proxies(&[network]).unwrap();
            assert_eq!(proxies.contains(address.parse().unwrap()), inside, "{address} in {network}");
        }
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        assert!(TrustedProxies::default().is_empty());
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn everybody_cannot_be_trusted_in_whatever_words() {
        for networks in [
            &["0.0.0.0/0"][..],
            &["10.0.0.0/8", "0.0.0.0/0"],
            &["::/0"],
            &["::ffff:0:0/96"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["0.0.0.0/1", "::ffff:128.0.0.0/98", "192.0.0.0/2"],
            &["::/1", "8000::/1"],
        ] {
            assert!(proxies(networks).is_err(), "{networks:?}");
        }
        assert!(proxies(&["0.0.0.0/1", "128.0.0.0/2"]).is_ok());
    }
}
