//! Values that stand in many places. The functions answer with what is wrong, in a sentence of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ambient::Timestamp;
use ipnet::IpNet;
use jiff::SignedDuration;
use oauth::{EndpointError, Scope, TokenEndpointUrl};
use restapi::{RateLimit, ThrottleSettings};

use super::Inspector;
use crate::document::ThrottleDocument;
use crate::error::Shown;
use crate::written::{Optional, Written};

/// A bucket that lets something through.
pub(super) fn throttle(
    written: Optional<Written<ThrottleDocument>>,
    path: &str,
    inspector: &mut Inspector,
) -> Option<ThrottleSettings> {
    let Written { value: ThrottleDocument { rate, burst }, at } = written.0?;
    inspector.note(path, at);
    let mend =
        "write requests per second, such as `10` or `0.5`; to let nobody in, set `enabled: false` on clients";
    let rate_limit = inspector.value(&rate, &format!("{path}.rate"), mend, |rate| {
        let rate = RateLimit::from_requests_per_second(*rate).map_err(|error| error.to_string())?;
        if rate.as_milli() == 0 { Err("a rate of 0 lets nobody in, ever".to_owned()) } else { Ok(rate) }
    });
    let mend = "write a whole number from 1 to 9007199; to let nobody in, set `enabled: false` on clients";
    let burst_limit = inspector.value(&burst, &format!("{path}.burst"), mend, |burst| match *burst {
        0 => Err("a burst of 0 lets nobody in, ever"),
        1..=LARGEST_BURST => u32::try_from(*burst).map_err(|_| "the burst is too large"),
        _ => Err("the burst is too large"),
    });
    Some(ThrottleSettings { rate_limit: rate_limit?, burst_limit: burst_limit? })
}

/// The largest bucket that every store of limits counts exactly.
const LARGEST_BURST: u64 = 9_007_199;

/// `90s`, `5m`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration: SignedDuration = text.parse().map_err(|_| format!("{} is not a duration", Shown(text)))?;
    Duration::try_from(duration).map_err(|_| format!("{} is less than nothing", Shown(text)))
}

/// Where a file is.
pub(super) fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.trim().is_empty() { Err("the path is empty") } else { Ok(PathBuf::from(text)) }
}

/// A moment as RFC 3339 writes it.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| format!("{} is not a moment", Shown(text)))?;
    let micros = u64::try_from(moment.as_microsecond());
    micros.map(Timestamp::from_micros).map_err(|_| format!("{} is before 1970", Shown(text)))
}

pub(super) const MOMENT: &str = "write date, time and zone, such as `2027-01-31T00:00:00Z`";

/// A network whose address has no bits behind the prefix.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| format!("{} is not a network", Shown(text)))?;
    let whole = network.trunc();
    if whole == network {
        Ok(network)
    } else {
        Err(format!(
            "{} has bits behind its prefix: the network is `{whole}`, the address `{}`",
            Shown(text),
            network.addr()
        ))
    }
}

pub(super) const NETWORK: &str =
    "write address and prefix length, such as `10.0.0.0/8`, `192.0.2.7/32` or `2001:db8::/32`";

/// A scope that Cognito gives to machines: one of a resource server's.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let scope: Scope =
        text.parse().map_err(|error: oauth::ScopeError| format!("{}: {error}", Shown(text)))?;
    match text.rsplit_once('/') {
        Some((server, name)) if !server.is_empty() && !name.is_empty() => Ok(scope),
        _ => Err(format!("{} names no resource server", Shown(text))),
    }
}

pub(super) const SCOPE: &str =
    "write `resource-server/scope`, such as `orders/read`: Cognito gives machines no others";

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{} is not an address to listen on", Shown(text)))
}

pub(super) const ADDRESS: &str = "write address and port, such as `127.0.0.1:8080` or `\"[::1]:8080\"`";

/// A URL that is asked by HTTPS, or HTTP on this machine. What is wrong with it does not repeat a password.
pub(super) fn endpoint(text: &str) -> Result<TokenEndpointUrl, String> {
    TokenEndpointUrl::parse(text).map_err(|error| match error {
        EndpointError::PlainHttp { host } => {
            format!("`{host}` is asked by `https`; plain `http` is only for this machine")
        }
        EndpointError::Credentials => "the URL must not contain a user name or a password".to_owned(),
        EndpointError::Query => "the URL must not have a query or a fragment".to_owned(),
        _ => "this is no URL that begins with `https://`".to_owned(),
    })
}

/// A text on one line, with nothing around it that cannot be seen.
pub(super) fn one_line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("the text has a line break or another control character".into());
    }
    match text.trim() {
        "" => Err("the text is empty".into()),
        trimmed => Ok(trimmed.into()),
    }
}

/// A name, or anything else that says itself what is wrong.
pub(super) fn parsed<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| format!("{} is no name: {error}", Shown(text)))
}

pub(super) const NAME: &str = "write a name such as `billing` or `reports-2`";
