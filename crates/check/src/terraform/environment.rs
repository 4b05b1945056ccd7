//! What the environment of the broker's function holds: whoever may look at the function's configuration sees it.

use restapi::FunctionName;

use super::block::{AFTER_APPLY, Block};
use super::findings::at;
use super::front::Reader;
use super::{names, outputs};

impl<'a> Reader<'a> {
    /// Finds secrets among the variables of a function, each variable once.
    pub(super) fn check_environment(&mut self, block: &Block<'a>, function: &FunctionName) {
        let place = at(&["functions", function.as_str(), "environment"]);
        let address = &block.instance.address;
        let mut is_found = false;
        for (name, value) in block.blocks("environment").iter().flat_map(|block| block.map("variables")) {
            if let Some(kind) = self.kind_of_variable(address, &name, &value) {
                let place = format!("{place}/{}", at(&[&name]));
                let detail = format!("the variable `{name}` of the function's environment holds {kind}");
                self.notes.add_guardrail("TB001", address, &place, detail);
                is_found = true;
            }
        }
        // What a variable that is found is made of would be the same secret once more.
        let targets = if is_found { Vec::new() } else { self.graph.targets(block, "environment") };
        if let Some(kind) = targets.iter().find_map(|target| outputs::secret_of(target, self.secrets)) {
            let detail = format!("the function's environment is given {kind}");
            self.notes.add_guardrail("TB001", address, &place, detail);
        }
    }

    fn kind_of_variable(&self, address: &str, name: &str, value: &str) -> Option<String> {
        if value == AFTER_APPLY {
            return None;
        }
        let kind = self.secrets.kind_at(address, &["environment", "0", "variables", name], value);
        kind.or_else(|| names::secret_in(name, &value.into()).map(Into::into))
    }
}
