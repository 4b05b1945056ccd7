//! Which known name was probably meant.

/// The one of `known` that is fewest edits away from `name`, if it is close enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(LONGEST).collect();
    let by_distance = known.into_iter().map(|candidate| (distance(&name, candidate), candidate));
    let close = |(distance, candidate): &(usize, &str)| *distance <= candidate.len().min(name.len()) / 3 + 1;
    by_distance.filter(close).min().map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions, replacements.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (above, wanted) in to.chars().take(LONGEST).enumerate() {
        let mut left = above + 1;
        let mut diagonal = above;
        for (cell, present) in row.iter_mut().skip(1).zip(from) {
            let replaced = diagonal + usize::from(*present != wanted);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// No known name is longer, and the work stays small however long a text is.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_other_names_are_not() {
        let known = ["rate", "burst", "token_endpoint", "throttle"];
        for (name, meant) in [
            ("rat", Some("rate")),
            ("brust", Some("burst")),
            ("tokenendpoint", Some("token_endpoint")),
            ("throtle", Some("throttle")),
            ("rate", Some("rate")),
            ("quota", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        let chars: Vec<char> = "kitten".chars().collect();
        assert_eq!(distance(&chars, "sitting"), 3);
        assert_eq!(distance(&[], "abc"), 3);
        assert_eq!(distance(&chars, ""), 6);
    }
}
