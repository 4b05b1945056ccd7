//! The laws of scope sets, and each refusal.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn set(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

#[test]
fn malformed_scopes_are_refused() {
    let many = vec!["a"; MAX_SCOPES + 1].join(" ");
    let long = "a".repeat(MAX_BYTES + 1);
    let rows = [
        ("", ScopeError::Empty),
        (" ", ScopeError::Spacing),
        (" a", ScopeError::Spacing),
        ("a ", ScopeError::Spacing),
        ("a  b", ScopeError::Spacing),
        ("a\tb", ScopeError::Character),
        ("a\nb", ScopeError::Character),
        ("\"a\"", ScopeError::Character),
        ("a\\b", ScopeError::Character),
        ("a\u{7f}", ScopeError::Character),
        ("ordérs", ScopeError::Character),
        ("a\u{a0}b", ScopeError::Character),
        (&many, ScopeError::TooMany),
        (&long, ScopeError::TooLong),
    ];
    for (text, error) in rows {
        assert_eq!(text.parse::<ScopeSet>(), Err(error), "{text:?}");
    }
}

#[test]
fn every_allowed_character_is_accepted_and_no_other_ascii_one() {
    for byte in 0..=0x7f_u8 {
        let allowed = byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
        let text = char::from(byte).to_string();
        assert_eq!(text.parse::<Scope>().is_ok(), allowed, "{byte:#x}");
    }
}

#[test]
fn as_many_scopes_as_cognito_allows_are_accepted() {
    let text: Vec<String> = (0..MAX_SCOPES).map(|n| format!("api/{n}")).collect();
    assert_eq!(set(&text.join(" ")).len(), MAX_SCOPES);
}

#[test]
fn the_empty_set_is_within_every_set() {
    let none = ScopeSet::default();
    assert_eq!((none.len(), none.as_str(), none.iter().next()), (0, "", None));
    assert!(none.is_empty() && none.is_subset(&none) && none.is_subset(&set("a")));
    assert_eq!(ScopeSet::from_scopes([]), Ok(none));
}

#[test]
fn a_scope_that_begins_another_is_not_contained_in_it() {
    assert!(!set("orders/read").is_subset(&set("orders/read-all")));
    assert!(!set("orders/read").contains("orders"));
}

fn scopes() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-e]{1,2}|[!#-\\[\\]-~]{1,5}", 1..12)
}

proptest! {
    #[test]
    fn a_set_is_its_scopes_whatever_their_order_and_repetition(list in scopes()) {
        let model: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        let parsed = set(&list.join(" "));
        prop_assert_eq!(parsed.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(parsed.len(), model.len());
        let built: Vec<Scope> = list.iter().rev().map(|scope| scope.parse().unwrap()).collect();
        prop_assert_eq!(ScopeSet::from_scopes(&built), Ok(parsed.clone()));
        prop_assert_eq!(set(parsed.as_str()), parsed);
    }

    #[test]
    fn subset_and_difference_agree_with_sets(left in scopes(), right in scopes()) {
        let (a, b) = (set(&left.join(" ")), set(&right.join(" ")));
        let (left, right): (BTreeSet<_>, BTreeSet<_>) = (left.iter().collect(), right.iter().collect());
        prop_assert_eq!(a.is_subset(&b), left.is_subset(&right));
        let outside = left.difference(&right).next().map(|scope| scope.as_str());
        let first = a.first_outside(&b);
        prop_assert_eq!(first.as_ref().map(Scope::as_str), outside);
        prop_assert_eq!(a == b, left == right);
    }

    #[test]
    fn order_is_the_order_of_the_sorted_lists(left in scopes(), right in scopes()) {
        let (a, b) = (set(&left.join(" ")), set(&right.join(" ")));
        prop_assert_eq!(a.cmp(&b), a.iter().cmp(b.iter()));
    }

    #[test]
    fn no_text_panics_and_an_accepted_one_is_the_same_set_again(text in any::<String>()) {
        if let Ok(parsed) = text.parse::<ScopeSet>() {
            prop_assert!(!parsed.is_empty());
            prop_assert_eq!(set(&parsed.to_string()), parsed);
        }
    }
}
