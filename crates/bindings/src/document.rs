//! The document as it is read: what does not fit is named by its place, and its value is not repeated.

use std::collections::BTreeMap;
use std::fmt;

use oauth::TokenEndpointUrl;
use restapi::ApiKeyId;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{AppClient, Bindings, Header, Upstream, VERSION};

/// A text that is no bindings document.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BindingsError {
    /// No JSON.
    #[error("the bindings are not JSON (line {line}, column {column})")]
    NoJson {
        /// The line.
        line: usize,
        /// The column in it.
        column: usize,
    },
    /// A member that should not be, is missing, or is not what it must be.
    #[error("the bindings have a mistake at `{place}`: {problem}")]
    Member {
        /// Where.
        place: String,
        /// What it must be.
        problem: &'static str,
    },
}

pub(crate) fn read(text: &str) -> Result<Bindings, BindingsError> {
    let value = serde_json::from_str(text)
        .map_err(|error| BindingsError::NoJson { line: error.line(), column: error.column() })?;
    let mut document = Node { place: String::new(), value }.object()?;
    document.take("version")?.check("must be 1, the only version there is", |value| {
        (value.as_u64() == Some(VERSION)).then_some(())
    })?;
    let mut keys = BTreeMap::new();
    for (id, client) in document.take("keys")?.object()?.each() {
        // Not named: who takes a key's value for its id would find it in a log.
        let problem = "one of the names is no API key id, which has ten lowercase letters and digits";
        let no_id = |_| BindingsError::Member { place: "keys".to_owned(), problem };
        let id = ApiKeyId::parse(&id).map_err(no_id)?;
        keys.insert(id, client.text("must be the name of a client", |name| name.parse().ok())?);
    }
    let upstream = upstream(document.take("upstream")?.object()?)?;
    let mut app_clients = BTreeMap::new();
    for (name, app_client) in document.take("app_clients")?.object()?.each() {
        let mut members = app_client.object()?;
        let client_id =
            members.take("client_id")?.text("must be the app client's id in the user pool", is_some)?;
        let secret = members.take("secret")?.text(REFERENCE, |text| text.parse().ok())?;
        members.end()?;
        app_clients.insert(name, AppClient { client_id, secret });
    }
    document.end()?;
    Ok(Bindings { keys, upstream, app_clients })
}

fn upstream(mut members: Object) -> Result<Upstream, BindingsError> {
    let url = |node: Node| {
        node.text("must be an https URL, or an http one of this machine", |text| {
            TokenEndpointUrl::parse(text).ok()
        })
    };
    let upstream = if let Some(node) = members.find("cognito_idp") {
        Upstream::CognitoIdp { url: url(node)? }
    } else {
        let url = url(members.take("token_endpoint")?)?;
        let header = members.find("header").map(header).transpose()?;
        Upstream::TokenEndpoint { url, header }
    };
    members.end()?;
    Ok(upstream)
}

fn header(node: Node) -> Result<Header, BindingsError> {
    let mut members = node.object()?;
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = members.take("name")?.text("must be a header's name: letters, digits and `-`", |text| {
        is_some(text).filter(|name| is_name(name))
    })?;
    let value = members.take("value")?.text(REFERENCE, |text| text.parse().ok())?;
    members.end()?;
    Ok(Header { name, value })
}

fn is_some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A value and where it stands.
struct Node {
    place: String,
    value: Value,
}

impl Node {
    fn check<T>(
        &self,
        problem: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, BindingsError> {
        read(&self.value).ok_or_else(|| self.mistake(problem))
    }

    fn text<T>(
        &self,
        problem: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BindingsError> {
        self.check(problem, |value| value.as_str().and_then(read))
    }

    fn object(self) -> Result<Object, BindingsError> {
        match self.value {
            Value::Object(members) => Ok(Object { place: self.place, members }),
            _ => Err(self.mistake("must be an object")),
        }
    }

    fn mistake(&self, problem: &'static str) -> BindingsError {
        let place = if self.place.is_empty() { "the document" } else { &self.place };
        BindingsError::Member { place: place.to_owned(), problem }
    }
}

/// An object whose members are taken out one by one, so that what is left over is noticed.
struct Object {
    place: String,
    members: Map<String, Value>,
}

impl Object {
    fn find(&mut self, name: &str) -> Option<Node> {
        let value = self.members.remove(name)?;
        Some(Node { place: self.place_of(name), value })
    }

    fn take(&mut self, name: &str) -> Result<Node, BindingsError> {
        let place = self.place_of(name);
        self.find(name).ok_or(BindingsError::Member { place, problem: "is missing" })
    }

    fn each(self) -> impl Iterator<Item = (String, Node)> {
        let Self { place, members } = self;
        members.into_iter().map(move |(name, value)| {
            let place = format!("{place}.{}", Shown(&name));
            (name, Node { place, value })
        })
    }

    fn end(self) -> Result<(), BindingsError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(BindingsError::Member { place: self.place_of(name), problem: "there is no such member" })
            }
        }
    }

    fn place_of(&self, name: &str) -> String {
        let name = Shown(name);
        if self.place.is_empty() { name.to_string() } else { format!("{}.{name}", self.place) }
    }
}

/// A name as errors show it: a part of one line, and not endless.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let start: String = characters.by_ref().take(64).map(plain).collect();
        write!(f, "{start}{}", if characters.next().is_some() { "…" } else { "" })
    }
}

const REFERENCE: &str =
    "must say where the value lies: `secretsmanager:NAME-OR-ARN`, `ssm:NAME` or `file:PATH`";
