//! `token-broker.yaml`: from the text that people write to REST API objects, clients and policies.
//!
//! Three steps, each total by itself: [`Definition::parse`] reads the text and says everything that is wrong with it,
//! with line and mend; [`compile`] makes the objects that API Gateway would hold, with ids that are the same after every
//! start; [`guard`] checks those objects against the guardrails and names the line where the definition broke one, and
//! the [`Waiver`] for it. The data plane sees the objects and never the file. [`compile_aws`] makes what the same
//! definition is on AWS, for comparing.
//!
//! Promises: no text makes it panic; nothing that stands in the file is ignored; no secret stands in the file, in a
//! definition or in an error. It reads no file, environment or clock, and generates no keys: time and values are given to it.

mod compile;
mod definition;
mod diff;
mod document;
mod error;
mod function_arn;
mod guard;
mod inspect;
mod name;
mod nearest;
mod position;
mod schema;
mod syntax;
mod waiver;
mod word_or;
mod written;

pub use compile::{
    AwsKey, AwsPlace, CompileError, Compiled, CompiledClient, KeyRecord, compile, compile_aws,
};
pub use definition::{
    Api, AppClient, AwsHome, BrokerSettings, Client, ClientAuth, ClientAuthorities, Definition,
    DeployedFunction, ExternalAppClient, FunctionHome, FunctionProcesses, GatewayResponseStyle, KeptLimits,
    LimitsSettings, LocalHome, MetricsSettings, Parents, Plan, PoolEndpoint, ProxyProtocol, ProxySettings,
    TlsSettings, TlsVersion, TracesSettings, UpstreamSettings, UserPool, WhenLost,
};
pub use diff::{Change, Difference, Meaning, diff};
pub use error::{DefinitionError, DefinitionErrors};
pub use function_arn::{FunctionArn, FunctionArnError};
pub use guard::{Breach, guard};
pub use name::{AppClientName, PlanName};
pub use position::Position;
pub use schema::schema;
pub use waiver::{LastDay, LastDayError, Waiver};

/// The file that a new user gets first: every field with its unit and its reason.
pub const DEFAULT_FILE: &str = include_str!("default.yaml");

#[cfg(test)]
mod tests;
