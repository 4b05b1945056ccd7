//! `clients`: who may ask for tokens, and how much.

use config::{Definition, Plan};
use restapi::{QuotaPeriod, RateLimit, ThrottleSettings};
use serde_json::json;

use crate::cli::{Output, Place};
use crate::definition;
use crate::terminal::{self, table};

pub(crate) fn run(place: &Place, output: Output) -> anyhow::Result<()> {
    let definition = definition::read(&place.config)?;
    if output.json {
        terminal::print_line(&serde_json::to_string_pretty(&as_json(&definition))?)
    } else {
        terminal::print(&as_table(&definition, ""))
    }
}

/// The clients as a table.
pub(super) fn as_table(definition: &Definition, indent: &str) -> String {
    let rows: Vec<_> = definition
        .clients
        .iter()
        .map(|(id, client)| {
            let plan = definition.plans.get(&client.plan);
            let throttle = plan.and_then(strictest).map_or("-".to_owned(), |throttle| {
                format!("{} a second, burst {}", rate(throttle.rate_limit), throttle.burst_limit)
            });
            let quota = plan
                .and_then(|plan| plan.quota)
                .map_or("-".to_owned(), |quota| format!("{} a {}", quota.limit(), period(quota.period())));
            let enabled = if client.facts.enabled { "" } else { " (disabled)" };
            [
                format!("{id}{enabled}"),
                client.plan.to_string(),
                throttle,
                quota,
                client.facts.scopes.to_string(),
            ]
        })
        .collect();
    table(indent, ["CLIENT", "PLAN", "LIMIT PER KEY", "QUOTA PER KEY", "SCOPES"], &rows)
}

fn as_json(definition: &Definition) -> serde_json::Value {
    let throttle = |settings: Option<ThrottleSettings>| {
        settings.and_then(|settings| serde_json::to_value(settings).ok())
    };
    definition
        .clients
        .iter()
        .map(|(id, client)| {
            let plan = definition.plans.get(&client.plan);
            json!({
                "client": id.as_str(),
                "enabled": client.facts.enabled,
                "plan": client.plan.to_string(),
                "throttle": throttle(plan.and_then(|plan| plan.throttle)),
                "tokenEndpointThrottle": throttle(plan.and_then(|plan| plan.token_endpoint)),
                "quota": plan.and_then(|plan| plan.quota).and_then(|quota| serde_json::to_value(quota).ok()),
                "scopes": client.facts.scopes.iter().collect::<Vec<_>>(),
                "defaultScopes": client.facts.default_scopes.iter().collect::<Vec<_>>(),
            })
        })
        .collect()
}

/// Requests per second without needless zeros.
fn rate(rate: RateLimit) -> String {
    let (whole, milli) = (rate.as_milli() / 1_000, rate.as_milli() % 1_000);
    if milli == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{milli:03}").trim_end_matches('0').to_owned()
    }
}

/// Of a plan's two buckets, the one that runs dry first.
fn strictest(plan: &Plan) -> Option<ThrottleSettings> {
    match (plan.throttle, plan.token_endpoint) {
        (Some(whole), Some(method)) if method.is_looser_than(&whole) => Some(whole),
        (whole, method) => method.or(whole),
    }
}

const fn period(period: QuotaPeriod) -> &'static str {
    match period {
        QuotaPeriod::Day => "day",
        QuotaPeriod::Week => "week",
        QuotaPeriod::Month => "month",
    }
}
