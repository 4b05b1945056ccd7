//! A definition that is known to make sense.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use oauth::{ScopeSet, TokenEndpointUrl};
use policy::{ClientFacts, ClientId};
use proxied::SourceRule;
use restapi::{
    AccessLogFormat, AccountId, FunctionName, LoggingLevel, QuotaSettings, Region, StageName,
    ThrottleSettings,
};

use crate::position::Positions;
use crate::{
    AppClientName, DefinitionErrors, FunctionArn, PlanName, Position, Waiver, guard, inspect, syntax,
};

/// What `token-broker.yaml` says, with everything that was left out filled in.
///
/// Every name that is used is defined, every number is one that the parts accept. What API Gateway allows and the front
/// door must not do is not looked at here: that is for [`guard`](crate::guard).
#[derive(Clone, Debug)]
pub struct Definition {
    /// The front door.
    pub api: Api,
    /// What API keys may use.
    pub plans: BTreeMap<PlanName, Plan>,
    /// Who may ask for tokens.
    pub clients: BTreeMap<ClientId, Client>,
    /// What the broker asks the user pool with. There is one for every name that a client uses.
    pub app_clients: BTreeMap<AppClientName, AppClient>,
    /// How the broker keeps tokens and asks for new ones.
    pub broker: BrokerSettings,
    /// This machine.
    pub local: LocalHome,
    /// AWS, if it is a home.
    pub aws: Option<AwsHome>,
    /// Exceptions from guardrails, in the order of the file.
    pub waivers: Vec<Waiver>,
    pub(crate) positions: Positions,
}

impl Definition {
    /// Reads the definition `text`; `file_name` is what errors call it.
    ///
    /// ```
    /// # use config::Definition;
    /// let errors = Definition::parse("plans: { a: { quota: { limit: 0, period: day } } }", "x.yaml").unwrap_err();
    /// assert!(errors.to_string().starts_with("x.yaml:1:31: plans.a.quota.limit: "));
    /// ```
    pub fn parse(text: &str, file_name: &str) -> Result<Self, DefinitionErrors> {
        let fail = |errors| DefinitionErrors::new(file_name, text, errors);
        let document = syntax::read(text).map_err(|error| fail(vec![error]))?;
        inspect::inspect(document).map_err(fail)
    }

    /// What a waiver may call the object that a guardrail names by `place`: the place, that of the working copy if it is a
    /// deployed object, and the path in the file.
    pub fn names_of(place: &str) -> Vec<String> {
        guard::names(place)
    }

    /// The place as the API's working copy has it, if it is that of a deployed object.
    pub fn working_place(place: &str) -> String {
        guard::working_place(place)
    }

    /// The part of the file that describes the object at `place`, such as `plans.partner.throttle` for
    /// `usagePlans/partner/throttle`; none if no part does. `place` is what a guardrail's finding names.
    pub fn path_of(place: &str) -> Option<String> {
        guard::path(place)
    }

    /// Where the object at `place` is described, or what it is part of; where no part of the file describes it, none.
    pub fn line_of(&self, place: &str) -> Option<Position> {
        Self::path_of(place).and_then(|path| self.positions.nearest(&path))
    }
}

/// The front door.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The stage default.
    pub throttle: Option<ThrottleSettings>,
    /// The own bucket of `POST /oauth2/token`.
    pub token_endpoint_throttle: Option<ThrottleSettings>,
    /// How the API answers what it refuses by itself.
    pub gateway_responses: GatewayResponseStyle,
    /// What a line of the access log looks like.
    pub access_log: AccessLogFormat,
    /// What the execution log says of each request.
    pub logging_level: LoggingLevel,
}

/// How the API answers what it refuses by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum GatewayResponseStyle {
    /// As RFC 6749 §5.2 has it.
    #[default]
    Oauth,
    /// As API Gateway does when nothing is customized.
    Aws,
}

/// What each API key on it may use, for itself.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A bucket over everything that the plan opens.
    pub throttle: Option<ThrottleSettings>,
    /// A second bucket for `POST /oauth2/token`.
    pub token_endpoint: Option<ThrottleSettings>,
    /// Requests per period.
    pub quota: Option<QuotaSettings>,
}

/// Who may ask for tokens.
#[derive(Clone, Debug)]
pub struct Client {
    /// What policy looks at.
    pub facts: ClientFacts,
    /// The plan of its API keys.
    pub plan: PlanName,
    /// The app client that the broker asks with for it.
    pub app_client: AppClientName,
}

/// An app client of the user pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppClient {
    /// The scopes that it must be allowed in the pool: those of all clients that it is used for.
    pub scopes: ScopeSet,
    /// How long its access tokens live.
    pub token_validity: Duration,
}

/// How the broker keeps tokens and asks for new ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BrokerSettings {
    /// No token with less life left is handed out.
    pub min_token_life: Duration,
    /// At what part of a token's life, in percent, a new one is asked for; 100 for never ahead of time.
    pub refresh_at_percent: u8,
    /// How patient the broker is with the user pool.
    pub upstream: UpstreamSettings,
}

/// How patient the broker is with the user pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UpstreamSettings {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// How long all attempts and the waits between them may take.
    pub total_timeout: Duration,
    /// How many attempts.
    pub attempts: NonZeroU32,
}

impl Default for BrokerSettings {
    /// A minute of life at least, refreshed at three quarters of it.
    fn default() -> Self {
        Self {
            min_token_life: Duration::from_mins(1),
            refresh_at_percent: 75,
            upstream: UpstreamSettings::default(),
        }
    }
}

impl Default for UpstreamSettings {
    /// Three attempts in twelve seconds: well inside the 29 that API Gateway gives an integration.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(12),
            attempts: NonZeroU32::MIN.saturating_add(2),
        }
    }
}

/// This machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalHome {
    /// The stage.
    pub stage: StageName,
    /// The region that events and ARNs name.
    pub region: Region,
    /// The account that events and ARNs name.
    pub account_id: AccountId,
    /// What the broker's function is called.
    pub function: FunctionName,
    /// The account's own bucket.
    pub account_throttle: ThrottleSettings,
    /// Where the front door listens.
    pub front_door: SocketAddr,
    /// Who connects to the front door for others, and how that is told.
    pub proxies: ProxySettings,
    /// How connections to the front door are encrypted, if they are.
    pub tls: Option<TlsSettings>,
    /// Where health and metrics are served: a loopback address.
    pub admin: SocketAddr,
    /// Where tokens come from.
    pub user_pool: UserPool,
    /// Where buckets and quotas are kept.
    pub limits: LimitsSettings,
    /// Where the broker's function runs.
    pub function_home: FunctionHome,
    /// What is counted of each client.
    pub metrics: MetricsSettings,
    /// Where spans go, if they are made.
    pub traces: Option<TracesSettings>,
}

/// What is counted of each client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MetricsSettings {
    /// How many clients have series of their own, the first by name; the others share one. None have without it.
    pub per_client: Option<NonZeroU32>,
}

/// Where spans go, and of which requests they are made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TracesSettings {
    /// Where a collector takes OTLP over HTTP; `/v1/traces` comes behind it. By HTTPS, or HTTP on this machine.
    pub endpoint: TokenEndpointUrl,
    /// The file of those who sign the collector's certificate, from the definition's directory. Mozilla's list without it.
    pub ca: Option<PathBuf>,
    /// The file of headers that the collector asks for, from the definition's directory.
    pub headers_file: Option<PathBuf>,
    /// One request in how many that nobody has decided about is traced.
    pub one_in: NonZeroU32,
    /// Whether senders decide.
    pub parents: Parents,
}

/// What it counts for that a request says whether it is traced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Parents {
    /// It decides.
    #[default]
    Follow,
    /// Nothing.
    Ignore,
}

/// Who connects to the front door for others, and how that is told. By default nobody does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxySettings {
    /// Whose word about a request's source address is taken, and in which header.
    pub source: SourceRule,
    /// Whether connections begin with a header that says whom they are for.
    pub protocol: ProxyProtocol,
}

/// Whether connections to the front door begin with a PROXY protocol header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProxyProtocol {
    /// None does.
    #[default]
    Off,
    /// Each does, and each is of a trusted proxy.
    Required,
}

/// How connections to the front door are encrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsSettings {
    /// The file of the certificate and of what signed it. Paths count from the definition's directory.
    pub certificate: PathBuf,
    /// The file of its private key.
    pub key: PathBuf,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They may. One that is not good is refused.
    Optional(ClientAuthorities),
    /// They must.
    Required(ClientAuthorities),
}

/// Who signs clients' certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientAuthorities {
    /// The file of their certificates.
    pub ca: PathBuf,
    /// The file of the lists of certificates that they have taken back.
    pub crl: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsVersion {
    /// 1.2.
    #[default]
    V1_2,
    /// 1.3.
    V1_3,
}

/// Where a function runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum FunctionHome {
    /// Inside this program.
    #[default]
    InProcess,
    /// In processes of its own, over the Lambda Runtime API.
    Processes(FunctionProcesses),
    /// On AWS.
    Deployed(DeployedFunction),
}

/// A function that is deployed on AWS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeployedFunction {
    /// Which one.
    pub arn: FunctionArn,
    /// Where Lambda's API is, if it is not AWS's own endpoint of the region: by HTTPS, or HTTP on this machine.
    pub endpoint: Option<TokenEndpointUrl>,
    /// How long an answer may take, if it is less than the front door waits.
    pub timeout: Option<Duration>,
}

/// A function's processes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionProcesses {
    /// The program. A path with a slash counts from the definition's directory.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How many run at a time at most.
    pub concurrency: NonZeroU32,
    /// Memory of one, in MiB.
    pub memory: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
}

/// Where buckets and quotas are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitsSettings {
    /// In a file of the state directory, so that they hold across restarts and crashes.
    Sqlite(KeptLimits),
    /// In memory: a restart fills every bucket and forgets used quota.
    Memory,
}

/// How limits are kept in a file, and what happens when they cannot be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeptLimits {
    /// The most requests of one key's quota that are set aside at a time.
    pub quota_batch: NonZeroU32,
    /// How far ahead the file says that the program is alive.
    pub lease: Duration,
    /// What buckets do while the file cannot be written.
    pub throttle_when_lost: WhenLost,
    /// What quotas do while the file cannot be written.
    pub quota_when_lost: WhenLost,
}

/// What a kind of limit does while it cannot be kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenLost {
    /// It refuses.
    #[default]
    Closed,
    /// It goes on without being kept.
    Open,
}

impl Default for LimitsSettings {
    /// In a file.
    fn default() -> Self {
        Self::Sqlite(KeptLimits::default())
    }
}

impl Default for KeptLimits {
    /// A thousand requests at a time, five seconds ahead, and closed when they cannot be kept.
    fn default() -> Self {
        Self {
            quota_batch: NonZeroU32::MIN.saturating_add(999),
            lease: Duration::from_secs(5),
            throttle_when_lost: WhenLost::default(),
            quota_when_lost: WhenLost::default(),
        }
    }
}

/// Where tokens come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UserPool {
    /// The user pool inside this program.
    Embedded {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// An existing one.
    External {
        /// Where and how it is asked for tokens.
        endpoint: PoolEndpoint,
        /// Every app client of the definition, as the pool knows it.
        app_clients: BTreeMap<AppClientName, ExternalAppClient>,
    },
    /// That of the deployed function, which nothing here asks.
    OfTheFunction,
}

/// Where and how an existing user pool is asked for tokens: by HTTPS, or HTTP on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PoolEndpoint {
    /// At its domain's token endpoint.
    Token(TokenEndpointUrl),
    /// At Cognito's API, by `GetClientToken`.
    Idp(TokenEndpointUrl),
}

/// An app client of an existing user pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExternalAppClient {
    /// Its id in the pool.
    pub client_id: String,
    /// The file that holds its secret.
    pub secret_file: PathBuf,
}

/// AWS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AwsHome {
    /// The stage.
    pub stage: StageName,
    /// The region.
    pub region: Region,
}
