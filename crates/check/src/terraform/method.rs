//! Methods, what stands behind them, and who lets callers in: authorizers, gateway responses.

use std::time::Duration;

use restapi::{
    AuthorizationType, Authorizer, AuthorizerId, AuthorizerType, GatewayResponse, HttpMethod, Integration,
    IntegrationType, IntegrationUri, Method, PassthroughBehavior, ResourceId, ResourcePath, ResponseType,
    RestApi,
};

use super::block::{AFTER_APPLY, Block, Seen};
use super::document::Instance;
use super::findings::at;
use super::front::Reader;
use super::uri;

impl<'a> Reader<'a> {
    /// Adds every method to its resource, and every integration to its method.
    pub(super) fn add_methods(&mut self, api: &mut RestApi) {
        for block in self.own(METHOD) {
            let Some((path, http_method)) = self.call(&block, "http_method") else {
                self.unseen_here(block.instance, "which resource or HTTP method the method is of");
                continue;
            };
            let place = at(&["resources", path.as_str(), http_method.as_str()]);
            self.add_origin(&place, &block.instance.address);
            let method = self.method(&block, http_method, &place);
            if let Some(resource) = api.resources.iter_mut().find(|resource| resource.path == path) {
                resource.methods.insert(http_method, method);
            }
        }
        for block in self.own(INTEGRATION) {
            let Some((path, http_method)) = self.call(&block, "http_method") else {
                self.unseen_here(block.instance, "which method the integration stands behind");
                continue;
            };
            let place = at(&["resources", path.as_str(), http_method.as_str(), "integration"]);
            self.add_origin(&place, &block.instance.address);
            let Some(resource) = api.resources.iter_mut().find(|resource| resource.path == path) else {
                continue;
            };
            let integration = self.integration(&block, &resource.id, &place);
            match resource.methods.get_mut(&http_method) {
                Some(method) => method.integration = Some(integration),
                None => self.unseen_here(block.instance, "the method that the integration stands behind"),
            }
        }
    }

    /// Resource path and HTTP method of a method or an integration.
    pub(super) fn call(&self, block: &Block<'a>, name: &str) -> Option<(ResourcePath, HttpMethod)> {
        let path = self.path_of(block, "resource_id")?;
        let method = match block.text(name) {
            Seen::Known(text) => text.parse().ok()?,
            Seen::Unset => return None,
            Seen::Unknown => {
                let method = self.graph.link(block, name, METHOD).found()?;
                self.graph.block(method).text("http_method").known()?.parse().ok()?
            }
        };
        Some((path, method))
    }

    fn unseen_here(&mut self, instance: &Instance, part: &str) {
        let place = format!("{}/{}", self.place, at(&["resources", &instance.address]));
        self.notes.unseen(instance, &place, part);
    }

    fn method(&mut self, block: &Block<'a>, http_method: HttpMethod, place: &str) -> Method {
        let place = format!("{}/{place}", self.place);
        let authorization_type = match block.text("authorization") {
            Seen::Unset | Seen::Known("NONE") => AuthorizationType::None,
            Seen::Known("AWS_IAM") => AuthorizationType::AwsIam,
            Seen::Known("CUSTOM") => AuthorizationType::Custom,
            Seen::Known("COGNITO_USER_POOLS") => AuthorizationType::CognitoUserPools,
            Seen::Known(_) | Seen::Unknown => {
                self.notes.unseen(
                    block.instance,
                    &format!("{place}/authorizationType"),
                    "how callers are authorized",
                );
                AuthorizationType::None
            }
        };
        if block.flag("api_key_required") == Seen::Unknown {
            self.notes.unseen(
                block.instance,
                &format!("{place}/apiKeyRequired"),
                "whether an API key is required",
            );
        }
        let parameters = block.value("request_parameters").known().and_then(|map| map.as_object());
        let parameters = parameters.into_iter().flatten();
        Method {
            http_method,
            authorization_type,
            authorizer_id: self.authorizer_of(block),
            authorization_scopes: block.texts("authorization_scopes"),
            api_key_required: block.flag("api_key_required").known().unwrap_or(false),
            operation_name: block.text_or_placeholder("operation_name"),
            request_parameters: parameters
                .map(|(name, is)| (name.clone(), is.as_bool().unwrap_or(false)))
                .collect(),
            integration: None,
        }
    }

    fn integration(&mut self, block: &Block<'a>, resource: &ResourceId, place: &str) -> Integration {
        let place = format!("{}/{place}", self.place);
        let kind = match block.text("type") {
            Seen::Known("AWS_PROXY") => IntegrationType::AwsProxy,
            Seen::Known("AWS") => IntegrationType::Aws,
            Seen::Known("HTTP") => IntegrationType::Http,
            Seen::Known("HTTP_PROXY") => IntegrationType::HttpProxy,
            Seen::Known("MOCK") => IntegrationType::Mock,
            Seen::Known(_) | Seen::Unset | Seen::Unknown => {
                self.notes.unseen(block.instance, &format!("{place}/type"), "what kind of integration it is");
                IntegrationType::Mock
            }
        };
        let timeout = block.whole_number("timeout_milliseconds").known().and_then(|n| u64::try_from(n).ok());
        let passthrough_behavior = match block.text("passthrough_behavior").known() {
            Some("NEVER") => PassthroughBehavior::Never,
            Some("WHEN_NO_TEMPLATES") => PassthroughBehavior::WhenNoTemplates,
            _ => PassthroughBehavior::WhenNoMatch,
        };
        let http_method =
            block.text("integration_http_method").known().and_then(|method| method.parse().ok());
        Integration {
            kind,
            http_method: http_method.unwrap_or(HttpMethod::Post),
            uri: self.uri(block, "uri", &format!("{place}/uri")),
            credentials: block.text_or_placeholder("credentials"),
            passthrough_behavior,
            request_parameters: block.map("request_parameters"),
            request_templates: block.map("request_templates"),
            timeout: timeout.map_or(Integration::MAX_TIMEOUT, Duration::from_millis),
            cache_namespace: resource.clone(),
            cache_key_parameters: block.texts("cache_key_parameters"),
        }
    }

    fn uri(&mut self, block: &Block<'a>, name: &str, place: &str) -> IntegrationUri {
        match block.text(name) {
            Seen::Known(text) => uri::parse(text),
            Seen::Unset => IntegrationUri::Other(String::new()),
            Seen::Unknown => {
                let function = uri::invoked_by(&self.graph, block, name);
                let name = match function.map(uri::name_of) {
                    Ok(Some(name)) => name,
                    Ok(None) | Err(None) => {
                        let part = format!("which function it leads to (`{name}`)");
                        self.notes.unseen(block.instance, place, &part);
                        return IntegrationUri::Other(AFTER_APPLY.into());
                    }
                    Err(Some(others)) => {
                        let detail = format!(
                            "which function it leads to (`{name}`) cannot be seen: there is {others} in it"
                        );
                        self.notes.hidden(block.instance, place, detail);
                        return IntegrationUri::Other(AFTER_APPLY.into());
                    }
                };
                let (region, account_id) = (self.region.clone(), self.account_id.clone());
                IntegrationUri::Function { region, account_id, name }
            }
        }
    }

    /// Adds the API's authorizers.
    pub(super) fn add_authorizers(&mut self, api: &mut RestApi) {
        for block in self.own(AUTHORIZER) {
            let name = block.text_or_placeholder("name").unwrap_or_default();
            let place = at(&["authorizers", &name]);
            self.add_origin(&place, &block.instance.address);
            let place = format!("{}/{place}", self.place);
            if block.text("authorizer_credentials") != Seen::Unset {
                let detail = "the authorizer invokes its function under a role";
                self.notes.add_guardrail("TB010", &block.instance.address, &place, detail);
            }
            let authorizer = self.authorizer(&block, name, &place);
            api.authorizers.push(authorizer);
        }
    }

    fn authorizer(&mut self, block: &Block<'a>, name: String, place: &str) -> Authorizer {
        let kind = match block.text("type") {
            Seen::Unset | Seen::Known("TOKEN") => AuthorizerType::Token,
            Seen::Known("REQUEST") => AuthorizerType::Request,
            Seen::Known("COGNITO_USER_POOLS") => AuthorizerType::CognitoUserPools,
            Seen::Known(_) | Seen::Unknown => {
                self.notes.unseen(block.instance, &format!("{place}/type"), "what kind of authorizer it is");
                AuthorizerType::Token
            }
        };
        let authorizer_uri = match block.text("authorizer_uri") {
            Seen::Unset => None,
            Seen::Known(text) => Some(text.to_owned()),
            Seen::Unknown => {
                let place = format!("{place}/authorizerUri");
                Some(self.uri(block, "authorizer_uri", &place).to_string())
            }
        };
        let ttl = block.whole_number("authorizer_result_ttl_in_seconds").known();
        Authorizer {
            id: authorizer_id(block),
            name,
            kind,
            authorizer_uri,
            provider_arns: block.texts("provider_arns"),
            identity_source: block
                .text_or_placeholder("identity_source")
                .unwrap_or_else(|| "method.request.header.Authorization".into()),
            result_ttl: Duration::from_secs(ttl.and_then(|ttl| u64::try_from(ttl).ok()).unwrap_or(300)),
        }
    }

    fn authorizer_of(&self, block: &Block<'a>) -> Option<AuthorizerId> {
        if block.text("authorizer_id") == Seen::Unset {
            return None;
        }
        let authorizer = self.graph.link(block, "authorizer_id", AUTHORIZER).found()?;
        Some(authorizer_id(&self.graph.block(authorizer)))
    }

    /// Adds the answers that differ from the stock ones.
    pub(super) fn add_gateway_responses(&mut self, api: &mut RestApi) {
        for block in self.own("aws_api_gateway_gateway_response") {
            let name = block.text("response_type").known();
            let kind = ResponseType::ALL.into_iter().find(|kind| Some(kind.as_str()) == name);
            let Some(response_type) = kind else {
                let place = format!("{}/{}", self.place, at(&["gatewayResponses", &block.instance.address]));
                self.notes.unseen(block.instance, &place, "which refusal the gateway response is for");
                continue;
            };
            self.add_origin(&at(&["gatewayResponses", response_type.as_str()]), &block.instance.address);
            api.gateway_responses.push(GatewayResponse {
                response_type,
                status_code: block.text("status_code").known().and_then(|status| status.parse().ok()),
                response_parameters: block.map("response_parameters"),
                response_templates: block.map("response_templates"),
            });
        }
        api.gateway_responses.sort_by_key(|response| response.response_type);
    }
}

/// The authorizer's id, or one made of its address: 6 characters, as API Gateway's are.
pub(super) fn authorizer_id(block: &Block<'_>) -> AuthorizerId {
    let known = block.text("id").known().and_then(|id| AuthorizerId::parse(id).ok());
    known.unwrap_or_else(|| AuthorizerId::derived(&[&block.instance.address]))
}

pub(super) const METHOD: &str = "aws_api_gateway_method";
pub(super) const AUTHORIZER: &str = "aws_api_gateway_authorizer";
const INTEGRATION: &str = "aws_api_gateway_integration";
