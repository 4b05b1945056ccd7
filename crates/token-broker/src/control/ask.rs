//! What can be asked over the control socket, read strictly: what is not understood is refused, never ignored.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use http::Method;
use limits::Day;
use serde::Deserialize;

use super::fault::Fault;
use super::roster::Position;

/// A request that makes sense by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    /// `GetUsage`.
    Usage { plan: String, key: Option<String>, days: RangeInclusive<Day>, page: Page },
    /// `UpdateUsage`, and what it has no word for: give so many more.
    Update { plan: String, key: String, change: Change },
    /// Where keys stand.
    Standings { client: Option<String>, key: Option<String>, days: Option<RangeInclusive<Day>>, page: Page },
}

/// What is to become of the requests that a key has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// So many.
    Set(u64),
    /// So many more. Unlike the other it means the same however many are used meanwhile.
    Add(u64),
}

/// A part of a long answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Page {
    /// It begins behind this.
    pub(crate) position: Option<Position>,
    /// How many keys it has at most.
    pub(crate) limit: usize,
}

impl Ask {
    /// Reads a request: its method, its path and query, its body.
    pub(crate) fn read(method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Self, Fault> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or_default().split('/').collect();
        match segments.as_slice() {
            ["usageplans", plan, "usage"] => {
                only(method, &Method::GET)?;
                let mut query = Query::read(query, &["startDate", "endDate", "keyId", "limit", "position"])?;
                let days = query.days()?.ok_or_else(|| Fault::bad("startDate and endDate are required"))?;
                let key = query.take("keyId");
                Ok(Self::Usage { plan: (*plan).to_owned(), key, days, page: query.page()? })
            }
            ["usageplans", plan, "keys", key, "usage"] => {
                only(method, &Method::PATCH)?;
                Query::read(query, &[])?;
                let (plan, key) = ((*plan).to_owned(), (*key).to_owned());
                Ok(Self::Update { plan, key, change: change(body)? })
            }
            ["standings"] => {
                only(method, &Method::GET)?;
                let known = ["client", "keyId", "startDate", "endDate", "limit", "position"];
                let mut query = Query::read(query, &known)?;
                let days = query.days()?;
                let (client, key) = (query.take("client"), query.take("keyId"));
                Ok(Self::Standings { client, key, days, page: query.page()? })
            }
            _ => Err(Fault::not_found(
                "there are /usageplans/{id}/usage, /usageplans/{id}/keys/{id}/usage and /standings",
            )),
        }
    }
}

fn only(method: &Method, allowed: &Method) -> Result<(), Fault> {
    if method == allowed { Ok(()) } else { Err(Fault::wrong_method(allowed.as_str())) }
}

/// The parameters of a query, each at most once.
struct Query(BTreeMap<String, String>);

impl Query {
    fn read(query: &str, known: &[&str]) -> Result<Self, Fault> {
        let mut read = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(Fault::bad(format!("there is no parameter `{}`", name.escape_debug())));
            }
            if read.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Fault::bad(format!("{name} stands more than once")));
            }
        }
        Ok(Self(read))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn days(&mut self) -> Result<Option<RangeInclusive<Day>>, Fault> {
        let (start, end) = match (self.take("startDate"), self.take("endDate")) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) => (start, end),
            _ => return Err(Fault::bad("startDate and endDate go together")),
        };
        let day = |text: &str| text.parse::<Day>().map_err(|error| Fault::bad(error.to_string()));
        let (start, end) = (day(&start)?, day(&end)?);
        if start > end {
            return Err(Fault::bad(format!("startDate {start} is after endDate {end}")));
        }
        Ok(Some(start..=end))
    }

    fn page(&mut self) -> Result<Page, Fault> {
        let limit = self.take("limit").map_or(Some(USUAL_PAGE), |text| {
            text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit))
        });
        let limit = limit.ok_or_else(|| Fault::bad(format!("limit is a number from 1 to {LARGEST_PAGE}")))?;
        let position = self.take("position").map(|text| {
            Position::parse(&text).ok_or_else(|| Fault::bad("position is not one that was given out"))
        });
        Ok(Page { position: position.transpose()?, limit })
    }
}

/// The body of an update.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Patch {
    patch_operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    op: String,
    path: String,
    value: String,
}

fn change(body: &[u8]) -> Result<Change, Fault> {
    let shape =
        r#"the body is not {"patchOperations":[{"op":"replace","path":"/remaining","value":"NUMBER"}]}"#;
    let patch: Patch = serde_json::from_slice(body).map_err(|_| Fault::bad(shape))?;
    let [Operation { op, path, value }] = patch.patch_operations.as_slice() else {
        return Err(Fault::bad("exactly one patch operation is done at a time"));
    };
    let change = match op.as_str() {
        "replace" => Change::Set,
        "add" => Change::Add,
        _ => return Err(Fault::bad("Invalid patch operation specified. Must be one of: [replace, add]")),
    };
    if path != "/remaining" {
        return Err(Fault::bad(format!(
            "Invalid patch path  '{}' specified for op '{op}'. Must be one of: [/remaining]",
            path.escape_debug()
        )));
    }
    // What `u64` reads besides digits (a leading plus) is nobody's way to write a number here.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse::<u64>().ok().filter(|_| digits) {
        None => Err(Fault::bad(format!("`{}` is not a number of requests", value.escape_debug()))),
        Some(0) if op == "add" => Err(Fault::bad("0 requests more are none")),
        Some(number) => Ok(change(number)),
    }
}

/// API Gateway's.
const USUAL_PAGE: usize = 25;
const LARGEST_PAGE: usize = 500;

#[cfg(test)]
mod tests;
