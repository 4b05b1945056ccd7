//! Header compression (RFC 7541), as much as a client needs that keeps no table of its own.

/// A field that is spelled out, and kept by nobody.
pub(super) fn literal(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [&[0], &*text(name.as_ref()), &*text(value.as_ref())].concat()
}

/// The same, and kept for later blocks and later in this one. The latest is number 62.
pub(super) fn kept(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [&[0x40], &*text(name.as_ref()), &*text(value.as_ref())].concat()
}

fn text(text: &[u8]) -> Vec<u8> {
    [integer(0, 7, text.len()), text.to_vec()].concat()
}

/// A number whose first `bits` bits share a byte with `first`.
pub(super) fn integer(first: u8, bits: u32, number: usize) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if number < most {
        return vec![first | u8::try_from(number).unwrap()];
    }
    let mut bytes = vec![first | u8::try_from(most).unwrap()];
    let mut rest = number - most;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// The fields of a block whose sender was told to keep no table.
pub(super) fn read(mut block: &[u8]) -> Result<Vec<(String, String)>, String> {
    let mut fields = Vec::new();
    while let Some(first) = block.first().copied() {
        match first {
            0x80.. => {
                let (name, value) = known(number(&mut block, 7)?)?;
                fields.push((name.to_owned(), value.to_owned()));
            }
            0x20..0x40 => drop(number(&mut block, 5)?),
            _ => {
                let bits = if first & 0x40 == 0 { 4 } else { 6 };
                let name = match number(&mut block, bits)? {
                    0 => string(&mut block)?,
                    index => known(index)?.0.to_owned(),
                };
                fields.push((name, string(&mut block)?));
            }
        }
    }
    Ok(fields)
}

fn known(index: usize) -> Result<(&'static str, &'static str), String> {
    match index {
        8..=14 => Ok((":status", ["200", "204", "206", "304", "400", "404", "500"][index - 8])),
        15..=61 => Ok((NAMES[index - 15], "")),
        _ => Err(format!("field {index} is not known")),
    }
}

fn byte(block: &mut &[u8]) -> Result<u8, String> {
    let (first, rest) = block.split_first().ok_or("the block ends too early")?;
    *block = rest;
    Ok(*first)
}

fn number(block: &mut &[u8], bits: u32) -> Result<usize, String> {
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(byte(block)?) & most;
    let mut shift = 0;
    while number >= most {
        let next = byte(block)?;
        number += usize::from(next & 0x7f) << shift;
        shift += 7;
        if next & 0x80 == 0 {
            break;
        }
    }
    Ok(number)
}

fn string(block: &mut &[u8]) -> Result<String, String> {
    let is_coded = block.first().is_some_and(|first| first & 0x80 != 0);
    let length = number(block, 7)?;
    let (own, rest) = block.split_at_checked(length).ok_or("a text ends too early")?;
    *block = rest;
    let bytes = if is_coded { uncode(own)? } else { own.to_vec() };
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The code is canonical: it follows from how long the code of each byte is.
fn uncode(coded: &[u8]) -> Result<Vec<u8>, String> {
    let mut order: Vec<usize> = (0..256).collect();
    order.sort_by_key(|symbol| (LENGTHS[*symbol], *symbol));
    let (mut bytes, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        (code, length) = (code << 1 | bit, length + 1);
        let (mut first, mut before) = (0, LENGTHS[order[0]]);
        for symbol in &order {
            first <<= LENGTHS[*symbol] - before;
            before = LENGTHS[*symbol];
            if before == length && first == code {
                bytes.push(u8::try_from(*symbol).unwrap());
                (code, length) = (0, 0);
                break;
            }
            first += 1;
        }
    }
    // What is left is ones, fewer than a byte.
    if length < 8 && code + 1 == 1 << length { Ok(bytes) } else { Err("the padding is wrong".to_owned()) }
}

/// From number 15 on.
const NAMES: [&str; 47] = [
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];

#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

#[test]
fn examples_of_the_standard_are_read() {
    // RFC 7541, C.4.1: a coded host. C.6.1: a status, a date.
    let block = b"\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\x48\x82\x64\x02\x88";
    let read: Vec<_> = read(&block[14..]).unwrap();
    assert_eq!(read, [(":status".to_owned(), "302".to_owned()), (":status".to_owned(), "200".to_owned())]);
    assert_eq!(uncode(&block[2..14]).unwrap(), b"www.example.com");
    assert_eq!((integer(0, 5, 10), integer(0, 5, 1337)), (vec![10], vec![31, 154, 10]));
}
