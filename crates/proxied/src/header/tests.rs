//! Headers byte by byte, and every way to send them in pieces.

use proptest::prelude::*;

use super::*;

fn header(version_and_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[version_and_command, family][..], &length, block].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0xd4, 0x31, 0x01, 0xbb];

fn v6() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::1".parse().unwrap();
    [&source.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0, 80, 1, 187]].concat()
}

fn v4_with(extensions: &[u8]) -> Vec<u8> {
    header(0x21, 0x11, &[&V4, extensions].concat())
}

fn client(address: &str, port: u16) -> Progress {
    Progress::Done(Told::Client { address: address.parse().unwrap(), port })
}

/// A header of which the checksum is right.
fn with_checksum(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut bytes = v4_with(&[before, &[CHECKSUM, 0, 4, 0, 0, 0, 0], after].concat());
    let at = FIXED + V4.len() + before.len() + 3;
    let sum = crc32c(&[&bytes]).to_be_bytes();
    bytes[at..at + 4].copy_from_slice(&sum);
    bytes
}

#[test]
fn client_is_the_source_of_the_header() {
    assert_eq!(read_header(&header(0x21, 0x11, &V4)), Ok(client("192.0.2.1", 54321)));
    assert_eq!(read_header(&header(0x21, 0x21, &v6())), Ok(client("2001:db8::1", 80)));
    let mapped: Ipv6Addr = "::ffff:192.0.2.1".parse().unwrap();
    let mapped = [&mapped.octets()[..], &[0; 16], &[0, 80, 1, 187]].concat();
    assert_eq!(read_header(&header(0x21, 0x21, &mapped)), Ok(client("192.0.2.1", 80)));
}

#[test]
fn who_speaks_for_nobody_speaks_for_itself() {
    let itself = Ok(Progress::Done(Told::Itself));
    for (version_and_command, family) in
        [(0x20, 0x00), (0x20, 0x11), (0x20, 0x31), (0x20, 0xff), (0x21, 0x00)]
    {
        for block in [&[][..], &[1, 2, 3], &V4] {
            assert_eq!(read_header(&header(version_and_command, family, block)), itself, "{block:?}");
        }
    }
}

#[test]
fn extensions_are_passed_over_and_have_to_be_whole() {
    assert_eq!(read_header(&v4_with(&[0x04, 0, 0, 0x05, 0, 2, 1, 2])), Ok(client("192.0.2.1", 54321)));
    for extensions in [&[0x04][..], &[0x04, 0], &[0x04, 0, 1], &[0x04, 0, 0, 0], &[0x05, 0, 3, 1, 2]] {
        assert_eq!(read_header(&v4_with(extensions)), Err(HeaderError::Extension), "{extensions:?}");
    }
}

#[test]
fn checksum_is_over_every_byte() {
    let good = with_checksum(&[0x05, 0, 2, 1, 2], &[0xea, 0, 1, 7]);
    assert_eq!(read_header(&good), Ok(client("192.0.2.1", 54321)));
    let (address_at, sum_at) = (FIXED + 1, good.len() - 5);
    for at in [address_at, FIXED + V4.len() + 4, sum_at, good.len() - 1] {
        let mut other = good.clone();
        other[at] ^= 1;
        assert_eq!(read_header(&other), Err(HeaderError::Checksum), "{at}");
    }
    for extensions in [&[CHECKSUM, 0, 3, 0, 0, 0][..], &[CHECKSUM, 0, 5, 0, 0, 0, 0, 0]] {
        assert_eq!(read_header(&v4_with(extensions)), Err(HeaderError::Extension), "{extensions:?}");
    }
    // One that is right as long as the other is taken for what it says.
    let twice = with_checksum(&[], &[CHECKSUM, 0, 4, 0, 0, 0, 0]);
    assert_eq!(read_header(&twice), Err(HeaderError::Extension));
}

#[test]
fn everything_else_is_refused() {
    let rows: [(&[u8], HeaderError); 19] = [
        (b"G", HeaderError::Missing),
        (b"POST /dev/oauth2/token HTTP/1.1\r\n", HeaderError::Missing),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeaderError::Missing),
        (b"\x16\x03\x01", HeaderError::Missing),
        (b"\r\n\r\n\0\r\nQUIT\r", HeaderError::Missing),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n", HeaderError::Version1),
        (b"PROXY ", HeaderError::Version1),
        (&header(0x11, 0x11, &V4), HeaderError::Version),
        (&header(0x31, 0x11, &V4), HeaderError::Version),
        (&header(0x22, 0x11, &V4), HeaderError::Command),
        (&header(0x2f, 0x11, &V4), HeaderError::Command),
        (&header(0x21, 0x12, &V4), HeaderError::Family),
        (&header(0x21, 0x22, &v6()), HeaderError::Family),
        (&header(0x21, 0x31, &[0; 216]), HeaderError::Family),
        (&header(0x21, 0x10, &V4), HeaderError::Family),
        (&header(0x21, 0x01, &[]), HeaderError::Family),
        (&header(0x21, 0x11, &V4[..11]), HeaderError::TooShort),
        (&header(0x21, 0x21, &V4), HeaderError::TooShort),
        (&header(0x21, 0x11, &[0; MOST_HEADER_BYTES - FIXED + 1]), HeaderError::TooLong),
    ];
    for (bytes, error) in rows {
        assert_eq!(read_header(bytes), Err(error), "{bytes:?}");
    }
    // Said as soon as it is known, and not when it has all come.
    assert_eq!(read_header(&header(0x21, 0x11, &[0; 5000])[..FIXED]), Err(HeaderError::TooLong));
    assert_eq!(read_header(b"PROX"), Ok(Progress::More(2)));
    assert_eq!(read_header(b""), Ok(Progress::More(FIXED)));
}

#[test]
fn header_may_have_so_many_bytes_and_no_more() {
    let room = MOST_HEADER_BYTES - FIXED - V4.len() - 3;
    let [high, low] = u16::try_from(room).unwrap().to_be_bytes();
    let extensions = [&[0x04, high, low][..], &vec![0; room]].concat();
    let bytes = v4_with(&extensions);
    assert_eq!((bytes.len(), read_header(&bytes)), (MOST_HEADER_BYTES, Ok(client("192.0.2.1", 54321))));
}

/// What is told when the bytes come as `pieces` allow, and how many were taken.
fn read_in(bytes: &[u8], pieces: &[usize]) -> (Result<Told, HeaderError>, usize) {
    let mut taken = 0;
    let mut pieces = pieces.iter().copied().cycle();
    loop {
        match read_header(&bytes[..taken]) {
            Ok(Progress::Done(told)) => return (Ok(told), taken),
            Ok(Progress::More(more)) => taken += more.min(pieces.next().unwrap()).min(bytes.len() - taken),
            Err(error) => return (Err(error), taken),
        }
    }
}

fn headers() -> impl Strategy<Value = Vec<u8>> {
    let extension = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)).prop_filter_map(
        "no checksum",
        |(kind, value)| {
            let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
            (kind != CHECKSUM).then(|| [&[kind, high, low][..], &value].concat())
        },
    );
    let extensions = prop::collection::vec(extension, 0..4).prop_map(|extensions| extensions.concat());
    (extensions, 0..4).prop_map(|(extensions, kind)| match kind {
        0 => header(0x20, 0, &extensions),
        1 => header(0x21, 0x21, &[v6(), extensions].concat()),
        2 => with_checksum(&extensions, &extensions),
        _ => v4_with(&extensions),
    })
}

proptest! {
    #[test]
    fn pieces_make_no_difference_and_nothing_behind_the_header_is_taken(
        header in headers(),
        behind in prop::collection::vec(any::<u8>(), 0..40),
        pieces in prop::collection::vec(1_usize..20, 1..5),
    ) {
        let whole = read_header(&header);
        let Ok(Progress::Done(told)) = whole else { panic!("{whole:?}") };
        let bytes = [&header[..], &behind].concat();
        for pieces in [&pieces[..], &[1], &[2000]] {
            prop_assert_eq!(read_in(&bytes, pieces), (Ok(told), header.len()));
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_ask_for_too_much(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        starts_well in 0_usize..=SIGNATURE.len(),
    ) {
        for (byte, good) in bytes.iter_mut().zip(&SIGNATURE[..starts_well]) {
            *byte = *good;
        }
        match read_header(&bytes) {
            Ok(Progress::More(more)) => prop_assert!(more > 0 && bytes.len() + more <= MOST_HEADER_BYTES),
            Ok(Progress::Done(_)) => prop_assert!(bytes.len() >= FIXED),
            Err(_) => {}
        }
    }
}
