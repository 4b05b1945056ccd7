//! What goes out: always with scopes, and never to be printed.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::{AppClientSecrets, Effort, ExtraHeaders, UpstreamError};

#[tokio::test(start_paused = true)]
async fn token_is_asked_for_with_explicit_scopes() {
    let form = "grant_type=client_credentials&scope=orders%2Fread+orders%2Fwrite";
    let json = r#"{"ClientId":"billing","Secret":"hunter2","Scopes":["orders/read","orders/write"]}"#;
    for (wire, body) in [(Wire::Token, form), (Wire::Idp, json)] {
        let (upstream, scripted) = bench(wire, [wire.good()]);
        let exchange = ask(&upstream, &credentials()).await;
        assert_eq!(exchange.outcome.unwrap().lifetime, Duration::from_hours(1));
        assert_eq!(exchange.effort, Effort { attempts: 1, ..Effort::default() });
        assert_eq!(scripted.secrets(), ["hunter2"]);
        assert_eq!(scripted.calls.lock()[0].body, body);
    }
}

#[tokio::test(start_paused = true)]
async fn no_scope_is_never_sent() {
    for wire in Wire::BOTH {
        let (upstream, scripted) = bench(wire, []);
        let exchange = upstream.request_token(&credentials(), &ScopeSet::default()).await;
        assert_eq!(exchange.outcome, Err(UpstreamError::RefusedScope));
        assert_eq!((scripted.calls(), exchange.effort), (0, Effort::default()));
    }
}

#[test]
fn nothing_that_is_sent_can_be_printed() {
    for wire in Wire::BOTH {
        let secret = "hunter2".into();
        let presented = crate::endpoint::Presented { id: "billing", secret: &secret };
        let call = wire.endpoint().way().call(presented, &scopes()).unwrap();
        assert_eq!(format!("{call:?}"), "TokenCall(..)");
    }
}

proptest! {
    /// Whatever the secrets are, nobody finds them in what can be printed of anything that holds them.
    #[test]
    fn no_debug_shows_a_secret(secrets in prop::collection::vec("[a-zA-Z0-9_+]{24,64}", 3)) {
        let [first, second, header] = secrets.as_slice() else { unreachable!() };
        let extra = ExtraHeaders::new([("x-origin-verify", header.as_str().into())]).unwrap();
        let kept = AppClientSecrets::new(first.as_str().into(), Some(second.as_str().into())).unwrap();
        let endpoints: [Endpoint; 2] = [
            TokenEndpoint::parse("https://pool.example.com/oauth2/token").unwrap().with_headers(extra.clone()).into(),
            IdpEndpoint::parse("https://idp.example.com/").unwrap().with_headers(extra.clone()).into(),
        ];
        let mut shown = format!("{extra:?} {kept:?}");
        for endpoint in endpoints {
            let credentials =
                AppClientCredentials::new("billing", first.as_str().into(), Some(second.as_str().into())).unwrap();
            let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(1)));
            let secret = first.as_str().into();
            let presented = crate::endpoint::Presented { id: "billing", secret: &secret };
            let call = endpoint.way().call(presented, &scopes()).unwrap();
            let upstream = Upstream::new(endpoint, Settings::default(), clock, entropy);
            write!(shown, "{credentials:?} {presented:?} {call:?} {upstream:#?}").unwrap();
        }
        for secret in [first, second, header] {
            prop_assert!(!shown.contains(secret.as_str()));
        }
        let pair = STANDARD.encode(format!("billing:{first}"));
        prop_assert!(!shown.contains(&pair));
    }
}
