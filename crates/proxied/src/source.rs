//! The address of a request: the socket's, or the one that a trusted proxy names in its header.

use std::net::IpAddr;

use crate::entry::trim;
use crate::trusted::TrustedProxies;
use crate::{forwarded, x_forwarded_for};

/// The one header in which trusted proxies name their clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl AddressHeader {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::XForwardedFor, Self::Forwarded];

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    fn last(self, line: &[u8]) -> (Option<&[u8]>, &[u8]) {
        match self {
            Self::XForwardedFor => x_forwarded_for::last(line),
            Self::Forwarded => forwarded::last(line),
        }
    }

    fn named(self, entry: &[u8]) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => x_forwarded_for::named(entry),
            Self::Forwarded => forwarded::named(entry),
        }
    }
}

/// How the source address of a request is found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SourceRule {
    /// Whose word counts.
    pub proxies: TrustedProxies,
    /// In which header. Without one, every request comes from the address of its connection.
    pub header: Option<AddressHeader>,
}

impl SourceRule {
    /// The source address of a request that came from `peer` with these lines of the header, in the order of the request.
    ///
    /// If the peer is trusted, the lines are one list, read from its end: the first address that is not itself trusted is
    /// the client's, because the hop that wrote it is. Where an entry names no address, or after [`MOST_HOPS`] entries, it
    /// is the address of the hop that wrote there: the last one that is certain.
    ///
    /// ```
    /// # use proxied::{AddressHeader, SourceRule, TrustedProxies};
    /// let proxies = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap();
    /// let rule = SourceRule { proxies, header: Some(AddressHeader::XForwardedFor) };
    /// let source = rule.source("10.0.0.1".parse().unwrap(), ["6.6.6.6, 192.0.2.1, 10.0.0.2".as_bytes()]);
    /// assert_eq!(source.to_string(), "192.0.2.1");
    /// ```
    pub fn source<'a, L>(&self, peer: IpAddr, lines: L) -> IpAddr
    where
        L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
    {
        let mut certain = peer.to_canonical();
        let Some(header) = self.header.filter(|_| self.proxies.contains(certain)) else { return certain };
        for entry in entries(header, lines.into_iter()).take(MOST_HOPS) {
            // An empty entry is no entry (RFC 9110 §5.6.1.2).
            if entry.is_empty() {
                continue;
            }
            let Some(address) = header.named(entry) else { break };
            certain = address;
            if !self.proxies.contains(address) {
                break;
            }
        }
        certain
    }
}

/// The entries of all lines, last one first.
fn entries<'a>(
    header: AddressHeader,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    lines.rev().flat_map(move |line| {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let (before, entry) = header.last(rest?);
            rest = before;
            Some(trim(entry))
        })
    })
}

/// How many entries are looked at. No request comes through so many proxies of one's own.
pub const MOST_HOPS: usize = 16;

#[cfg(test)]
mod tests;
