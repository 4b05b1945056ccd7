//! A definition as a tree in the shape of the file. Every field of a definition is taken apart by name, so that none can
//! be forgotten when one is added.

use std::fmt::Display;
use std::time::Duration;

use ambient::Timestamp;
use policy::ClientFacts;
use proxied::{AddressHeader, SourceRule};
use restapi::{LoggingLevel, QuotaPeriod, QuotaSettings, ThrottleSettings};
use serde_json::{Map, Value, json};

use crate::definition::{
    Api, AppClient, AwsHome, BrokerSettings, Client, ClientAuth, DeployedFunction, ExternalAppClient,
    FunctionHome, FunctionProcesses, GatewayResponseStyle, KeptLimits, LimitsSettings, LocalHome,
    MetricsSettings, Parents, Plan, PoolEndpoint, ProxyProtocol, ProxySettings, TlsSettings, TlsVersion,
    TracesSettings, UpstreamSettings, UserPool, WhenLost,
};
use crate::{Definition, Waiver};

type Tree = Map<String, Value>;

pub(super) fn of(definition: &Definition) -> Tree {
    let Definition { api, plans, clients, app_clients, broker, local, aws, waivers, positions: _ } =
        definition;
    let homes = tree([("local", Some(self::local(local))), ("aws", aws.as_ref().map(self::aws))]);
    let tree = tree([
        ("api", Some(self::api(api))),
        ("plans", Some(named(plans, plan))),
        ("clients", Some(named(clients, client))),
        ("app_clients", Some(named(app_clients, app_client))),
        ("broker", Some(self::broker(broker))),
        ("homes", Some(homes)),
        ("waivers", Some(self::waivers(waivers))),
    ]);
    match tree {
        Value::Object(tree) => tree,
        _ => Tree::new(),
    }
}

/// The members that are there.
fn tree<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Tree>().into()
}

fn named<'a, N: Display + 'a, T: 'a>(
    members: impl IntoIterator<Item = (&'a N, &'a T)>,
    of: impl Fn(&T) -> Value,
) -> Value {
    members.into_iter().map(|(name, member)| (name.to_string(), of(member))).collect::<Tree>().into()
}

fn api(api: &Api) -> Value {
    let Api {
        name,
        description,
        throttle,
        token_endpoint_throttle,
        gateway_responses,
        access_log,
        logging_level,
    } = api;
    let level = match logging_level {
        LoggingLevel::Off => "off",
        LoggingLevel::Error => "error",
        LoggingLevel::Info => "info",
    };
    let access_log =
        access_log.name().map_or_else(|| json!({ "format": access_log.here() }), |name| json!(name));
    let style = match gateway_responses {
        GatewayResponseStyle::Oauth => "oauth",
        GatewayResponseStyle::Aws => "aws",
    };
    tree([
        ("name", Some(json!(name))),
        ("description", description.as_ref().map(|text| json!(text))),
        ("throttle", throttle.map(self::throttle)),
        ("token_endpoint", Some(tree([("throttle", token_endpoint_throttle.map(self::throttle))]))),
        ("gateway_responses", Some(json!(style))),
        ("access_log", Some(access_log)),
        ("logging_level", Some(json!(level))),
    ])
}

fn throttle(throttle: ThrottleSettings) -> Value {
    let ThrottleSettings { rate_limit, burst_limit } = throttle;
    let milli = rate_limit.as_milli();
    let rate = if milli.is_multiple_of(1_000) {
        json!(milli / 1_000)
    } else {
        let digits = format!("{}.{:03}", milli / 1_000, milli % 1_000);
        digits.parse::<f64>().map_or_else(|_| json!(digits), |rate| json!(rate))
    };
    json!({ "rate": rate, "burst": burst_limit })
}

fn plan(plan: &Plan) -> Value {
    let Plan { throttle, token_endpoint, quota } = plan;
    tree([
        ("throttle", throttle.map(self::throttle)),
        ("token_endpoint", token_endpoint.map(self::throttle)),
        ("quota", quota.as_ref().map(self::quota)),
    ])
}

fn quota(quota: &QuotaSettings) -> Value {
    let period = match quota.period() {
        QuotaPeriod::Day => "day",
        QuotaPeriod::Week => "week",
        QuotaPeriod::Month => "month",
    };
    json!({ "limit": quota.limit(), "period": period, "offset": quota.offset() })
}

fn client(client: &Client) -> Value {
    let Client { facts, plan, app_client } = client;
    let ClientFacts {
        id: _,
        enabled,
        grants,
        scopes,
        default_scopes,
        allow_from,
        not_before,
        not_after,
        groups,
    } = facts;
    tree([
        ("plan", Some(json!(plan.as_str()))),
        ("groups", Some(set(groups))),
        ("scopes", Some(set(scopes.iter()))),
        ("default_scopes", Some(set(default_scopes.iter()))),
        ("app_client", Some(json!(app_client.as_str()))),
        // Empty is anywhere, and a network that is added to it would shut others out.
        ("allow_from", (!allow_from.is_empty()).then(|| set(allow_from))),
        ("grants", Some(set(grants))),
        ("enabled", Some(json!(enabled))),
        ("not_before", not_before.map(moment)),
        ("not_after", not_after.map(moment)),
    ])
}

/// Texts whose order and repetition mean nothing.
fn set(items: impl IntoIterator<Item = impl Display>) -> Value {
    let mut texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    json!(texts)
}

fn moment(moment: Timestamp) -> Value {
    let micros = i64::try_from(moment.as_micros()).unwrap_or(i64::MAX);
    json!(jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_string())
}

fn app_client(app_client: &AppClient) -> Value {
    // Its scopes are those of its clients, and are said there.
    let AppClient { scopes: _, token_validity } = app_client;
    json!({ "token_validity": duration(*token_validity) })
}

/// As people write it: `1h30m`.
fn duration(duration: Duration) -> Value {
    let (seconds, nanos) = (duration.as_secs(), u64::from(duration.subsec_nanos()));
    let parts = [
        (seconds / 3_600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanos / 1_000_000, "ms"),
        (nanos / 1_000 % 1_000, "us"),
        (nanos % 1_000, "ns"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    json!(if parts.is_empty() { "0s".to_owned() } else { parts.concat() })
}

fn broker(broker: &BrokerSettings) -> Value {
    let BrokerSettings { min_token_life, refresh_at_percent, upstream } = broker;
    let UpstreamSettings { connect_timeout, attempt_timeout, total_timeout, attempts } = upstream;
    json!({
        "min_token_life": duration(*min_token_life),
        "refresh_at_percent": refresh_at_percent,
        "upstream": {
            "connect_timeout": duration(*connect_timeout),
            "attempt_timeout": duration(*attempt_timeout),
            "total_timeout": duration(*total_timeout),
            "attempts": attempts,
        },
    })
}

fn local(local: &LocalHome) -> Value {
    let LocalHome {
        stage,
        region,
        account_id,
        // The definition cannot say it.
        function: _,
        account_throttle,
        front_door,
        proxies,
        tls,
        admin,
        user_pool,
        limits,
        function_home,
        metrics,
        traces,
    } = local;
    let ProxySettings { source: SourceRule { proxies, header }, protocol } = proxies;
    let header = header.map(|header| match header {
        AddressHeader::XForwardedFor => json!("x_forwarded_for"),
        AddressHeader::Forwarded => json!("forwarded"),
    });
    let protocol = match protocol {
        ProxyProtocol::Off => "off",
        ProxyProtocol::Required => "required",
    };
    let listen = match user_pool {
        UserPool::Embedded { listen } => Some(json!(listen)),
        UserPool::External { .. } | UserPool::OfTheFunction => None,
    };
    tree([
        ("stage", Some(json!(stage.as_str()))),
        ("region", Some(json!(region.as_str()))),
        ("account_id", Some(json!(account_id.as_str()))),
        ("account_throttle", Some(throttle(*account_throttle))),
        ("front_door", Some(json!(front_door))),
        // None is nobody: not a list to which a first one would be added.
        ("trusted_proxies", (!proxies.is_empty()).then(|| set(proxies.networks()))),
        ("client_address", header),
        ("proxy_protocol", Some(json!(protocol))),
        ("tls", tls.as_ref().map(self::tls)),
        ("admin", Some(json!(admin))),
        ("user_pool", Some(self::user_pool(user_pool))),
        ("user_pool_listen", listen),
        ("limits", Some(self::limits(limits))),
        ("function", Some(function(function_home))),
        ("metrics", Some(self::metrics(*metrics))),
        ("traces", traces.as_ref().map(self::traces)),
    ])
}

fn tls(tls: &TlsSettings) -> Value {
    let TlsSettings { certificate, key, client_auth, min_version } = tls;
    let (word, authorities) = match client_auth {
        ClientAuth::None => ("none", None),
        ClientAuth::Optional(authorities) => ("optional", Some(authorities)),
        ClientAuth::Required(authorities) => ("required", Some(authorities)),
    };
    let min_version = match min_version {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    };
    tree([
        ("certificate", Some(json!(certificate))),
        ("key", Some(json!(key))),
        ("client_auth", Some(json!(word))),
        ("client_ca", authorities.map(|authorities| json!(authorities.ca))),
        ("client_crl", authorities.and_then(|authorities| authorities.crl.as_ref()).map(|crl| json!(crl))),
        ("min_version", Some(json!(min_version))),
    ])
}

fn metrics(metrics: MetricsSettings) -> Value {
    let MetricsSettings { per_client } = metrics;
    tree([("per_client", per_client.map(|clients| json!(clients)))])
}

fn traces(traces: &TracesSettings) -> Value {
    let TracesSettings { endpoint, ca, headers_file, one_in, parents } = traces;
    let parents = match parents {
        Parents::Follow => "follow",
        Parents::Ignore => "ignore",
    };
    tree([
        ("endpoint", Some(json!(endpoint.as_str()))),
        ("ca", ca.as_ref().map(|ca| json!(ca))),
        ("headers_file", headers_file.as_ref().map(|file| json!(file))),
        ("one_in", Some(json!(one_in))),
        ("parents", Some(json!(parents))),
    ])
}

fn user_pool(pool: &UserPool) -> Value {
    let (endpoint, app_clients) = match pool {
        UserPool::Embedded { .. } => return json!("embedded"),
        UserPool::OfTheFunction => return json!("of the function"),
        UserPool::External { endpoint, app_clients } => (endpoint, app_clients),
    };
    let (token_endpoint, cognito_idp) = match endpoint {
        PoolEndpoint::Token(url) => (Some(json!(url.as_str())), None),
        PoolEndpoint::Idp(url) => (None, Some(json!(url.as_str()))),
    };
    let app_client = |app_client: &ExternalAppClient| {
        let ExternalAppClient { client_id, secret_file } = app_client;
        json!({ "client_id": client_id, "secret_file": secret_file.to_string_lossy() })
    };
    tree([
        ("token_endpoint", token_endpoint),
        ("cognito_idp", cognito_idp),
        ("app_clients", Some(named(app_clients, app_client))),
    ])
}

fn limits(limits: &LimitsSettings) -> Value {
    let kept = match limits {
        LimitsSettings::Memory => return json!({ "store": "memory" }),
        LimitsSettings::Sqlite(kept) => kept,
    };
    let KeptLimits { quota_batch, lease, throttle_when_lost, quota_when_lost } = kept;
    let lost = |when_lost: &WhenLost| match when_lost {
        WhenLost::Closed => "closed",
        WhenLost::Open => "open",
    };
    json!({
        "store": "sqlite",
        "quota_batch": quota_batch,
        "lease": duration(*lease),
        "when_lost": { "throttle": lost(throttle_when_lost), "quota": lost(quota_when_lost) },
    })
}

fn function(home: &FunctionHome) -> Value {
    match home {
        FunctionHome::InProcess => json!("in_process"),
        FunctionHome::Processes(processes) => {
            let FunctionProcesses { program, arguments, concurrency, memory, timeout } = processes;
            let command: Vec<&String> = [program].into_iter().chain(arguments).collect();
            json!({
                "command": command,
                "concurrency": concurrency,
                "memory": memory,
                "timeout": duration(*timeout),
            })
        }
        FunctionHome::Deployed(DeployedFunction { arn, endpoint, timeout }) => tree([
            ("aws", Some(json!(arn.as_str()))),
            ("endpoint", endpoint.as_ref().map(|url| json!(url.as_str()))),
            ("timeout", timeout.map(duration)),
        ]),
    }
}

fn aws(home: &AwsHome) -> Value {
    let AwsHome { stage, region } = home;
    json!({ "stage": stage.as_str(), "region": region.as_str() })
}

/// By what they are for: their order means nothing, and no two are for the same.
fn waivers(waivers: &[Waiver]) -> Value {
    let of = |waiver: &Waiver| {
        let Waiver { guardrail, at, reason, expires, position: _ } = waiver;
        (format!("{guardrail} at {at}"), json!({ "reason": reason, "expires": expires.to_string() }))
    };
    waivers.iter().map(of).collect::<Tree>().into()
}
