//! From the place of an object back to the address in the document that made it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Origin;

/// Which address made which object.
#[derive(Debug, Default)]
pub struct Origins {
    file: String,
    addresses: BTreeMap<String, String>,
    unseen: BTreeSet<String>,
}

impl Origins {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// The object at `place` is made by `address`. The first to say so is believed.
    pub(super) fn add(&mut self, place: impl Into<String>, address: &str) {
        self.addresses.entry(place.into()).or_insert_with(|| address.to_owned());
    }

    /// What stands at `place` cannot be seen, so that there is nothing to compare.
    pub(super) fn hide(&mut self, place: impl Into<String>) {
        self.unseen.insert(place.into());
    }

    /// The address of what made the object at `place`, or the nearest one around it. What a deployment shows is made by
    /// the same resources as the API's working copy.
    pub fn address_of(&self, place: &str) -> Option<&str> {
        let working_copy = working_copy(place);
        let place = working_copy.as_deref().unwrap_or(place);
        around(place).find_map(|place| self.addresses.get(place)).map(String::as_str)
    }

    /// The place of an object that `address` makes.
    pub(crate) fn place_of(&self, address: &str) -> Option<&str> {
        self.addresses.iter().find(|(_, made_by)| *made_by == address).map(|(place, _)| place.as_str())
    }

    /// Whether what stands at `place`, or around it, cannot be seen.
    pub(crate) fn is_unseen(&self, place: &str) -> bool {
        around(place).any(|place| self.unseen.contains(place))
    }

    /// The origin of what stands at `place`. Without any address it is the document itself.
    pub(crate) fn origin(&self, place: &str) -> Origin {
        let address = self.address_of(place).unwrap_or_default().to_owned();
        Origin { file: self.file.clone(), line: None, address, place: place.to_owned() }
    }

    /// The file that was read.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
}

/// `a/b/c`, `a/b`, `a`.
fn around(place: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(place), |place| place.rsplit_once('/').map(|(outer, _)| outer))
}

/// The place in the working copy of what stands at `place` in a deployment.
fn working_copy(place: &str) -> Option<String> {
    let names: Vec<&str> = place.split('/').collect();
    match names.as_slice() {
        ["restApis", api, "deployments", _, rest @ ..] if !rest.is_empty() && rest != ["description"] => {
            Some(format!("restApis/{api}/{}", rest.join("/")))
        }
        _ => None,
    }
}
