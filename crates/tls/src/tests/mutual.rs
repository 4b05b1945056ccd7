//! Certificates of clients: who gets in with which, and what is known of them then.

use rcgen::ExtendedKeyUsagePurpose;
use rustls::version::{TLS12, TLS13};

use super::fixtures::{Authority, Client, Days, Ends, Files, Pair, YEAR, acceptor, params, shake};
use crate::{Clients, FailureClass};

/// A server that asks for certificates, and who signs them.
struct House {
    server: Authority,
    clients: Authority,
    files: Files,
}

impl House {
    fn new() -> Self {
        let server = Authority::new("of servers");
        let files = Files::with(&server.server(7, YEAR));
        Self { server, clients: Authority::new("of clients"), files }
    }

    fn pair(&self, serial: u64, days: Days) -> Pair {
        self.clients.client("billing", serial, days)
    }

    async fn required(&self, crl: Option<&str>, shown: Option<&Pair>) -> Ends {
        let mut settings = self.files.settings();
        settings.clients = Clients::Required(self.files.authorities(&self.clients.pem, crl));
        shake(&acceptor(&settings), &Client::of(&self.server.pem, shown, rustls::ALL_VERSIONS)).await
    }
}

fn refusal(ends: Ends) -> (FailureClass, String) {
    let error = ends.server.unwrap_err();
    (error.class, error.to_string())
}

#[tokio::test]
async fn certificate_of_a_trusted_authority_is_let_in_and_told_of() {
    let house = House::new();
    let pair = house.pair(0x0a1b, YEAR);
    for version in [&TLS12, &TLS13] {
        let mut settings = house.files.settings();
        settings.clients = Clients::Required(house.files.authorities(&house.clients.pem, None));
        let client = Client::of(&house.server.pem, Some(&pair), &[version]);
        let facts = shake(&acceptor(&settings), &client).await.server.unwrap().client.unwrap();
        assert_eq!(facts.subject, "CN=billing");
        assert_eq!(facts.issuer, "CN=of clients");
        assert_eq!(facts.serial_number, "0a:1b");
        assert_eq!(facts.pem, pair.certificate.replace("\r\n", "\n").trim_end());
    }
}

#[tokio::test]
async fn certificate_that_is_not_good_is_refused_with_the_reason() {
    let house = House::new();
    let stranger = Authority::new("of clients");
    let server = house.server.client("billing", 9, YEAR);
    let cases = [
        ("another authority of the same name", stranger.client("billing", 2, YEAR), ""),
        ("over", house.pair(3, -30..-1), "Expired"),
        ("not begun", house.pair(4, 1..30), "NotValidYet"),
        ("a server's", house.clients.server(5, YEAR), "does not allow extended key usage"),
        ("the server's authority", server, "UnknownIssuer"),
    ];
    for (which, pair, reason) in cases {
        let (class, said) = refusal(house.required(None, Some(&pair)).await);
        assert_eq!(class, FailureClass::BadClientCertificate, "{which}: {said}");
        assert!(said.contains(reason), "{which}: {said}");
    }
}

#[tokio::test]
async fn reason_has_nothing_of_what_anybody_writes_into_a_certificate() {
    let house = House::new();
    let purpose = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 4711]);
    let forged = Authority::new("a stranger").sign(params("x", 2, YEAR), purpose);
    let (class, said) = refusal(house.required(None, Some(&forged)).await);
    assert_eq!(class, FailureClass::BadClientCertificate);
    let reason = "certificate does not allow extended key usage for client authentication";
    assert_eq!(said, format!("the TLS handshake failed: invalid peer certificate: {reason}"));
}

#[tokio::test]
async fn certificate_is_required_or_may_be_shown_and_is_judged_either_way() {
    let house = House::new();
    assert_eq!(refusal(house.required(None, None).await).0, FailureClass::NoClientCertificate);
    let mut settings = house.files.settings();
    settings.clients = Clients::Asked(house.files.authorities(&house.clients.pem, None));
    let acceptor = acceptor(&settings);
    let ends = shake(&acceptor, &Client::new(&house.server.pem)).await;
    assert_eq!(ends.server.unwrap().client, None);
    let (good, bad) = (house.pair(2, YEAR), house.pair(3, -30..-1));
    let ends = shake(&acceptor, &Client::showing(&house.server.pem, &good)).await;
    assert_eq!(ends.server.unwrap().client.unwrap().serial_number, "02");
    let ends = shake(&acceptor, &Client::showing(&house.server.pem, &bad)).await;
    assert_eq!(refusal(ends).0, FailureClass::BadClientCertificate);
}

#[tokio::test]
async fn certificate_that_was_taken_back_is_refused_and_so_is_one_without_a_list() {
    let house = House::new();
    let (good, bad) = (house.pair(2, YEAR), house.pair(3, YEAR));
    let list = house.clients.revoked(&[3], 30);
    assert!(house.required(Some(&list), Some(&good)).await.server.is_ok());
    let (class, said) = refusal(house.required(Some(&list), Some(&bad)).await);
    assert_eq!(class, FailureClass::BadClientCertificate);
    assert!(said.contains("Revoked"), "{said}");
    let of_another = Authority::new("of others").revoked(&[], 30);
    let (class, said) = refusal(house.required(Some(&of_another), Some(&good)).await);
    assert_eq!(
        (class, said.contains("UnknownRevocationStatus")),
        (FailureClass::BadClientCertificate, true),
        "{said}"
    );
}
