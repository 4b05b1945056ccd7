//! Which method of which resource a path belongs to.
//!
//! A literal segment beats `{name}`, which beats `{name+}`. A resource that matches and lacks the method gives way to the
//! next best that has it; a method beats `ANY`. Paths are compared as they were sent: nothing is decoded or normalized.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use restapi::{HttpMethod, PathPart, ResourcePath};

use crate::live::Endpoint;

/// The routes of one deployment.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    exact: HashMap<String, Methods>,
    /// Resources with `{…}` in their path, the most specific first.
    patterns: Vec<Pattern>,
}

type Methods = BTreeMap<HttpMethod, Arc<Endpoint>>;

#[derive(Debug)]
struct Pattern {
    parts: Vec<PathPart>,
    methods: Methods,
}

/// A route that was found, and what stood for its parameters.
pub(crate) type Found = (Arc<Endpoint>, Vec<(Arc<str>, String)>);

impl RouteTable {
    /// Adds a method of the resource at `path`.
    pub(crate) fn add(&mut self, path: &ResourcePath, method: HttpMethod, endpoint: Arc<Endpoint>) {
        let parts: Vec<_> = path.parts().collect();
        if parts.iter().all(|part| matches!(part, PathPart::Literal(_))) {
            self.exact.entry(path.to_string()).or_default().insert(method, endpoint);
            return;
        }
        if let Some(pattern) = self.patterns.iter_mut().find(|pattern| pattern.parts == parts) {
            pattern.methods.insert(method, endpoint);
        } else {
            self.patterns.push(Pattern { parts, methods: Methods::from([(method, endpoint)]) });
            self.patterns.sort_by(|a, b| specificity(&a.parts, &b.parts));
        }
    }

    /// Every endpoint there is.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let patterns = self.patterns.iter().map(|pattern| &pattern.methods);
        self.exact.values().chain(patterns).flat_map(|methods| methods.values().map(|endpoint| &**endpoint))
    }

    /// The endpoint for a method on `path`, which begins with a slash.
    pub(crate) fn find(&self, path: &str, method: HttpMethod) -> Option<Found> {
        let exact = self.exact.get(path).and_then(|methods| pick(methods, method));
        if let Some(endpoint) = exact {
            return Some((endpoint, Vec::new()));
        }
        self.patterns.iter().find_map(|pattern| {
            let parameters = pattern.matches(path)?;
            pick(&pattern.methods, method).map(|endpoint| (endpoint, parameters))
        })
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> Option<Vec<(Arc<str>, String)>> {
        let mut rest = path.strip_prefix('/')?;
        let mut parameters = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            if let PathPart::Greedy(name) = part {
                let value = rest.trim_end_matches('/');
                parameters.push((Arc::clone(name), value.to_owned()));
                return (!value.is_empty()).then_some(parameters);
            }
            let last = at + 1 == self.parts.len();
            let (segment, after) = match rest.split_once('/') {
                Some((segment, after)) if !last => (segment, after),
                None if last => (rest, ""),
                _ => return None,
            };
            match part {
                PathPart::Literal(text) if text.as_ref() == segment => {}
                PathPart::Parameter(name) if !segment.is_empty() => {
                    parameters.push((Arc::clone(name), segment.to_owned()));
                }
                _ => return None,
            }
            rest = after;
        }
        Some(parameters)
    }
}

fn pick(methods: &Methods, method: HttpMethod) -> Option<Arc<Endpoint>> {
    methods.get(&method).or_else(|| methods.get(&HttpMethod::Any)).cloned()
}

fn specificity(a: &[PathPart], b: &[PathPart]) -> Ordering {
    let rank = |part: &PathPart| match part {
        PathPart::Literal(_) => 0,
        PathPart::Parameter(_) => 1,
        PathPart::Greedy(_) => 2,
    };
    a.iter().map(rank).cmp(b.iter().map(rank))
}
