//! `homes`: what depends on the place.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use oauth::TokenEndpointUrl;
use restapi::{AccountId, FunctionName, Region, StageName, ThrottleSettings};

use super::{Inspector, function, limits, observed, proxies, tls, values};
use crate::definition::{
    AppClient, AwsHome, ExternalAppClient, FunctionHome, LocalHome, PoolEndpoint, UserPool,
};
use crate::document::{
    AwsDocument, ExternalAppClientDocument, ExternalPoolDocument, HomesDocument, LocalDocument,
    UserPoolDocument,
};
use crate::error::{DefinitionError, Shown};
use crate::nearest::nearest;
use crate::written::{Optional, Written};
use crate::{AppClientName, Position};

type AppClients = BTreeMap<AppClientName, AppClient>;

/// The homes; no local one if it is wrong.
pub(super) fn inspect(
    written: Optional<Written<HomesDocument>>,
    app_clients: &AppClients,
    inspector: &mut Inspector,
) -> (Option<LocalHome>, Option<AwsHome>) {
    let HomesDocument { local, aws } = written.0.map(|written| written.value).unwrap_or_default();
    let aws = aws.0.and_then(|aws| self::aws(aws.value, inspector));
    let local = local.0.map(|Written { value, at }| {
        inspector.note("homes.local", at);
        value
    });
    (self::local(local.unwrap_or_default(), app_clients, inspector), aws)
}

fn aws(document: AwsDocument, inspector: &mut Inspector) -> Option<AwsHome> {
    let AwsDocument { stage, region } = document;
    let stage = inspector.value(&or(stage, "prod"), "homes.aws.stage", STAGE, |text| StageName::parse(text));
    let region = inspector.value(&region, "homes.aws.region", REGION, |text| Region::parse(text));
    Some(AwsHome { stage: stage?, region: region? })
}

fn local(document: LocalDocument, app_clients: &AppClients, inspector: &mut Inspector) -> Option<LocalHome> {
    let LocalDocument {
        stage,
        region,
        account_id,
        account_throttle,
        front_door,
        trusted_proxies,
        client_address,
        proxy_protocol,
        tls,
        admin,
        user_pool,
        user_pool_listen,
        limits,
        function,
        metrics,
        traces,
    } = document;
    let proxies = proxies::inspect(&trusted_proxies, &client_address, &proxy_protocol, inspector);
    let tls = tls::inspect(tls, inspector);
    let function_home = function::inspect(function, inspector);
    let limits = limits::inspect(limits, inspector);
    let metrics = observed::metrics(metrics, inspector);
    let traces = observed::traces(traces, inspector);
    let account_throttle = values::throttle(account_throttle, "homes.local.account_throttle", inspector);
    let (stage, region, account_id) =
        (or(stage, "dev"), or(region, "us-east-1"), or(account_id, "000000000000"));
    let stage = inspector.value(&stage, "homes.local.stage", STAGE, |text| StageName::parse(text));
    let region = inspector.value(&region, "homes.local.region", REGION, |text| Region::parse(text));
    let mend = "write 12 digits in quotes, or remove the field";
    let account_id =
        inspector.value(&account_id, "homes.local.account_id", mend, |text| AccountId::parse(text));
    // Nothing listens for a pool that is elsewhere, so its default is in nobody's way.
    let is_external =
        user_pool.0.as_ref().is_some_and(|pool| matches!(pool.value, UserPoolDocument::Mapping(_)));
    let is_deployed = matches!(function_home, Some(FunctionHome::Deployed(_)));
    let pool_default = if is_external || is_deployed { "127.0.0.1:0" } else { "127.0.0.1:8082" };
    let listeners = [
        ("front_door", or(front_door, "127.0.0.1:8080")),
        ("admin", or(admin, "127.0.0.1:8081")),
        ("user_pool_listen", or(user_pool_listen.clone(), pool_default)),
    ];
    let [front_door, admin, pool_listen] = addresses(&listeners, inspector);
    let user_pool = match user_pool.0 {
        written if is_deployed => {
            refuse_idle_pool(written.as_ref(), &user_pool_listen, inspector);
            Some(UserPool::OfTheFunction)
        }
        Some(Written { value: UserPoolDocument::Mapping(pool), at }) => {
            refuse_idle_listener(&user_pool_listen, inspector);
            external(pool, at, app_clients, inspector)
        }
        Some(Written { value: UserPoolDocument::Word(word), at }) if word != "embedded" => {
            let mend =
                "write `embedded`, or a mapping with `token_endpoint` or `cognito_idp`, and `app_clients`";
            inspector.report(at, POOL, format!("{} is not a user pool", Shown(&word)), mend);
            None
        }
        _ => pool_listen.map(|listen| UserPool::Embedded { listen }),
    };
    Some(LocalHome {
        stage: stage?,
        region: region?,
        account_id: account_id?,
        account_throttle: account_throttle.unwrap_or(ThrottleSettings::ACCOUNT_DEFAULT),
        function: FunctionName::parse("token-broker").ok()?,
        front_door: front_door?,
        proxies,
        tls,
        admin: admin?,
        user_pool: user_pool?,
        limits,
        function_home: function_home?,
        metrics,
        traces,
    })
}

/// Each address by itself, and no two the same.
fn addresses(listeners: &[(&str, Written<String>); 3], inspector: &mut Inspector) -> [Option<SocketAddr>; 3] {
    let mut seen: Vec<(&str, SocketAddr)> = Vec::new();
    listeners.each_ref().map(|(name, written)| {
        let path = format!("homes.local.{name}");
        let address = inspector.value(written, &path, values::ADDRESS, |text| values::address(text))?;
        if *name != "front_door" && !address.ip().is_loopback() {
            let problem = format!("{} is not a loopback address", Shown(&written.value));
            let mend = "write a loopback address, such as `127.0.0.1:8081`: only the front door is for others to reach";
            inspector.report(written.at, &path, problem, mend);
        }
        let twin = seen.iter().find(|(_, other)| *other == address && address.port() != 0);
        if let Some((other, _)) = twin {
            let problem = format!("{} is also the address of `{other}`", Shown(&written.value));
            inspector.report(written.at, &path, problem, "give each listener a port of its own");
        }
        seen.push((name, address));
        Some(address)
    })
}

/// A deployed function has its own user pool, and nothing here would ask another.
fn refuse_idle_pool(
    pool: Option<&Written<UserPoolDocument>>,
    listener: &Optional<Written<String>>,
    inspector: &mut Inspector,
) {
    if let Some(written) = pool {
        let problem = "nothing would ask it: the function on AWS has its own";
        inspector.report(written.at, POOL, problem, "remove the field");
    }
    refuse_idle_listener(listener, inspector);
}

fn refuse_idle_listener(written: &Optional<Written<String>>, inspector: &mut Inspector) {
    if let Some(written) = &written.0 {
        let problem = "nothing listens there: the user pool is not embedded";
        inspector.report(written.at, "homes.local.user_pool_listen", problem, "remove the field");
    }
}

fn external(
    document: ExternalPoolDocument,
    at: Position,
    app_clients: &AppClients,
    inspector: &mut Inspector,
) -> Option<UserPool> {
    let ExternalPoolDocument { token_endpoint, cognito_idp, app_clients: written } = document;
    let endpoint = endpoint(token_endpoint, cognito_idp, at, inspector);
    let path = "homes.local.user_pool.app_clients";
    let is_missing = |name: &&AppClientName| !written.keys().any(|written| written.value == name.as_str());
    for name in app_clients.keys().filter(is_missing) {
        let mend = format!("add `{name}: {{ client_id: …, secret_file: … }}`");
        inspector.report(at, path, format!("the app client `{name}` is missing here"), mend);
    }
    let mut known = BTreeMap::new();
    for (name, client) in &written {
        let found = app_clients.keys().find(|app_client| app_client.as_str() == name.value);
        let Some(found) = found else {
            let mend = match nearest(&name.value, app_clients.keys().map(AppClientName::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "remove it, or name it as a client's `app_client`".into(),
            };
            inspector.report(
                name.at,
                path,
                format!("no client uses the app client {}", Shown(&name.value)),
                mend,
            );
            continue;
        };
        known.extend(app_client(&client.value, path, inspector).map(|client| (found.clone(), client)));
    }
    endpoint.map(|endpoint| UserPool::External { endpoint, app_clients: known })
}

/// One of the two ways to ask a pool.
fn endpoint(
    token_endpoint: Optional<Written<String>>,
    cognito_idp: Optional<Written<String>>,
    at: Position,
    inspector: &mut Inspector,
) -> Option<PoolEndpoint> {
    let mend =
        "write `token_endpoint` for the pool's domain, or `cognito_idp` for Cognito's API in its region";
    let (written, name, mend, of): (_, _, _, fn(TokenEndpointUrl) -> PoolEndpoint) = match (
        token_endpoint.0,
        cognito_idp.0,
    ) {
        (Some(_), Some(other)) => {
            let problem = "there is `token_endpoint` as well, and a pool is asked in one way";
            inspector.report(other.at, &format!("{POOL}.cognito_idp"), problem, mend);
            return None;
        }
        (None, None) => {
            inspector.report(at, POOL, "nothing says where the pool is", mend);
            return None;
        }
        (Some(written), None) => {
            let mend =
                "write the whole URL, such as `https://NAME.auth.REGION.amazoncognito.com/oauth2/token`";
            (written, "token_endpoint", mend, PoolEndpoint::Token)
        }
        (None, Some(written)) => {
            let mend =
                "write the endpoint of the region, such as `https://cognito-idp.eu-central-1.amazonaws.com`";
            (written, "cognito_idp", mend, PoolEndpoint::Idp)
        }
    };
    let url = TokenEndpointUrl::parse(&written.value).map_err(|problem| {
        // The line may have a password in it.
        let path = format!("{POOL}.{name}");
        let error = DefinitionError::new(written.at, &path, problem.to_string(), mend.into());
        inspector.errors.push(error.unshown());
    });
    url.ok().map(of)
}

fn app_client(
    document: &ExternalAppClientDocument,
    path: &str,
    inspector: &mut Inspector,
) -> Option<ExternalAppClient> {
    let ExternalAppClientDocument { client_id, secret_file } = document;
    let mend = "write the app client's id as the user pool shows it";
    let client_id = inspector.value(client_id, path, mend, |id| {
        let fits = (1..=128).contains(&id.len());
        // Cognito's own pattern for ids: `[\w+]+`.
        let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+'));
        if fits && is_plain {
            Ok(id.clone())
        } else {
            Err(format!("{} is not an app client's id", Shown(id)))
        }
    });
    let mend = "write the path of the file that holds the secret";
    let secret_file = inspector.value(secret_file, path, mend, |file| values::path(file));
    Some(ExternalAppClient { client_id: client_id?, secret_file: secret_file? })
}

/// What is written, or what holds when nothing is.
fn or(written: Optional<Written<String>>, default: &str) -> Written<String> {
    written.0.unwrap_or_else(|| Written { value: default.into(), at: Position::START })
}

const POOL: &str = "homes.local.user_pool";
const STAGE: &str = "write letters, digits, `-` and `_`, such as `dev`";
const REGION: &str = "write a region such as `eu-central-1`";
