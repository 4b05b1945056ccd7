//! Names of plans and app clients. They follow the rule of client names, and stand in the same places.

use std::fmt;
use std::str::FromStr;

use policy::{ClientId, NameError};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(ClientId);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                name.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

name!(
    /// The name of a plan.
    PlanName
);
name!(
    /// The name of an app client; what it is called in the user pool depends on the home.
    AppClientName
);
