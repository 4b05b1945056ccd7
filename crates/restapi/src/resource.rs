//! The resource tree.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{HttpMethod, Method, ResourceId};

/// One node of the resource tree.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// The node above; none for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<ResourceId>,
    /// Its own segment; none for the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_part: Option<PathPart>,
    /// The whole path from the root.
    pub path: ResourcePath,
    /// The methods that answer here.
    #[serde(rename = "resourceMethods")]
    pub methods: BTreeMap<HttpMethod, Method>,
}

/// A segment of a resource path, as API Gateway tells them apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PathPart {
    /// `token`: this very text.
    Literal(Arc<str>),
    /// `{id}`: any one segment, handed on under the name `id`.
    Parameter(Arc<str>),
    /// `{proxy+}`: all segments that follow, at least one.
    Greedy(Arc<str>),
}

impl PathPart {
    /// Reads `token`, `{id}` or `{proxy+}`.
    ///
    /// ```
    /// # use restapi::PathPart;
    /// assert_eq!(PathPart::parse("{proxy+}"), PathPart::Greedy("proxy".into()));
    /// ```
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Self::Literal(text.into()),
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.into()),
                None => Self::Parameter(name.into()),
            },
        }
    }
}

impl fmt::Display for PathPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::Greedy(name) => write!(f, "{{{name}+}}"),
        }
    }
}

impl Serialize for PathPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A path from the root, such as `/oauth2/token`. It begins with a slash and, except for the root, does not end in one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ResourcePath(Arc<str>);

impl ResourcePath {
    /// The root, `/`.
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The path of the child `part`.
    #[must_use]
    pub fn child(&self, part: &PathPart) -> Self {
        Self(format!("{}/{part}", self.0.trim_end_matches('/')).into())
    }

    /// The path `text`, with the slash at its end, if any, taken off.
    ///
    /// ```
    /// # use restapi::ResourcePath;
    /// assert_eq!(ResourcePath::of("/oauth2/token/").as_str(), "/oauth2/token");
    /// ```
    pub fn of(text: &str) -> Self {
        Self(format!("/{}", text.trim_matches('/')).into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments from the root.
    pub fn parts(&self) -> impl Iterator<Item = PathPart> + '_ {
        self.0.split('/').filter(|part| !part.is_empty()).map(PathPart::parse)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
