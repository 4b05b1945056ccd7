//! Ways into the API's functions that do not lead through the API: a URL, an event source, another API under a role.
//!
//! Part of the step that looks at functions. What a permission lets in is not looked at here: its source ARN says it.

use std::collections::BTreeSet;

use restapi::FunctionName;

use super::block::{AFTER_APPLY, Block, Seen};
use super::findings::at;
use super::follow::{CHOOSER, Target};
use super::front::{Owner, Reader};
use super::{function, uri};

impl<'a> Reader<'a> {
    /// Finds what else invokes one of the functions `called`, or may.
    pub(super) fn check_ways_in(&mut self, called: &BTreeSet<FunctionName>) {
        for (kind, detail) in DIRECT {
            for block in self.all(kind) {
                let function = uri::function_meant(&self.graph, &block, "function_name");
                if function.as_ref().is_none_or(|name| called.contains(name)) {
                    self.add_way_in(&block, function.as_ref(), detail);
                }
            }
        }
        for caller in CALLERS {
            for block in self.all(caller.kind) {
                let is_own = caller.is_rest && self.owner(&block, "rest_api_id") != Owner::Other;
                if is_own || block.text(caller.role) == Seen::Unset {
                    continue;
                }
                match self.invoked(&block, caller.uri) {
                    Invoked::Nothing => {}
                    Invoked::Function(name) if !called.contains(&name) => {}
                    Invoked::Function(name) => {
                        let detail = "another API invokes the function under a role";
                        self.add_way_in(&block, Some(&name), detail);
                    }
                    Invoked::Unseen => {
                        let detail = "another API may invoke the function under a role: which function, cannot be seen";
                        self.add_way_in(&block, None, detail);
                    }
                }
            }
        }
    }

    fn add_way_in(&mut self, block: &Block<'a>, function: Option<&FunctionName>, detail: &str) {
        let place = at(&["functions", function.map_or(AFTER_APPLY, FunctionName::as_str)]);
        self.notes.add_guardrail("TB010", &block.instance.address, &place, detail);
    }

    /// What the URI or ARN `name` of `block` invokes.
    fn invoked(&self, block: &Block<'a>, name: &str) -> Invoked {
        match block.text(name) {
            Seen::Unset => Invoked::Nothing,
            Seen::Known(text) => match function::function_in(text) {
                Some(name) => Invoked::Function(name),
                None if text.contains(":lambda:") => Invoked::Unseen,
                None => Invoked::Nothing,
            },
            Seen::Unknown => self.invoked_by_references(block, name),
        }
    }

    fn invoked_by_references(&self, block: &Block<'a>, name: &str) -> Invoked {
        if let Some(name) = uri::referenced(&self.graph, block, name).and_then(uri::name_of) {
            return Invoked::Function(name);
        }
        let targets = self.graph.targets(block, name);
        let is_function = |kind: &str| [uri::FUNCTION, uri::ALIAS].contains(&kind);
        let may_be_one = targets.iter().any(|target| match target {
            Target::Made { instances, .. } => instances.iter().any(|made| is_function(&made.kind)),
            Target::LookedUp { kind, .. } => is_function(kind),
            Target::Opaque(_) | Target::Given(_) => false,
        });
        // What is made of a queue is no function.
        let is_elsewhere = targets.iter().any(|target| match target {
            Target::Made { instances, .. } => instances.iter().any(|made| made.kind != CHOOSER),
            Target::LookedUp { .. } | Target::Opaque(_) | Target::Given(_) => false,
        });
        if is_elsewhere && !may_be_one { Invoked::Nothing } else { Invoked::Unseen }
    }
}

/// What a URI invokes.
enum Invoked {
    /// No function.
    Nothing,
    /// This one.
    Function(FunctionName),
    /// A function, or not: nobody can tell.
    Unseen,
}

/// What invokes without an API: kind of resource, and what it does.
const DIRECT: [(&str, &str); 2] = [
    ("aws_lambda_function_url", "a URL of its own invokes the function without the API"),
    ("aws_lambda_event_source_mapping", "an event source invokes the function without the API"),
];

/// A part of an API that invokes, under a role if it is given one.
struct Caller {
    kind: &'static str,
    /// The attribute that says what is invoked.
    uri: &'static str,
    /// The attribute that says under which role.
    role: &'static str,
    /// Whether it may be of the API that is looked at.
    is_rest: bool,
}

const CALLERS: [Caller; 5] = [
    Caller { kind: "aws_api_gateway_integration", uri: "uri", role: "credentials", is_rest: true },
    Caller {
        kind: "aws_api_gateway_authorizer",
        uri: "authorizer_uri",
        role: "authorizer_credentials",
        is_rest: true,
    },
    Caller {
        kind: "aws_apigatewayv2_integration",
        uri: "integration_uri",
        role: "credentials_arn",
        is_rest: false,
    },
    Caller {
        kind: "aws_apigatewayv2_authorizer",
        uri: "authorizer_uri",
        role: "authorizer_credentials_arn",
        is_rest: false,
    },
    Caller { kind: "aws_apigatewayv2_api", uri: "target", role: "credentials_arn", is_rest: false },
];
