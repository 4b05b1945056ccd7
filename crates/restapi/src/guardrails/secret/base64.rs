//! What stands in base64 inside a text, whatever stands before it and behind it.
//!
//! With either alphabet, with padding or without. Where a group of four begins is not known, so that all four places are
//! tried; what comes out of the wrong ones means nothing. Whoever looks for something must look for more than a few bytes.

/// Everything that parts of `text` may be in base64.
pub(super) fn decoded(text: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    let runs = text.as_bytes().split(|byte| sextet(*byte).is_none()).filter(|run| run.len() >= SHORTEST);
    runs.flat_map(|run| (0..4).filter_map(|start| run.get(start..)).map(decode))
}

fn decode(run: &[u8]) -> Vec<u8> {
    let group = |group: &[u8]| {
        let sextets = group.iter().filter_map(|byte| sextet(*byte));
        let bits = sextets.fold(0_u32, |bits, sextet| (bits << 6) | u32::from(sextet));
        let [_, a, b, c] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        // The last group may be short: two say one byte, three say two.
        [a, b, c].into_iter().take(group.len() * 3 / 4)
    };
    run.chunks(4).flat_map(group).collect()
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// The base64 of eight bytes, the shortest secret that is known.
const SHORTEST: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, wanted: &[u8]) -> bool {
        decoded(text).any(|bytes| bytes.windows(wanted.len()).any(|part| part == wanted))
    }

    #[test]
    fn found_in_either_alphabet_with_padding_or_without() {
        for text in [
            "Y29ycmVjdC1ob3JzZQ==",
            "Y29ycmVjdC1ob3JzZQ",
            "Basic Y29ycmVjdC1ob3JzZQ==",
            "{\"a\":\"Y29ycmVjdC1ob3JzZQ==\"}",
            "xY29ycmVjdC1ob3JzZQ",
            "a/bY29ycmVjdC1ob3JzZQ",
        ] {
            assert!(has(text, b"correct-horse"), "{text}");
        }
        assert!(has("+/v/+/v/+/v/", &[0xfb, 0xfb, 0xff, 0xfb, 0xfb, 0xff]));
        assert!(has("-_v_-_v_-_v_", &[0xfb, 0xfb, 0xff, 0xfb, 0xfb, 0xff]));
    }

    #[test]
    fn found_wherever_it_stands_in_what_was_encoded() {
        // `a:correct-horse`, `ab:correct-horse`
        for text in ["YTpjb3JyZWN0LWhvcnNl", "YWI6Y29ycmVjdC1ob3JzZQ=="] {
            assert!(has(text, b"correct-horse"), "{text}");
        }
        assert!(!has("correct-horse", b"correct-horse"));
    }
}
