//! What proxies say about clients, held against plain readings of the same bytes.
//!
//! After a line `x` come lines of `X-Forwarded-For`, after a line `f` lines of `Forwarded`; everything else is the beginning
//! of a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proxied::{
    AddressHeader, HeaderError, MOST_HEADER_BYTES, MOST_HOPS, Progress, SourceRule, Told, TrustedProxies,
    read_header,
};

use crate::{Broken, Kept};

/// A client is whom a trusted hop names, in whatever pieces it is said, and nothing behind a header is taken.
pub(crate) fn check(input: &[u8]) -> Kept {
    if let Some(lines) = input.strip_prefix(b"x\n") {
        return address(AddressHeader::XForwardedFor, lines);
    }
    if let Some(lines) = input.strip_prefix(b"f\n") {
        return address(AddressHeader::Forwarded, lines);
    }
    header(input)
}

fn header(input: &[u8]) -> Kept {
    let (told, taken) = read_in_pieces(input, MOST_HEADER_BYTES);
    let slowly = read_in_pieces(input, 1);
    keep!(told == slowly.0, "at once {told:?}, a byte at a time {:?}", slowly.0);
    keep!(taken <= MOST_HEADER_BYTES, "{taken} bytes were taken");
    let expected = plain_header(input);
    match told {
        Some(Ok(told)) => {
            keep!(slowly.1 == taken, "{taken} bytes were taken at once, and {} one by one", slowly.1);
            keep!(expected == Some((told, taken)), "read: {told:?} in {taken} bytes, expected: {expected:?}");
        }
        other => keep!(expected.is_none(), "read: {other:?}, expected: {expected:?}"),
    }
    Ok(())
}

/// What is told when at most `piece` bytes come at a time, and how many were taken; nothing if they are too few.
fn read_in_pieces(input: &[u8], piece: usize) -> (Option<Result<Told, HeaderError>>, usize) {
    let mut taken = 0;
    loop {
        match read_header(input.get(..taken).unwrap_or_default()) {
            Ok(Progress::Done(told)) => return (Some(Ok(told)), taken),
            Ok(Progress::More(_)) if taken == input.len() => return (None, taken),
            Ok(Progress::More(more)) => taken = input.len().min(taken + more.min(piece)),
            Err(error) => return (Some(Err(error)), taken),
        }
    }
}

/// The header that stands at the beginning, if it is one to be taken, and how long it is.
fn plain_header(input: &[u8]) -> Option<(Told, usize)> {
    let rest = input.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n")?;
    let [command, family, high, low, rest @ ..] = rest else { return None };
    let length = usize::from(*high) * 256 + usize::from(*low);
    let block = rest.get(..length)?;
    let whole = input.get(..16 + length).filter(|whole| whole.len() <= MOST_HEADER_BYTES)?;
    let told = match (*command, *family) {
        (0x20, _) | (0x21, 0) => return Some((Told::Itself, whole.len())),
        (0x21, 0x11) => {
            let source: [u8; 4] = block.get(..4)?.try_into().ok()?;
            let port: [u8; 2] = block.get(8..10)?.try_into().ok()?;
            (IpAddr::V4(Ipv4Addr::from(source)), port, block.get(12..)?)
        }
        (0x21, 0x21) => {
            let source: [u8; 16] = block.get(..16)?.try_into().ok()?;
            let port: [u8; 2] = block.get(32..34)?.try_into().ok()?;
            (IpAddr::V6(Ipv6Addr::from(source)).to_canonical(), port, block.get(36..)?)
        }
        _ => return None,
    };
    let (address, port, mut extensions) = told;
    let mut sums = 0;
    while !extensions.is_empty() {
        let [kind, high, low, behind @ ..] = extensions else { return None };
        let (value, next) = behind.split_at_checked(usize::from(*high) * 256 + usize::from(*low))?;
        if *kind == 3 {
            sums += 1;
            let at = whole.len() - next.len() - value.len();
            let zeroed = whole.iter().enumerate().map(|(place, byte)| {
                let is_sum = (at..at + value.len()).contains(&place);
                if is_sum { 0 } else { *byte }
            });
            let sum: [u8; 4] = value.try_into().ok()?;
            if sums > 1 || u32::from_be_bytes(sum) != checksum(zeroed) {
                return None;
            }
        }
        extensions = next;
    }
    Some((Told::Client { address, port: u16::from_be_bytes(port) }, whole.len()))
}

/// CRC-32C as a division with the highest power first, of bits that come lowest first.
fn checksum(bytes: impl Iterator<Item = u8>) -> u32 {
    let divided = bytes.fold(u32::MAX, |remainder, byte| {
        (0..8).fold(remainder ^ u32::from(byte.reverse_bits()) << 24, |remainder, _bit| {
            let shifted = remainder << 1;
            if remainder >> 31 == 1 { shifted ^ 0x1edc_6f41 } else { shifted }
        })
    });
    !divided.reverse_bits()
}

fn address(header: AddressHeader, input: &[u8]) -> Kept {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let rule = rule(header)?;
    let stranger = IpAddr::from([192, 0, 2, 99]);
    let own = rule.source(stranger, lines.iter().copied());
    keep!(own == stranger, "a peer that is not trusted was taken for {own}");
    let source = rule.source(PROXY, lines.iter().copied());
    if let Some(expected) = plain_source(header, &rule, &lines) {
        keep!(source == expected, "the source is {source}, expected: {expected}");
    }
    if rule.proxies.contains(source) {
        return Ok(());
    }
    // Somebody who is not trusted wrote everything in front of their own address.
    for beyond in [&b"6.6.6.6"[..], b"for=6.6.6.6", b"\"", b"for=\"6.6.6.6, "] {
        let mut more = vec![beyond];
        more.extend(&lines);
        let same = rule.source(PROXY, more);
        keep!(same == source, "{source} became {same}");
        let first = [beyond, b",", lines.first().copied().unwrap_or_default()].concat();
        let rest = lines.iter().skip(1).copied();
        let same = rule.source(PROXY, [first.as_slice()].into_iter().chain(rest).collect::<Vec<_>>());
        keep!(same == source, "{source} became {same}");
    }
    Ok(())
}

fn rule(header: AddressHeader) -> Result<SourceRule, Broken> {
    let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(str::parse);
    let networks = networks.into_iter().collect::<Result<Vec<_>, _>>();
    let networks = networks.map_err(|error| Broken::by("a network", error))?;
    let proxies = TrustedProxies::new(networks).map_err(|error| Broken::by("the proxies", error))?;
    Ok(SourceRule { proxies, header: Some(header) })
}

/// The list as it reads where no quotes are about.
fn plain_source(header: AddressHeader, rule: &SourceRule, lines: &[&[u8]]) -> Option<IpAddr> {
    let list = lines.join(&b','.to_owned());
    if list.contains(&b'"') {
        return None;
    }
    let mut source = PROXY;
    let entries: Vec<&[u8]> = list.split(|byte| *byte == b',').collect();
    for entry in entries.iter().rev().take(MOST_HOPS) {
        let text = String::from_utf8_lossy(entry);
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            continue;
        }
        let named = match header {
            AddressHeader::XForwardedFor => plain_address(text),
            AddressHeader::Forwarded => plain_element(text),
        };
        let Some(address) = named else { break };
        source = address;
        if !rule.proxies.contains(address) {
            break;
        }
    }
    Some(source)
}

fn plain_address(text: &str) -> Option<IpAddr> {
    let is_port = |port: &str| {
        let is_number = (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit());
        let name = port.strip_prefix('_').filter(|name| !name.is_empty());
        let is_name =
            |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        is_number || name.is_some_and(is_name)
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = match text.rsplit_once(':') {
        Some((address, port)) if is_port(port) => (address, true),
        _ => (text, false),
    };
    let inner = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical()),
        None if port => address.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        None => None,
    }
}

/// An element whose values stand without quotes: an IPv4 address, if it is one.
fn plain_element(text: &str) -> Option<IpAddr> {
    let is_token = |text: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !text.is_empty() && text.chars().all(is_plain)
    };
    let pairs: Option<Vec<(&str, &str)>> = text.split(';').map(|pair| pair.split_once('=')).collect();
    let pairs = pairs?;
    if !pairs.iter().all(|(name, value)| is_token(name) && is_token(value)) {
        return None;
    }
    let mut named = pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    match (named.next(), named.next()) {
        (Some((_, value)), None) => value.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        _ => None,
    }
}

/// A proxy that is trusted.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
