//! `broker`: how it keeps tokens and asks for new ones.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::{Inspector, values};
use crate::AppClientName;
use crate::definition::{AppClient, BrokerSettings, UpstreamSettings};
use crate::document::{BrokerDocument, UpstreamDocument};
use crate::written::{Optional, Written};

pub(super) fn inspect(
    written: Optional<Written<BrokerDocument>>,
    app_clients: &BTreeMap<AppClientName, AppClient>,
    inspector: &mut Inspector,
) -> BrokerSettings {
    let default = BrokerSettings::default();
    let Some(Written { value, at }) = written.0 else { return default };
    inspector.note("broker", at);
    let BrokerDocument { min_token_life, refresh_at_percent, upstream } = value;
    let shortest = app_clients.values().map(|app_client| app_client.token_validity).min();
    let life = inspector.optional(&min_token_life, "broker.min_token_life", LIFE, |text| {
        let life = values::duration(text)?;
        match shortest {
            Some(shortest) if life >= shortest => Err(format!(
                "no token would ever be handed out: an app client's live {} s",
                shortest.as_secs()
            )),
            _ => Ok(life),
        }
    });
    let mend = "write a whole number from 10 to 100, such as `75`";
    let percent = inspector.optional(&refresh_at_percent, "broker.refresh_at_percent", mend, |percent| {
        u8::try_from(*percent)
            .ok()
            .filter(|percent| (10..=100).contains(percent))
            .ok_or("this is no part of a life")
    });
    BrokerSettings {
        min_token_life: life.unwrap_or(default.min_token_life),
        refresh_at_percent: percent.unwrap_or(default.refresh_at_percent),
        upstream: upstream.0.map_or(default.upstream, |written| self::upstream(&written, inspector)),
    }
}

fn upstream(written: &Written<UpstreamDocument>, inspector: &mut Inspector) -> UpstreamSettings {
    let Written { value: UpstreamDocument { connect_timeout, attempt_timeout, total_timeout, attempts }, at } =
        written;
    let default = UpstreamSettings::default();
    let mut timeout = |written: &Optional<Written<String>>, name: &str, default| {
        let path = format!("broker.upstream.{name}");
        inspector.optional(written, &path, TIMEOUT, |text| timeout(text)).unwrap_or(default)
    };
    let settings = UpstreamSettings {
        connect_timeout: timeout(connect_timeout, "connect_timeout", default.connect_timeout),
        attempt_timeout: timeout(attempt_timeout, "attempt_timeout", default.attempt_timeout),
        total_timeout: timeout(total_timeout, "total_timeout", default.total_timeout),
        attempts: default.attempts,
    };
    let mend = "write a whole number from 1 to 10";
    let attempts = inspector.optional(attempts, "broker.upstream.attempts", mend, |attempts| {
        let attempts = u32::try_from(*attempts).ok().filter(|attempts| *attempts <= 10);
        attempts.and_then(NonZeroU32::new).ok_or("this is no number of attempts")
    });
    if settings.connect_timeout > settings.attempt_timeout
        || settings.attempt_timeout > settings.total_timeout
    {
        let problem = "a part would take longer than the whole";
        let mend = "keep connect_timeout ≤ attempt_timeout ≤ total_timeout (2s, 5s and 12s unless given)";
        inspector.report(*at, "broker.upstream", problem, mend);
    }
    UpstreamSettings { attempts: attempts.unwrap_or(settings.attempts), ..settings }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = values::duration(text)?;
    if timeout < LEAST {
        return Err("less than 10 ms is no time to answer in".into());
    }
    if timeout > MOST {
        return Err("the front door gives up after 29 s, so more than 27 s is too long".into());
    }
    Ok(timeout)
}

const LIFE: &str = "write a duration below every app client's `token_validity`, such as `60s` or `2m`";
const TIMEOUT: &str = "write `10ms` to `27s`, such as `500ms` or `5s`";
const LEAST: Duration = Duration::from_millis(10);
/// A second for the broker to notice, and one to answer before the front door's 29 s are over.
const MOST: Duration = Duration::from_secs(27);
