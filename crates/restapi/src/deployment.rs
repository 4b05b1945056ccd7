//! What a deployment freezes.

use serde::Serialize;

use crate::{ApiKeySource, Authorizer, DeploymentId, GatewayResponse, Resource};

/// A frozen snapshot of an API under an id. Stages show deployments, never the working copy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Why it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the API was when it was made.
    pub snapshot: ApiSnapshot,
}

/// The part of an API that only a deployment changes for its callers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiSnapshot {
    /// Where API keys are read from.
    pub api_key_source: ApiKeySource,
    /// Media types whose bodies reach a function as base64.
    pub binary_media_types: Vec<String>,
    /// The resource tree with its methods and integrations.
    pub resources: Vec<Resource>,
    /// Authorizers.
    pub authorizers: Vec<Authorizer>,
    /// Gateway responses.
    pub gateway_responses: Vec<GatewayResponse>,
}
