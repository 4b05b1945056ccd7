//! Addresses and references, taken apart: `module.front["eu"].aws_api_gateway_stage.this.stage_name`.

/// One name of an address, with the index that follows it: `front["eu"]`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Step {
    pub(super) name: String,
    /// Without brackets and quotation marks.
    pub(super) index: Option<String>,
}

/// The modules from the root to the one that something stands in, each an instance.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ModulePath(pub(super) Vec<Step>);

impl ModulePath {
    /// The path that a module's address names.
    pub(super) fn of(address: &str) -> Self {
        // Every other step is the word `module`.
        Self(steps(address).into_iter().skip(1).step_by(2).collect())
    }

    /// The module around it, and its own step; none for the root.
    pub(super) fn parent(&self) -> Option<(Self, &Step)> {
        let (own, outer) = self.0.split_last()?;
        Some((Self(outer.to_vec()), own))
    }

    /// The module `step` in it.
    pub(super) fn child(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The names without indexes, as the configuration has them: one for all instances.
    pub(super) fn names(&self) -> String {
        self.0.iter().flat_map(|step| [step.name.as_str(), "/"]).collect()
    }
}

/// The steps of an address or reference. What stands in brackets stays together, dots and all.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            '.' if !quoted && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts.iter().map(|part| step(part)).collect()
}

fn step(part: &str) -> Step {
    match part.split_once('[') {
        Some((name, index)) => {
            let index = index.trim_end_matches(']').trim_matches('"').replace("\\\"", "\"");
            Step { name: name.to_owned(), index: Some(index) }
        }
        None => Step { name: part.to_owned(), index: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, Option<String>)> {
        steps(text).into_iter().map(|step| (step.name, step.index)).collect()
    }

    #[test]
    fn index_belongs_to_its_name_whatever_stands_in_it() {
        let step = |name: &str, index: Option<&str>| (name.to_owned(), index.map(str::to_owned));
        assert_eq!(shown("a.b.id"), [step("a", None), step("b", None), step("id", None)]);
        assert_eq!(shown("a.b[0].id"), [step("a", None), step("b", Some("0")), step("id", None)]);
        assert_eq!(shown(r#"a.b["billing.2"]"#), [step("a", None), step("b", Some("billing.2"))]);
        assert_eq!(shown(r#"a.b["x]\".y"]"#), [step("a", None), step("b", Some(r#"x]".y"#))]);
        assert_eq!(shown(""), [step("", None)]);
    }

    #[test]
    fn module_path_leads_from_the_root() {
        let path = ModulePath::of(r#"module.a["eu.1"].module.b"#);
        assert_eq!(path.names(), "a/b/");
        let (parent, own) = path.parent().unwrap();
        assert_eq!((parent.names().as_str(), own.name.as_str()), ("a/", "b"));
        assert_eq!(parent.0.first().and_then(|step| step.index.as_deref()), Some("eu.1"));
        assert!(ModulePath::default().parent().is_none());
    }
}
