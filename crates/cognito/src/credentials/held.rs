//! The secrets that are in hand, and the memory of which one works.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;

use super::AppClientSecrets;

/// Secrets in hand. Other secrets are other `Held`: what is remembered here is about these.
pub(crate) struct Held {
    secrets: AppClientSecrets,
    second_is_preferred: AtomicBool,
}

/// One of the two secrets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    First,
    Second,
}

impl Held {
    pub(super) fn new(secrets: AppClientSecrets) -> Arc<Self> {
        Arc::new(Self { secrets, second_is_preferred: AtomicBool::new(false) })
    }

    pub(super) const fn secrets(&self) -> &AppClientSecrets {
        &self.secrets
    }

    /// The secrets in the order in which to try them, without those that are among `refused`.
    pub(crate) fn in_order<'a>(
        &'a self,
        refused: Option<&'a Self>,
    ) -> impl Iterator<Item = (Which, &'a SecretString)> + use<'a> {
        let second = self.secrets.second().map(|secret| (Which::Second, secret));
        let (before, after) = match self.preferred() {
            Which::First => (None, second),
            Which::Second => (second, None),
        };
        let first = (Which::First, self.secrets.first());
        let all = before.into_iter().chain([first]).chain(after);
        all.filter(move |(_, secret)| refused.is_none_or(|refused| !refused.secrets.has(secret)))
    }

    /// The secret to try first.
    pub(crate) fn preferred(&self) -> Which {
        let second = self.secrets.second().is_some() && self.second_is_preferred.load(Ordering::Relaxed);
        if second { Which::Second } else { Which::First }
    }

    /// Remembers that the upstream took `which`.
    pub(crate) fn prefer(&self, which: Which) {
        self.second_is_preferred.store(which == Which::Second, Ordering::Relaxed);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(first: &str, second: Option<&str>) -> Arc<Held> {
        Held::new(AppClientSecrets::new(first.into(), second.map(Into::into)).unwrap())
    }

    fn order(held: &Held, refused: Option<&Held>) -> Vec<Which> {
        held.in_order(refused).map(|(which, _)| which).collect()
    }

    #[test]
    fn preferred_secret_comes_first_and_refused_ones_not_at_all() {
        let pair = held("a", Some("b"));
        assert_eq!(order(&pair, None), [Which::First, Which::Second]);
        pair.prefer(Which::Second);
        assert_eq!(order(&pair, None), [Which::Second, Which::First]);
        assert_eq!(order(&pair, Some(&held("a", None))), [Which::Second]);
        assert_eq!(order(&pair, Some(&held("b", Some("c")))), [Which::First]);
        assert_eq!(order(&held("a", None), Some(&pair)), []);
    }
}
