//! Terraform plans and states, as `terraform show -json` prints them, read into the objects of an account.
//!
//! First step of the check: [`Document::parse`] takes the text apart, [`read`] makes the [`Account`] that would stand
//! after `apply` (or stands, for a state) out of its resources. The guardrails and the comparison see the account; people
//! see addresses, and [`Origins`] leads from the one to the other.
//!
//! Beside the API a document may make what stands behind it: the broker's function, its role, log and bindings, and the user
//! pool. An account has no place for them, so that their rules (TB028 to TB038) are looked at on the way; what the
//! definition says of them is kept for the comparison.
//!
//! In a plan much is not known yet, ids above all. Links between resources are then followed through the configuration's
//! references, and what exists only after apply gets an id that is made of its address. What decides and cannot be seen
//! is a finding: TB027, or that of the rule that would have looked at it.
//!
//! A plan shows what an expression refers to, not how it is put together. So this is believed of a plan, and shown by the
//! state after apply:
//!
//! - A source ARN that is known only after apply is that of one call if its references name each part of the call once and
//!   nothing else: this API, a stage, a method and the method's path, or this API and an authorizer. What stands between
//!   the references, and what functions such as `replace` do to them, is not seen. Of a part that is picked by the
//!   permission's own key, as `x[each.key]`, the plan does not name the attribute, and of `each.value.x` not whether it is
//!   the resource's own `x`.
//! - The URI of an integration or an authorizer that is known only after apply invokes one function if its references name
//!   an `invoke_arn` of the function, or of an alias of it, and nothing else; or the function's ARN and beside it nothing
//!   but a partition or region that is looked up, or elements 1 and 3 of one local value: what they are in an ARN that was
//!   split. Here, too, it is not seen what stands between the references.
//! - A permission, a function URL or an event source whose function is known only after apply is for the one function that
//!   is referred to, whatever stands beside it. A permission that refers to none is for the function behind the call that
//!   it lets in.
//! - A link that is known only after apply leads to the one resource of the right kind that is referred to; through a local
//!   value, to the only one there is.
//! - What is known only after apply, and whose expression names a whole resource or a local value, holds no secret of it,
//!   in an output and in the function's environment: `{ for name, key in keys : name => key.id }` and `… => key.value` look
//!   alike. Terraform itself refuses such an output, unless it is told `nonsensitive`.
//! - A policy of the function's role that is known only after apply, and is made of resources that are not there yet or of a
//!   local value, allows what it should: of `jsonencode` with one ARN in it that is not known yet nothing is shown but what it
//!   refers to, and so no wildcard. What it refers to must be entries, keys and logs; what an `aws_iam_policy_document` shows of it
//!   is looked at.
//! - Bindings that are known only after apply are such as the broker reads, send to the user pool, and name what the role may
//!   read.
//!
//! And this is believed of a state, too:
//!
//! - AWS publishes its extension by the accounts that it lists, and what is in it is AWS's.
//! - The key that the role may decrypt by is the entries' own.
//! - What a rule of a web ACL looks for in a header of one's own is a secret. Groups of rules that AWS manages let nobody in.
//! - A user pool that is made elsewhere answers where the bindings say.
//!
//! It promises never to panic, whatever the document, and to repeat no secret of it.

mod address;
mod block;
mod broker;
mod caller;
mod document;
mod environment;
mod findings;
mod follow;
mod front;
mod function;
mod graph;
mod iam;
mod method;
mod names;
mod origins;
mod outputs;
mod plans;
mod pool;
mod resources;
mod secrets;
mod stage;
mod texts;
mod uri;
mod variables;
mod ways_in;
mod whereabouts;

use std::fmt;

use restapi::{Account, guardrails};

pub(crate) use broker::{Bound, Timeout};
pub use document::{Document, DocumentError};
pub(crate) use findings::at;
pub use origins::Origins;
pub(crate) use pool::AppClient;
pub(crate) use secrets::Secrets;

use crate::Finding;

/// What a document says. Its account has texts of the plan that may be secrets (stage variables, templates): it does not
/// show them.
#[derive(Default)]
pub struct Reading {
    /// What the guardrails look at; none if there is no REST API in the document.
    pub account: Option<Account>,
    /// What breaks rules that are not about the objects of an account, or about what an account has no place for.
    pub findings: Vec<Finding>,
    /// Which address made which object.
    pub origins: Origins,
    /// What the definition is held against and is no object of an account.
    pub(crate) found: Found,
    /// What of the document must not be shown.
    pub(crate) secrets: Secrets,
}

/// What the document makes of the broker and its user pool.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) timeouts: Vec<Timeout>,
    pub(crate) bound: Vec<Bound>,
    /// None if the document makes neither a pool of the broker nor an app client in one.
    pub(crate) app_clients: Option<Vec<AppClient>>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = if self.account.is_some() { "an API" } else { "no API" };
        write!(f, "Reading({api}, {} findings)", self.findings.len())
    }
}

impl Reading {
    /// Whether what a guardrail says may be wrong because of what cannot be seen: a plan is not known to be without keys
    /// where a key is on nobody knows which plan.
    pub(crate) fn is_doubtful(&self, finding: &guardrails::Finding) -> bool {
        finding.guardrail.id == "TB023" && self.origins.is_unseen(&format!("{}/keys", finding.place))
    }
}

/// The account that `document` describes, with the API `api_name` (or the only one) in it. `file` is what findings call
/// the document.
pub fn read(document: &Document, file: &str, api_name: Option<&str>) -> Reading {
    front::read(document, file, api_name)
}

#[cfg(test)]
pub(crate) mod tests;
