//! The embedded user pool: what a Cognito domain, its issuer and its API serve, on one listener.
//!
//! It stands where Amazon Cognito stands, behind the broker, so that the whole chain runs on one machine. The broker
//! talks to it over HTTP and cannot tell the difference: same path, same statuses, same bodies, same claims.
//!
//! It serves `POST /oauth2/token` (client credentials only), `POST /` for the operation `GetClientToken` of the Cognito
//! API, `GET /{poolId}/.well-known/jwks.json` and `GET /{poolId}/.well-known/openid-configuration`. Every app client may
//! ask in both ways. Where the documentation of Cognito and its observed behaviour
//! disagree it follows the observation: a scope that the app client does not have is refused, not dropped.
//!
//! It promises that secrets are compared in constant time and kept as digests only, that no secret, key or token is ever
//! logged, and that a token is valid for exactly as long as its app client says.
//!
//! It does not know users, other grants, triggers or `aws_client_metadata` (ignored, as by a pool without triggers). It
//! sends no `Set-Cookie`, no `Server` and no `X-Application-Context`: no OAuth client has a use for them.

mod app_client;
mod authenticate;
mod client_token;
mod documents;
mod ids;
mod keys;
mod mint;
mod pool;
mod respond;
mod validity;

pub use app_client::{AppClient, Secrets};
pub use ids::{AppClientId, AppClientSecret, IdError, PoolId};
pub use keys::{KeyError, SigningKey, SigningKeys};
pub use pool::{PoolConfig, PoolError, UserPool};
pub use validity::{TokenValidity, ValidityError};

#[cfg(test)]
mod tests;
