//! Rows, and a model that reads the list from its beginning with everything it knows.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn rule(header: AddressHeader) -> SourceRule {
    let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap());
    SourceRule { proxies: TrustedProxies::new(networks).unwrap(), header: Some(header) }
}

fn source(header: AddressHeader, peer: &str, lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| line.as_bytes());
    rule(header).source(peer.parse().unwrap(), lines).to_string()
}

#[test]
fn rightmost_address_that_is_not_trusted_is_the_clients() {
    let rows: &[(&str, &[&str], &str)] = &[
        // Who is not trusted speaks for nobody.
        ("192.0.2.9", &["192.0.2.1"], "192.0.2.9"),
        ("::ffff:192.0.2.9", &["10.0.0.1"], "192.0.2.9"),
        // Nothing was said.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &[" , ,"], "10.0.0.1"),
        // One hop, several, several lines.
        ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
        ("::ffff:10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
        ("2001:db8:ffff::1", &["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", &["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", &["6.6.6.6, 192.0.2.1, 10.0.0.2,10.0.0.3"], "192.0.2.1"),
        ("10.0.0.1", &["6.6.6.6", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", &["192.0.2.1, 10.0.0.3", "", "10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", &["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", &["192.0.2.1,, 10.0.0.2, "], "192.0.2.1"),
        // A client that is itself in the network of the proxies.
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Where the chain breaks, the hop that broke it is what is certain.
        ("10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["192.0.2.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["192.0.2.1, example.com"], "10.0.0.1"),
        ("10.0.0.1", &["192.0.2.1 192.0.2.2"], "10.0.0.1"),
        ("10.0.0.1", &["for=192.0.2.1"], "10.0.0.1"),
        // What stands beyond is not looked at, broken or not.
        ("10.0.0.1", &["\0\u{fffd}, unknown, 192.0.2.1"], "192.0.2.1"),
    ];
    for (peer, lines, expected) in rows {
        assert_eq!(source(AddressHeader::XForwardedFor, peer, lines), *expected, "{peer} {lines:?}");
    }
}

#[test]
fn forwarded_is_walked_in_the_same_way() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("192.0.2.9", &["for=192.0.2.1"], "192.0.2.9"),
        ("10.0.0.1", &["for=192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", &["for=6.6.6.6, For=\"[2001:db8::1]:1\";proto=http, for=10.0.0.2;by=x"], "2001:db8::1"),
        ("10.0.0.1", &["for=6.6.6.6", "for=192.0.2.1", "for=10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", &["for=192.0.2.1, proto=https"], "10.0.0.1"),
        ("10.0.0.1", &["for=192.0.2.1, for=unknown"], "10.0.0.1"),
        ("10.0.0.1", &["for=192.0.2.1, for=_gateway, for=10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["192.0.2.1"], "10.0.0.1"),
        // A client's lone quote does not swallow what the proxy wrote behind it.
        ("10.0.0.1", &["for=\"6.6.6.6, for=192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", &["for=6.6.6.6;by=\", for=\"[2001:db8::1]\""], "2001:db8::1"),
    ];
    for (peer, lines, expected) in rows {
        assert_eq!(source(AddressHeader::Forwarded, peer, lines), *expected, "{peer} {lines:?}");
    }
}

#[test]
fn so_many_hops_are_followed_and_no_more() {
    let hops = |count| vec!["10.0.0.2"; count].join(",");
    let with_client = |count| source(AddressHeader::XForwardedFor, "10.0.0.1", &["192.0.2.1", &hops(count)]);
    assert_eq!(with_client(MOST_HOPS - 1), "192.0.2.1");
    assert_eq!(with_client(MOST_HOPS), "10.0.0.2");
    let commas = ",".repeat(MOST_HOPS);
    assert_eq!(source(AddressHeader::XForwardedFor, "10.0.0.1", &["192.0.2.1", &commas]), "10.0.0.1");
}

#[test]
fn without_a_header_every_request_comes_from_its_connection() {
    let rule = SourceRule { header: None, ..rule(AddressHeader::Forwarded) };
    let lines = ["192.0.2.1", "for=192.0.2.1"].map(str::as_bytes);
    assert_eq!(rule.source("10.0.0.1".parse().unwrap(), lines).to_string(), "10.0.0.1");
    let nobody = SourceRule { header: Some(AddressHeader::XForwardedFor), ..SourceRule::default() };
    assert_eq!(nobody.source("10.0.0.1".parse().unwrap(), lines).to_string(), "10.0.0.1");
}

/// One entry: what it names, and a text for it in either header.
fn entry() -> impl Strategy<Value = (Option<IpAddr>, [String; 2])> {
    let address = prop_oneof![
        (0_u8..4).prop_map(|last| IpAddr::from([10, 0, 0, last])),
        any::<[u8; 4]>().prop_map(IpAddr::from),
        (0_u16..4).prop_map(|last| IpAddr::from([0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, last])),
        any::<[u16; 8]>().prop_map(IpAddr::from),
    ];
    let port = prop_oneof![Just(String::new()), any::<u16>().prop_map(|port| format!(":{port}"))];
    let named = (address, port).prop_map(|(address, port)| {
        let text = match address {
            IpAddr::V4(address) => format!("{address}{port}"),
            IpAddr::V6(address) => format!("[{address}]{port}"),
        };
        (Some(address.to_canonical()), [text.clone(), format!("by=\"a, b\";for=\"{text}\"")])
    });
    let unnamed = prop::sample::select(vec!["unknown", "_x", "10.0.0", "::1::", "a b"])
        .prop_map(|text| (None, [text.to_owned(), format!("for=\"{text}\"")]));
    prop_oneof![6 => named, 1 => unnamed]
}

/// From the beginning to the end: whoever is known by what a trusted hop says replaces what was believed before.
fn model(rule: &SourceRule, peer: IpAddr, entries: &[Option<IpAddr>]) -> IpAddr {
    let hops: Vec<Option<IpAddr>> = entries.iter().copied().chain([Some(peer)]).collect();
    // The last place whose hop is not both known and trusted; what is told there is the answer, or told behind it.
    let border = hops.iter().rposition(|hop| hop.is_none_or(|hop| !rule.proxies.contains(hop)));
    match border {
        Some(place) => hops[place].unwrap_or_else(|| hops[place + 1].unwrap()),
        None => hops[0].unwrap(),
    }
}

proptest! {
    #[test]
    fn walk_is_what_the_model_says(
        peer in entry().prop_filter_map("named", |(address, _)| address),
        entries in prop::collection::vec(entry(), 0..MOST_HOPS),
        cuts in prop::collection::vec(any::<bool>(), MOST_HOPS),
    ) {
        let named: Vec<_> = entries.iter().map(|(address, _)| *address).collect();
        for (index, header) in AddressHeader::ALL.into_iter().enumerate() {
            // Some commas are ends of lines.
            let mut lines = vec![String::new()];
            for ((_, texts), cut) in entries.iter().zip(&cuts) {
                match lines.last_mut() {
                    Some(line) if line.is_empty() => line.clone_from(&texts[index]),
                    Some(line) if !cut => line.extend([", ", &texts[index]]),
                    _ => lines.push(texts[index].clone()),
                }
            }
            let rule = rule(header);
            let source = rule.source(peer, lines.iter().map(String::as_bytes));
            prop_assert_eq!(source, model(&rule, peer, &named), "{:?}", lines);
        }
    }

    /// What an untrusted hop wrote stands to the left of its own address, which a trusted one wrote.
    #[test]
    fn nothing_beyond_the_border_of_trust_is_read(
        beyond in prop::collection::vec(any::<u8>(), 0..200),
        client in any::<[u8; 4]>().prop_filter("untrusted", |octets| octets[0] != 10),
        hops in prop::collection::vec(0_u8..4, 0..4),
        in_own_line in any::<bool>(),
    ) {
        for header in AddressHeader::ALL {
            let prefix = if header == AddressHeader::Forwarded { "for=" } else { "" };
            let client = IpAddr::from(client);
            let hops = hops.iter().map(|hop| format!(", {prefix}10.0.0.{hop}"));
            let said = format!("{prefix}{client}") + &hops.collect::<String>();
            let mut joined = beyond.clone();
            joined.extend(b", ");
            joined.extend(said.as_bytes());
            let lines: &[&[u8]] = if in_own_line { &[&beyond, said.as_bytes()] } else { &[&joined] };
            let source = rule(header).source("10.0.0.1".parse().unwrap(), lines.iter().copied());
            prop_assert_eq!(source, client);
        }
    }

    #[test]
    fn no_bytes_make_anybody_of_an_untrusted_peer(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let peer: IpAddr = "192.0.2.9".parse().unwrap();
        for header in AddressHeader::ALL {
            prop_assert_eq!(rule(header).source(peer, lines.iter().map(Vec::as_slice)), peer);
        }
    }
}
