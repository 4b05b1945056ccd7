//! Text for people in an answer: safe by construction.
//!
//! RFC 6749 §5.2 gives `error_description` the characters `%x20-21 / %x23-5B / %x5D-7E`: ASCII without the quote and
//! the backslash. A [`Description`] has no other, so it can stand in a JSON string as it is.

use std::borrow::Cow;
use std::fmt;

/// An `error_description`: bounded in length, every character allowed; what is not allowed becomes `?`.
///
/// ```
/// # use oauth::Description;
/// assert_eq!(Description::new("no \"such\" scope\n").as_str(), "no ?such? scope?");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description(Cow<'static, str>);

impl Description {
    /// Takes `text`, mending it where it has to.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        if text.len() <= MAX_CHARACTERS && text.chars().all(is_allowed) {
            return Self(text);
        }
        Self(text.chars().take(MAX_CHARACTERS).map(mend).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Description {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Something that the client sent, shown back to it: in backticks, cut when long, what is not allowed replaced by `?`.
///
/// ```
/// # use oauth::Quoted;
/// assert_eq!(format!("scope {}", Quoted("a`\n")), "scope `a??`");
/// ```
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for character in self.0.chars().take(MAX_QUOTED) {
            // A backtick would let the text end its own quotation.
            let character = if character == '`' { '?' } else { mend(character) };
            write!(f, "{character}")?;
        }
        f.write_str(if self.0.chars().nth(MAX_QUOTED).is_some() { "...`" } else { "`" })
    }
}

impl fmt::Debug for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quoted(..)")
    }
}

const fn is_allowed(character: char) -> bool {
    matches!(character, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

const fn mend(character: char) -> char {
    if is_allowed(character) { character } else { '?' }
}

const MAX_CHARACTERS: usize = 256;

const MAX_QUOTED: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_quotation_is_cut() {
        assert_eq!(Quoted(&"é".repeat(64)).to_string(), format!("`{}`", "?".repeat(64)));
        assert_eq!(Quoted(&"a".repeat(65)).to_string(), format!("`{}...`", "a".repeat(64)));
    }

    #[test]
    fn an_allowed_text_is_kept_as_it_is() {
        let allowed: String = (0x20..0x7f_u8).map(char::from).filter(|c| !"\"\\".contains(*c)).collect();
        assert_eq!(Description::new(allowed.clone()).as_str(), allowed);
    }

    proptest! {
        #[test]
        fn every_text_becomes_a_bounded_and_allowed_one(text in "(?s).{0,400}") {
            for shown in [Description::new(text.clone()), Description::new(Quoted(&text).to_string())] {
                prop_assert!(shown.as_str().len() <= MAX_CHARACTERS);
                for byte in shown.as_str().bytes() {
                    prop_assert!((0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\');
                }
            }
        }

        #[test]
        fn a_quotation_ends_only_at_its_end(text in any::<String>()) {
            prop_assert_eq!(Quoted(&text).to_string().matches('`').count(), 2);
        }
    }
}
