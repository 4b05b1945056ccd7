//! Text of `OpenMetrics`, read as far as names, types and labels go.

use std::collections::{BTreeMap, BTreeSet};

/// What pages show together.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    /// By the name under which it is asked for; a histogram by the one without suffix.
    pub(super) families: BTreeMap<String, Family>,
    /// The labels of samples by their full name.
    pub(super) samples: BTreeMap<String, BTreeSet<String>>,
}

/// A metric. A histogram's `le` is not among its labels.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) labels: BTreeSet<String>,
}

impl Exposition {
    /// Adds what a page shows.
    pub(super) fn read(&mut self, page: &str) {
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.last(), Some(&"# EOF"));
        let mut name = String::new();
        for line in lines {
            if let Some(described) = line.strip_prefix("# TYPE ") {
                let (family, kind) = described.split_once(' ').unwrap();
                let suffix = if kind == "counter" { "_total" } else { "" };
                name = format!("{family}{suffix}");
                kind.clone_into(&mut self.families.entry(name.clone()).or_default().kind);
            } else if !line.starts_with('#') {
                self.sample(&name, line);
            }
        }
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let _number: f64 = value.parse().unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let own = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        assert!(["", "_sum", "_count", "_bucket"].contains(&own), "{line} is not of {family}");
        // No value that is shown here has a quote or a comma in it.
        let labels = labels.strip_suffix('}').unwrap().split(',').filter(|label| !label.is_empty());
        let labels: BTreeSet<_> = labels.map(|label| label.split_once('=').unwrap().0.to_owned()).collect();
        self.samples.entry(name.to_owned()).or_default().extend(labels.iter().cloned());
        let family = self.families.get_mut(family).unwrap();
        let is_bound = |label: &String| family.kind == "histogram" && label == "le";
        let labels: Vec<_> = labels.into_iter().filter(|label| !is_bound(label)).collect();
        family.labels.extend(labels);
    }
}
