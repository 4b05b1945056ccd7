//! Connections that begin in all kinds of ways, from all kinds of peers.

use testkit::ManualClock;
use tokio::io::AsyncWriteExt as _;

use super::*;

const PROXY: &str = "10.0.0.1:47011";

/// For 192.0.2.1, from port 4660.
const HEADER: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x34\x01\xbb";

/// A proxy that looks whether anybody is there.
const PROBE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn introductions(per_address: usize) -> Introductions {
    let proxies = TrustedProxies::new(["10.0.0.0/24".parse().unwrap()]).unwrap();
    Introductions::new(proxies, per_address, Arc::new(ManualClock::default()))
}

async fn whom(
    introductions: &Introductions,
    peer: &str,
    mut bytes: &[u8],
) -> Result<(SocketAddr, Entered), IntroductionError> {
    introductions.whom(&mut bytes, peer.parse().unwrap()).await
}

#[tokio::test]
async fn proxy_says_whom_a_connection_is_for_and_the_rest_is_the_clients() {
    let introductions = introductions(10);
    for peer in [PROXY, "[::ffff:10.0.0.1]:47011"] {
        let bytes = [HEADER, b"POST /"].concat();
        let mut stream = bytes.as_slice();
        let (client, _) = introductions.whom(&mut stream, peer.parse().unwrap()).await.unwrap();
        assert_eq!((client.to_string().as_str(), stream), ("192.0.2.1:4660", &b"POST /"[..]));
    }
    let (client, _) = whom(&introductions, PROXY, PROBE).await.unwrap();
    assert_eq!(client.to_string(), PROXY);
    assert_eq!((introductions.refused(), introductions.crowded()), (0, 0));
}

#[tokio::test]
async fn bytes_may_come_one_at_a_time() {
    let introductions = introductions(10);
    let (mut proxy, mut stream) = tokio::io::duplex(1);
    let sending = async {
        proxy.write_all(HEADER).await.unwrap();
        proxy.write_all(b"POST /").await.unwrap();
        drop(proxy);
    };
    let reading = async {
        let (client, _) = introductions.whom(&mut stream, PROXY.parse().unwrap()).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (client.to_string(), rest)
    };
    let ((), (client, rest)) = tokio::join!(sending, reading);
    assert_eq!((client.as_str(), &*rest), ("192.0.2.1:4660", &b"POST /"[..]));
}

#[tokio::test]
async fn who_is_no_proxy_is_not_even_read() {
    let introductions = introductions(10);
    let mut stream = HEADER;
    let refused = introductions.whom(&mut stream, "10.0.1.1:1".parse().unwrap()).await;
    assert!(matches!(refused, Err(IntroductionError::Stranger)), "{refused:?}");
    assert_eq!((stream, introductions.refused()), (HEADER, 1));
}

#[tokio::test]
async fn wrong_beginnings_are_counted_and_missing_ones_are_not() {
    let introductions = introductions(10);
    for wrong in [&b"POST / HTTP/1.1\r\n"[..], b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n", b"\x16\x03\x01\x02"]
    {
        let refused = whom(&introductions, PROXY, wrong).await;
        assert!(matches!(refused, Err(IntroductionError::Header(_))), "{refused:?}");
    }
    for missing in [&HEADER[..0], &HEADER[..12], &HEADER[..27]] {
        let ended = whom(&introductions, PROXY, missing).await;
        assert!(matches!(ended, Err(IntroductionError::Ended)), "{ended:?}");
    }
    assert_eq!(introductions.refused(), 3);
}

#[tokio::test]
async fn client_has_so_many_connections_whoever_brings_them() {
    let introductions = introductions(2);
    let first = whom(&introductions, PROXY, HEADER).await.unwrap();
    let _second = whom(&introductions, "10.0.0.2:1", HEADER).await.unwrap();
    let third = whom(&introductions, PROXY, HEADER).await;
    assert!(matches!(third, Err(IntroductionError::Crowded)), "{third:?}");
    let mut other = HEADER.to_vec();
    other[19] = 2;
    let _other = whom(&introductions, PROXY, &other).await.unwrap();
    drop(first);
    whom(&introductions, PROXY, HEADER).await.unwrap();
    assert_eq!((introductions.refused(), introductions.crowded()), (0, 1));
}
