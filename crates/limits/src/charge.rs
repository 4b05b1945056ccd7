//! What a request costs: one request's worth from each of several limits.
//!
//! Built by the admit step from the request's API key and method. A list that is too long or names the same allowance
//! twice cannot be built, so a limiter never has to decide what such a list means.

use crate::definitions::LimitId;
use crate::row::{MAX_CHARGES, Row};

/// Whose allowance is spent: under one limit, every subject has a bucket or a quota of its own.
///
/// An API key's identifier packed into an integer, or [`Subject::SHARED`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Subject(u64);

impl Subject {
    /// Everybody together, for limits that belong to no key: the account's and the method's.
    pub const SHARED: Self = Self(u64::MAX);

    /// The subject with this identifier. `u64::MAX` is [`Subject::SHARED`].
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The identifier.
    pub const fn id(self) -> u64 {
        self.0
    }
}

/// One request's worth of one subject's allowance under one limit.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Charge {
    /// The limit.
    pub limit: LimitId,
    /// Whose allowance under it.
    pub subject: Subject,
}

/// Everything one request is charged: at most [`MAX_CHARGES`] different allowances, in the caller's order.
///
/// None at all is fine; such a spend is always admitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Charges(Row<Charge>);

impl Charges {
    /// Costs nothing.
    pub const NONE: Self = Self(Row::empty(Charge { limit: LimitId::UNDEFINED, subject: Subject::SHARED }));

    /// Adds `charge` at the end.
    pub fn push(&mut self, charge: Charge) -> Result<(), ChargesError> {
        if self.as_slice().contains(&charge) {
            return Err(ChargesError::Repeated { limit: charge.limit });
        }
        if self.0.push(charge) { Ok(()) } else { Err(ChargesError::TooMany) }
    }

    /// The charges, in the order in which they were added.
    pub fn as_slice(&self) -> &[Charge] {
        self.0.as_slice()
    }
}

impl Default for Charges {
    fn default() -> Self {
        Self::NONE
    }
}

impl TryFrom<&[Charge]> for Charges {
    type Error = ChargesError;

    fn try_from(charges: &[Charge]) -> Result<Self, ChargesError> {
        let mut all = Self::NONE;
        charges.iter().try_for_each(|charge| all.push(*charge))?;
        Ok(all)
    }
}

/// Why a list of charges cannot be spent together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChargesError {
    /// More than [`MAX_CHARGES`].
    #[error("one spend charges at most {MAX_CHARGES} limits")]
    TooMany,
    /// The same allowance twice: paying twice from it and paying once are both plausible, so neither is done.
    #[error("one spend charges the same allowance of {limit} twice")]
    Repeated {
        /// The limit that was named twice for one subject.
        limit: LimitId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(limit: u32, subject: u64) -> Charge {
        Charge { limit: LimitId::nth(limit), subject: Subject::new(subject) }
    }

    #[test]
    fn the_same_allowance_twice_is_an_error() {
        let repeated = Charges::try_from([charge(1, 7), charge(2, 7), charge(1, 7)].as_slice());
        assert_eq!(repeated, Err(ChargesError::Repeated { limit: LimitId::nth(1) }));
    }

    #[test]
    fn one_limit_for_two_subjects_is_two_allowances() {
        let both = [charge(1, 7), charge(1, 8)];
        assert_eq!(Charges::try_from(both.as_slice()).unwrap().as_slice(), both);
    }

    #[test]
    fn eight_charges_fit_and_nine_are_an_error() {
        let nine: Vec<Charge> = (0..9).map(|limit| charge(limit, 7)).collect();
        assert_eq!(Charges::try_from(&nine[..8]).unwrap().as_slice(), &nine[..8]);
        assert_eq!(Charges::try_from(&nine[..]), Err(ChargesError::TooMany));
    }
}
