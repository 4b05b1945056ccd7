//! The file that AWS Lambda takes.

use std::fs::{self, File};
use std::io::Read as _;
use std::process::Command;

use serde_json::Value;
use zip::ZipArchive;

use crate::harness::{DEFINITION, Place};

/// The head of a Linux program for arm64, and something after it.
fn program() -> Vec<u8> {
    let head = [b"\x7fELF\x02\x01".as_slice(), &[0; 12], b"\xb7\x00"].concat();
    let body = (0..50_000_u32).map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes()[3]);
    head.into_iter().chain(body).collect()
}

#[test]
fn package_has_program_and_definition_and_is_always_the_same() {
    let place = Place::new();
    place.run(&["init"]).ok();
    fs::write(place.path("bootstrap"), program()).unwrap();
    let package = |file: &str| {
        let said = place.run(&["package", "--bootstrap", "bootstrap", "--output", file, "--json"]).ok();
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let said = [package("one.zip"), package("two.zip")];
    let bytes = ["one.zip", "two.zip"].map(|file| fs::read(place.path(file)).unwrap());
    assert!(bytes[0] == bytes[1], "the bytes differ");
    assert_eq!(said[0]["CodeSha256"], said[1]["CodeSha256"]);
    assert_eq!(said[0]["CodeSize"], bytes[0].len());
    assert_eq!(said[0]["architecture"], "arm64");

    let mut archive = ZipArchive::new(File::open(place.path("one.zip")).unwrap()).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        entries.push((entry.name().unwrap().into_owned(), entry.unix_mode().unwrap() & 0o777, content));
    }
    let [(bootstrap, 0o755, packaged), (definition, 0o644, text)] = entries.as_slice() else {
        panic!("{:?}", entries.iter().map(|entry| (&entry.0, entry.1)).collect::<Vec<_>>())
    };
    assert_eq!((bootstrap.as_str(), definition.as_str()), ("bootstrap", "token-broker.yaml"));
    assert!(*packaged == program() && text == DEFINITION.as_bytes());
    let of_definition = said[0]["definition_sha256"].as_str().unwrap();
    let sum = Command::new("sha256sum").arg(place.path("token-broker.yaml")).output().unwrap().stdout;
    assert!(String::from_utf8(sum).unwrap().starts_with(of_definition) && of_definition.len() == 64);
    let people = place.run(&["package", "--bootstrap", "bootstrap", "--output", "three.zip"]).ok();
    assert!(people.contains(said[0]["CodeSha256"].as_str().unwrap()), "{people}");
}

/// A build without AWS's SDK cannot call that function, and has no need to.
#[test]
fn definition_whose_function_is_deployed_already_is_packaged() {
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:broker";
    let local = DEFINITION.find("homes:").unwrap();
    let definition =
        format!("{}homes:\n  local: {{ function: {{ aws: \"{arn}\" }} }}\n", &DEFINITION[..local]);
    let place = Place::with(&definition);
    fs::write(place.path("bootstrap"), program()).unwrap();
    place.run(&["package", "--bootstrap", "bootstrap", "--output", "broker.zip"]).ok();
}

#[test]
fn what_lambda_could_not_run_is_not_packaged() {
    let place = Place::with("clients: { a: { plan: none, scopes: [a/b] } }");
    fs::write(place.path("bootstrap"), program()).unwrap();
    let package = |bootstrap: &str| {
        place.run(&["package", "--bootstrap", bootstrap, "--output", "broker.zip"]).failed()
    };
    assert!(package("bootstrap").contains("token-broker.yaml:1:"), "the definition is wrong");
    fs::write(place.path("token-broker.yaml"), DEFINITION).unwrap();
    fs::write(place.path("script"), "#!/bin/sh\n").unwrap();
    assert!(package("script").contains("is no Linux program"));
    assert!(package("nothing").contains("cannot be read"));
    assert!(!place.path("broker.zip").exists());
}
