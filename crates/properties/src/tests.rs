//! Every input that a fuzzer has kept, run again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ALL;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The files of a directory, in the order of their names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Their names without what comes after a dot.
fn stems(directory: &Path) -> BTreeSet<String> {
    files(directory).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn replay(name: &str) {
    let inputs = files(&fuzz().join("corpus").join(name));
    assert!(inputs.len() >= FEWEST, "only {} inputs for {name}", inputs.len());
    for path in inputs {
        let input = fs::read(&path).unwrap();
        if let Err(broken) = crate::check(name, &input) {
            panic!("{}: {broken}", path.display());
        }
    }
}

/// A test per property, so that they run side by side and each has a name.
macro_rules! replayed {
    ($($test:ident: $name:literal,)+) => {
        $(#[test]
        fn $test() {
            replay($name);
        })+

        const REPLAYED: &[&str] = &[$($name),+];
    };
}

replayed! {
    log_line_of_every_kept_input_cannot_be_forged: "access_log",
    every_kept_bindings_document_is_read_or_refused: "bindings",
    every_kept_connection_is_answered_as_it_must_be: "connection",
    every_kept_definition_is_read_or_refused_with_a_place: "definition",
    every_kept_event_is_read_as_it_is_written: "event",
    every_kept_form_means_one_thing_to_all_readers: "form",
    every_kept_frames_are_answered_or_ended: "http2_frames",
    every_kept_name_is_written_as_it_was: "names",
    every_kept_plan_is_judged: "plan",
    client_of_every_kept_proxy_header_is_whom_a_trusted_hop_names: "proxy_header",
    every_kept_reply_makes_one_answer: "reply",
    every_kept_scope_is_decided_by_the_rules: "scope",
    every_kept_token_is_served_only_if_it_is_right: "token",
    token_of_every_kept_connection_is_for_a_secret: "user_pool",
}

#[test]
fn every_property_has_a_fuzz_target_a_corpus_and_a_test() {
    let own: BTreeSet<String> = ALL.iter().map(|property| property.name.to_owned()).collect();
    assert_eq!(stems(&fuzz().join("fuzz_targets")), own);
    assert_eq!(stems(&fuzz().join("corpus")), own);
    assert_eq!(REPLAYED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), own);
}

/// Fewer are no corpus.
const FEWEST: usize = 5;
