//! A PROXY protocol header of version 2: what a proxy that hands bytes on puts before a client's first one.
//!
//! The text form of version 1 is not read: it has no length, so that a byte too many could be taken. Of version 2 what a TCP
//! proxy needs is read, and everything else is refused: a header that is understood in part is not understood.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::crc32c;

/// How far a header has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// It has at least so many bytes more, and all of them belong to it.
    More(usize),
    /// It is whole.
    Done(Told),
}

/// What a header says about the connection that it stands on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Told {
    /// The proxy speaks for this client.
    Client {
        /// Where the client is.
        address: IpAddr,
        /// And its port.
        port: u16,
    },
    /// The proxy speaks for itself, as when it looks whether anybody is there, or for somebody that it cannot name.
    Itself,
}

/// Why bytes are no header that is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// They begin in another way.
    #[error("the connection does not begin with a PROXY protocol header")]
    Missing,
    /// They are a header of version 1.
    #[error("the PROXY protocol header is of version 1, a text: configure the proxy to send version 2")]
    Version1,
    /// They are one of a version to come.
    #[error("the PROXY protocol header is of a version other than 2")]
    Version,
    /// The command is neither LOCAL nor PROXY.
    #[error("the PROXY protocol header has an unknown command")]
    Command,
    /// It is not about TCP over IPv4 or IPv6.
    #[error("the PROXY protocol header is about something other than TCP over IPv4 or IPv6")]
    Family,
    /// There is no room in it for its addresses.
    #[error("the PROXY protocol header is too short for its addresses")]
    TooShort,
    /// It is larger than [`MOST_HEADER_BYTES`].
    #[error("the PROXY protocol header is longer than {MOST_HEADER_BYTES} bytes")]
    TooLong,
    /// What follows the addresses is no list of types, lengths and values.
    #[error("what follows the addresses in the PROXY protocol header is malformed")]
    Extension,
    /// Its checksum is that of other bytes.
    #[error("the checksum of the PROXY protocol header is wrong")]
    Checksum,
}

/// How many bytes a header may have, addresses and all that follows them. Senders put names and ids behind the addresses,
/// up to a few hundred bytes; a client's certificate does not fit.
pub const MOST_HEADER_BYTES: usize = 1024;

/// Reads the header at the beginning of `bytes`, which must not reach beyond it: add no more than what [`Progress::More`]
/// says.
///
/// ```
/// # use proxied::{Progress, Told, read_header};
/// let start = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
/// assert_eq!(read_header(&start[..5]), Ok(Progress::More(11)));
/// assert_eq!(read_header(start), Ok(Progress::Done(Told::Itself)));
/// ```
pub fn read_header(bytes: &[u8]) -> Result<Progress, HeaderError> {
    let begun = bytes.get(..SIGNATURE.len().min(bytes.len())).unwrap_or_default();
    if !SIGNATURE.starts_with(begun) {
        // Not all of it need be there: that it is the other one is certain long before.
        let is_text = bytes.len() >= TEXT.len() && bytes.starts_with(TEXT);
        let may_be_text = bytes.len() < TEXT.len() && TEXT.starts_with(bytes);
        return match (is_text, may_be_text) {
            (true, _) => Err(HeaderError::Version1),
            (false, true) => Ok(Progress::More(TEXT.len() - bytes.len())),
            (false, false) => Err(HeaderError::Missing),
        };
    }
    let Some((fixed, block)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Progress::More(FIXED - bytes.len()));
    };
    let [.., version_and_command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let kind = kind(version_and_command, family)?;
    if length > MOST_HEADER_BYTES - FIXED {
        return Err(HeaderError::TooLong);
    }
    if length < kind.address_bytes() {
        return Err(HeaderError::TooShort);
    }
    if block.len() < length {
        return Ok(Progress::More(length - block.len()));
    }
    told(kind, fixed, block).map(Progress::Done)
}

/// What a header is about.
#[derive(Clone, Copy)]
enum Kind {
    Tcp4,
    Tcp6,
    /// Nobody: all that follows is passed over, as the specification demands (§2.2).
    Nobody,
}

impl Kind {
    /// Two addresses and two ports.
    const fn address_bytes(self) -> usize {
        match self {
            Self::Tcp4 => 2 * 4 + 2 * 2,
            Self::Tcp6 => 2 * 16 + 2 * 2,
            Self::Nobody => 0,
        }
    }
}

fn kind(version_and_command: u8, family: u8) -> Result<Kind, HeaderError> {
    if version_and_command >> 4 != 2 {
        return Err(HeaderError::Version);
    }
    match (version_and_command & 0xf, family) {
        (0, _) | (1, 0x00) => Ok(Kind::Nobody),
        (1, 0x11) => Ok(Kind::Tcp4),
        (1, 0x21) => Ok(Kind::Tcp6),
        (1, _) => Err(HeaderError::Family),
        _ => Err(HeaderError::Command),
    }
}

fn told(kind: Kind, fixed: &[u8; FIXED], block: &[u8]) -> Result<Told, HeaderError> {
    // Source, destination, the source's port, the destination's.
    let (address, port, extensions) = match (kind, block) {
        (Kind::Nobody, _) => return Ok(Told::Itself),
        (Kind::Tcp4, [a, b, c, d, _, _, _, _, high, low, _, _, extensions @ ..]) => {
            (IpAddr::V4(Ipv4Addr::new(*a, *b, *c, *d)), [*high, *low], extensions)
        }
        (Kind::Tcp6, block) => {
            let (source, rest) = block.split_first_chunk::<16>().ok_or(HeaderError::TooShort)?;
            let (_destination, rest) = rest.split_first_chunk::<16>().ok_or(HeaderError::TooShort)?;
            let [high, low, _, _, extensions @ ..] = rest else { return Err(HeaderError::TooShort) };
            (IpAddr::V6(Ipv6Addr::from(*source)).to_canonical(), [*high, *low], extensions)
        }
        (Kind::Tcp4, _) => return Err(HeaderError::TooShort),
    };
    check(extensions, fixed, block)?;
    Ok(Told::Client { address, port: u16::from_be_bytes(port) })
}

/// Whether `extensions` are types, lengths and values up to the last byte, and a checksum among them is right.
fn check(extensions: &[u8], fixed: &[u8; FIXED], block: &[u8]) -> Result<(), HeaderError> {
    let mut rest = extensions;
    let mut is_checked = false;
    while let [kind, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, next) = behind.split_at_checked(length).ok_or(HeaderError::Extension)?;
        if *kind == CHECKSUM {
            let sent = <[u8; 4]>::try_from(value).map_err(|_length| HeaderError::Extension)?;
            // Two could not both be over a header in which they are zero.
            if is_checked {
                return Err(HeaderError::Extension);
            }
            is_checked = true;
            let before = block.len() - next.len() - sent.len();
            let before = block.get(..before).unwrap_or_default();
            if crc32c(&[fixed, before, &[0; 4], next]) != u32::from_be_bytes(sent) {
                return Err(HeaderError::Checksum);
            }
        }
        rest = next;
    }
    if rest.is_empty() { Ok(()) } else { Err(HeaderError::Extension) }
}

/// What every header begins with: nothing that a client of a line protocol would.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What one of version 1 begins with.
const TEXT: &[u8] = b"PROXY ";

/// Signature, version and command, family, and a length.
const FIXED: usize = 16;

/// `PP2_TYPE_CRC32C`.
const CHECKSUM: u8 = 0x03;

#[cfg(test)]
mod tests;
