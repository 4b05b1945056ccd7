//! Where the bindings send the app clients' secrets: whether that is the user pool.
//!
//! Looked at when the bindings are known and the document makes the pool. Whose a pool's domain is that is made elsewhere, the
//! document does not say: then it must at least be one of Cognito's in the pool's region.

use bindings::Upstream;

use super::super::block::Seen;
use super::super::broker::Bound;
use super::super::document::Instance;
use super::super::front::Reader;
use super::super::graph::Link;
use super::POOL;
use crate::rule::broker::BINDINGS_ARE_READ;

impl<'a> Reader<'a> {
    /// Looks at where each function's bindings send, of which `pools` are the broker's.
    pub(super) fn check_upstream(&mut self, pools: &[&'a Instance], bound: &[Bound]) {
        for bound in bound {
            let answers_at = match &bound.upstream {
                Upstream::TokenEndpoint { url, .. } => self.objection(host(url.as_str()), pools),
                Upstream::CognitoIdp { url } => self.objection_to_api(host(url.as_str()), pools),
            };
            if let Some(detail) = answers_at {
                self.notes.add(BINDINGS_ARE_READ, &bound.address, &bound.place, detail);
            }
        }
    }

    /// Why no token endpoint of `pools` is at `host`.
    fn objection(&self, host: &str, pools: &[&'a Instance]) -> Option<String> {
        if pools.is_empty() {
            return None;
        }
        let domains = self.domains(pools)?;
        let regions: Vec<_> = pools.iter().filter_map(|pool| self.region_of(pool)).collect();
        let is_right = if domains.is_empty() {
            regions.is_empty() || regions.iter().any(|region| is_some_domain(host, region))
        } else {
            domains.iter().any(|domain| is_at(domain, host, &regions))
        };
        let names = if domains.is_empty() { "Cognito in its region".to_owned() } else { domains.join(", ") };
        (!is_right).then(|| {
            format!("the app clients' secrets are sent to `{host}`, and the user pool's domain is of {names}")
        })
    }

    /// Why Cognito's API for `pools` is not at `host`.
    fn objection_to_api(&self, host: &str, pools: &[&'a Instance]) -> Option<String> {
        let regions: Vec<_> = pools.iter().filter_map(|pool| self.region_of(pool)).collect();
        let is_right = if regions.is_empty() {
            is_api(host, host.split('.').nth(1).unwrap_or_default())
        } else {
            regions.iter().any(|region| is_api(host, region))
        };
        (!is_right).then(|| {
            format!(
                "the app clients' secrets are sent to `{host}`, which is not Cognito in the pool's region"
            )
        })
    }

    /// The domains that the document makes for `pools`. None if one of them cannot be seen.
    fn domains(&self, pools: &[&'a Instance]) -> Option<Vec<&'a str>> {
        let is_theirs = |link: &Link<'a>| match link {
            Link::To(pool) => pools.iter().any(|own| std::ptr::eq(*own, *pool)),
            Link::Outside => false,
            Link::Unseen => true,
        };
        let all = self.graph.of_kind(DOMAIN).iter().map(|domain| self.graph.block(domain));
        let own = all.filter(|domain| is_theirs(&self.graph.link(domain, "user_pool_id", POOL)));
        own.map(|domain| domain.text("domain").known()).collect()
    }

    /// Where the pool is: its id begins with it.
    fn region_of(&self, pool: &'a Instance) -> Option<&str> {
        if let Seen::Known(id) = self.graph.block(pool).text("id") {
            return id.split_once('_').map(|(region, _)| region);
        }
        (!self.notes.origins.is_unseen("region")).then(|| self.region.as_str())
    }
}

/// The host in a URL, with its port if that is not the scheme's own.
fn host(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.split('/').next().unwrap_or_default()
}

/// Whether the pool's domain `domain`, a whole name or a prefix of one of Cognito's, is `host`.
fn is_at(domain: &str, host: &str, regions: &[&str]) -> bool {
    if domain.contains('.') {
        return domain.eq_ignore_ascii_case(host);
    }
    let rest = host.strip_prefix(domain).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| {
        regions.is_empty() && is_ending(rest) || regions.iter().any(|region| is_of(rest, region))
    })
}

/// Whether `host` is a domain of some pool in the region.
fn is_some_domain(host: &str, region: &str) -> bool {
    host.split_once('.').is_some_and(|(_, rest)| is_of(rest, region))
}

/// `auth.REGION.amazoncognito.com`
fn is_of(rest: &str, region: &str) -> bool {
    KINDS_OF_DOMAIN.iter().any(|kind| rest == format!("{kind}.{region}.amazoncognito.com"))
}

/// The same in whichever region.
fn is_ending(rest: &str) -> bool {
    let region = rest.split('.').nth(1).unwrap_or_default();
    is_of(rest, region)
}

/// Whether `host` is Cognito's API in the region: for everybody, or at a network's own endpoint.
fn is_api(host: &str, region: &str) -> bool {
    let of_region =
        |name: &str| APIS.iter().any(|(service, ending)| name == format!("{service}.{region}.{ending}"));
    of_region(host) || host.ends_with(&format!(".cognito-idp.{region}.vpce.amazonaws.com"))
}

const DOMAIN: &str = "aws_cognito_user_pool_domain";

const KINDS_OF_DOMAIN: [&str; 2] = ["auth", "auth-fips"];

const APIS: [(&str, &str); 3] = [
    ("cognito-idp", "amazonaws.com"),
    ("cognito-idp-fips", "amazonaws.com"),
    ("cognito-idp", "amazonaws.com.cn"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_a_name_of_cognitos_in_the_pools_region() {
        let host = "example-tokens.auth.eu-central-1.amazoncognito.com";
        assert!(is_at("example-tokens", host, &["eu-central-1"]));
        assert!(is_at("example-tokens", host, &[]));
        assert!(!is_at("example-tokens", host, &["us-east-1"]));
        assert!(!is_at("example", host, &["eu-central-1"]));
        for other in [
            "example-tokens.auth.eu-central-1.amazoncognito.com.example.com",
            "example-tokens.auth.eu-central-1.amazoncognito.com:8443",
            "example-tokens.example.com",
            "example-tokens",
        ] {
            assert!(!is_at("example-tokens", other, &["eu-central-1"]), "{other}");
            assert!(!is_at("example-tokens", other, &[]), "{other}");
        }
    }

    #[test]
    fn name_of_ones_own_is_itself() {
        assert!(is_at("auth.example.com", "auth.example.com", &["eu-central-1"]));
        assert!(!is_at("auth.example.com", "auth.example.com.example.org", &["eu-central-1"]));
    }

    #[test]
    fn api_is_awss_in_the_region() {
        assert!(is_api("cognito-idp.eu-central-1.amazonaws.com", "eu-central-1"));
        assert!(is_api("vpce-1.cognito-idp.eu-central-1.vpce.amazonaws.com", "eu-central-1"));
        assert!(!is_api("cognito-idp.us-east-1.amazonaws.com", "eu-central-1"));
        assert!(!is_api("cognito-idp.eu-central-1.amazonaws.com.example.com", "eu-central-1"));
        assert!(!is_api("cognito-idp.example.com", "example"));
    }

    #[test]
    fn host_ends_where_the_path_begins() {
        assert_eq!(host("https://a.example.com/oauth2/token"), "a.example.com");
        assert_eq!(host("http://127.0.0.1:8082/oauth2/token"), "127.0.0.1:8082");
    }
}
