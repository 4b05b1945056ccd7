//! `homes.local.trusted_proxies`, and the two ways in which proxies say whom they speak for.

use ipnet::IpNet;
use proxied::{AddressHeader, SourceRule, TrustedProxies};

use super::{Inspector, values};
use crate::definition::{ProxyProtocol, ProxySettings};
use crate::error::Shown;
use crate::written::{Optional, Written};

pub(super) fn inspect(
    trusted_proxies: &Optional<Written<Vec<Written<String>>>>,
    client_address: &Optional<Written<String>>,
    proxy_protocol: &Optional<Written<String>>,
    inspector: &mut Inspector,
) -> ProxySettings {
    let mend = "write `x_forwarded_for` or `forwarded`, whichever the proxies set themselves";
    let header = inspector.optional(client_address, CLIENT_ADDRESS, mend, |word| match word.as_str() {
        "x_forwarded_for" => Ok(AddressHeader::XForwardedFor),
        "forwarded" => Ok(AddressHeader::Forwarded),
        other => Err(format!("{} is no header that names a client's address", Shown(other))),
    });
    let mend = "write `off` or `required`";
    let protocol = inspector.optional(proxy_protocol, PROXY_PROTOCOL, mend, |word| match word.as_str() {
        "off" => Ok(ProxyProtocol::Off),
        "required" => Ok(ProxyProtocol::Required),
        other => Err(format!("{} is neither `off` nor `required`", Shown(other))),
    });
    // What believes proxies, whether it is well written or not.
    let required = proxy_protocol.0.as_ref().filter(|written| written.value != "off");
    let believes = [(&client_address.0.as_ref(), CLIENT_ADDRESS), (&required, PROXY_PROTOCOL)];
    let believes = believes.into_iter().find_map(|(written, path)| written.map(|written| (written.at, path)));
    let proxies = match (&trusted_proxies.0, believes) {
        (Some(networks), Some(_)) => trusted(networks, inspector),
        (Some(networks), None) => {
            let problem = "nothing goes by it: these proxies have no way to name their clients";
            inspector.report(networks.at, TRUSTED_PROXIES, problem, WAYS);
            None
        }
        (None, Some((at, path))) => {
            let mend = "name the networks of your proxies as `trusted_proxies`, or remove the field";
            inspector.report(at, path, "nobody is trusted to say where clients are", mend);
            None
        }
        (None, None) => None,
    };
    let source = SourceRule { proxies: proxies.unwrap_or_default(), header };
    ProxySettings { source, protocol: protocol.unwrap_or_default() }
}

fn trusted(written: &Written<Vec<Written<String>>>, inspector: &mut Inspector) -> Option<TrustedProxies> {
    inspector.note(TRUSTED_PROXIES, written.at);
    let mend = "name the networks that your proxies connect from, or remove the field";
    if written.value.is_empty() {
        inspector.report(written.at, TRUSTED_PROXIES, "the list is empty", mend);
        return None;
    }
    let networks = written.value.iter().map(|network| {
        inspector.value(network, TRUSTED_PROXIES, values::NETWORK, |text| values::network(text))
    });
    // All of them are looked at, so that one run shows all that is wrong.
    let networks: Vec<Option<IpNet>> = networks.collect();
    let networks: Vec<IpNet> = networks.into_iter().collect::<Option<_>>()?;
    let everybody = |error: proxied::TrustsEverybody| {
        inspector.report(written.at, TRUSTED_PROXIES, error.to_string(), mend);
    };
    TrustedProxies::new(networks).map_err(everybody).ok()
}

const TRUSTED_PROXIES: &str = "homes.local.trusted_proxies";
const CLIENT_ADDRESS: &str = "homes.local.client_address";
const PROXY_PROTOCOL: &str = "homes.local.proxy_protocol";
const WAYS: &str =
    "add `client_address: x_forwarded_for`, `client_address: forwarded` or `proxy_protocol: required`";
