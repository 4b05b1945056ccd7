//! What runs: a function, wherever it is, and the resource policy in front of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ambient::Timestamp;
use restapi::{FunctionName, MethodArn, Permission};

use crate::{MalformedReply, ProxyEvent, ProxyReply};

/// One call of a function.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The request.
    pub event: &'a ProxyEvent<'a>,
    /// On behalf of which API, stage, method and path: the source ARN that a permission is matched against.
    pub source: &'a MethodArn,
    /// When the caller stops waiting.
    pub deadline: Timestamp,
}

/// A call under way.
pub type Invoking<'a> = Pin<Box<dyn Future<Output = Result<ProxyReply, InvokeError>> + Send + 'a>>;

/// A function: in this process, in one of its own, or on AWS.
///
/// A call may be dropped at any moment, when its deadline passes or the client goes away. What must outlive the call, a
/// request upstream that others wait for as well, is the function's to keep alive.
pub trait Function: fmt::Debug + Send + Sync {
    /// Runs the function once.
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a>;
}

/// Why a call gave no reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvokeError {
    /// The function's resource policy has no statement for this caller.
    #[error("Invalid permissions on Lambda function")]
    Forbidden,
    /// The function runs as often as it may already.
    #[error("Lambda invocation was throttled")]
    Throttled,
    /// The function could not be reached or started.
    #[error("Lambda function could not be invoked")]
    Unavailable,
    /// The function failed.
    #[error("Lambda function returned an error")]
    Failed,
    /// The function replied with something that is no proxy reply.
    #[error("Malformed Lambda proxy response")]
    Malformed(#[source] MalformedReply),
}

/// A function behind its resource policy.
///
/// Lambda decides, not the front door: the front door only says on whose behalf it calls.
#[derive(Debug)]
pub struct Guarded {
    name: FunctionName,
    policy: Vec<Permission>,
    function: Arc<dyn Function>,
}

impl Guarded {
    /// Puts `function`, known as `name`, behind the statements of `policy`.
    pub fn new(name: FunctionName, policy: Vec<Permission>, function: Arc<dyn Function>) -> Self {
        Self { name, policy, function }
    }
}

impl Function for Guarded {
    fn invoke<'a>(&'a self, invocation: Invocation<'a>) -> Invoking<'a> {
        if self.policy.iter().any(|statement| statement.allows(&self.name, invocation.source)) {
            self.function.invoke(invocation)
        } else {
            Box::pin(std::future::ready(Err(InvokeError::Forbidden)))
        }
    }
}
