//! The REST API container.

use serde::Serialize;

use crate::{
    ApiSnapshot, Authorizer, Deployment, DeploymentId, GatewayResponse, Resource, ResourcePath, RestApiId,
    Stage, StageName,
};

/// Where the API key of a request is read from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApiKeySource {
    /// The `x-api-key` header.
    #[default]
    Header,
    /// `usageIdentifierKey` in a Lambda authorizer's answer; the header then counts for nothing.
    Authorizer,
}

/// From where an API can be reached.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointType {
    /// From the region's public endpoint. The data plane behaves like this one.
    #[default]
    Regional,
    /// Through CloudFront.
    Edge,
    /// From inside a VPC.
    Private,
}

/// A REST API: its working copy, its deployments and its stages.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestApi {
    /// Its id, the first label of its host name.
    pub id: RestApiId,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where API keys are read from.
    pub api_key_source: ApiKeySource,
    /// From where it can be reached.
    pub endpoint_type: EndpointType,
    /// Media types whose bodies reach a function as base64.
    pub binary_media_types: Vec<String>,
    /// Whether `{api-id}.execute-api…` is switched off in favour of a custom domain.
    pub disable_execute_api_endpoint: bool,
    /// The resource tree, flat; the root is the one without a parent.
    pub resources: Vec<Resource>,
    /// Authorizers that methods may name.
    pub authorizers: Vec<Authorizer>,
    /// Answers that the API gives by itself, where they differ from the stock ones.
    pub gateway_responses: Vec<GatewayResponse>,
    /// Frozen snapshots, oldest first.
    pub deployments: Vec<Deployment>,
    /// Stages, each showing one deployment.
    pub stages: Vec<Stage>,
}

impl RestApi {
    /// The working copy frozen under `id`. Later changes to the API do not reach it.
    pub fn snapshot(&self, id: DeploymentId) -> Deployment {
        Deployment {
            id,
            description: None,
            snapshot: ApiSnapshot {
                api_key_source: self.api_key_source,
                binary_media_types: self.binary_media_types.clone(),
                resources: self.resources.clone(),
                authorizers: self.authorizers.clone(),
                gateway_responses: self.gateway_responses.clone(),
            },
        }
    }

    /// The resource at `path`.
    pub fn resource_at(&self, path: &ResourcePath) -> Option<&Resource> {
        self.resources.iter().find(|resource| &resource.path == path)
    }

    /// The stage called `name`.
    pub fn stage(&self, name: &StageName) -> Option<&Stage> {
        self.stages.iter().find(|stage| &stage.stage_name == name)
    }

    /// The deployment with the id `id`.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| &deployment.id == id)
    }
}
