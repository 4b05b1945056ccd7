//! `package`: the broker and its definition as one file that AWS Lambda takes.
//!
//! The same program and the same definition always make the same bytes: entries stand in a fixed order, with fixed times
//! and modes. Nothing of the state directory is in it, so no key and no secret.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use ambient::{Clock as _, SystemClock};
use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::cli::{Package, Place};
use crate::{definition, terminal};

pub(crate) fn run(place: &Place, options: &Package) -> anyhow::Result<()> {
    // What could not run is not packaged. Keys and secrets exist only where it will run.
    let (definition, text) = definition::read_with_text(&place.config)?;
    definition::guarded(&definition, Vec::new(), SystemClock.now())?;
    let shown = options.bootstrap.display();
    let bootstrap =
        fs::read(&options.bootstrap).with_context(|| format!("the program `{shown}` cannot be read"))?;
    let Some(architecture) = architecture(&bootstrap) else {
        bail!("`{shown}` is no Linux program for arm64 or x86_64; `make lambda` builds one of each");
    };
    if bootstrap.len() + text.len() > MOST_UNZIPPED {
        bail!("`{shown}` is larger than Lambda takes: program and definition may have 250 MB together");
    }
    let zip = zip(&[("bootstrap", 0o755, &bootstrap), ("token-broker.yaml", 0o644, text.as_bytes())])?;
    write(&options.output, &zip)?;
    let sha256 = STANDARD.encode(digest(&SHA256, &zip));
    let of_definition = hex(digest(&SHA256, text.as_bytes()).as_ref());
    let (file, bytes) = (options.output.display().to_string(), zip.len());
    if options.json {
        let said = json!({ "file": file, "architecture": architecture, "CodeSize": bytes, "CodeSha256": sha256, "definition_sha256": of_definition });
        return terminal::print_line(&said.to_string());
    }
    terminal::print(&format!(
        "{file}\n  architecture  {architecture}\n  size          {bytes} bytes\n  CodeSha256    {sha256}\n  definition    {of_definition}\n"
    ))
}

/// As `sha256sum` writes it, and the function reads it.
fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The architecture that a program is for, as Lambda calls it.
fn architecture(program: &[u8]) -> Option<&'static str> {
    // ELF, 64 bits, little endian; the machine stands at 18.
    let machine = program.starts_with(b"\x7fELF\x02\x01").then(|| program.get(18..20)).flatten()?;
    match machine {
        [0xb7, 0] => Some("arm64"),
        [0x3e, 0] => Some("x86_64"),
        _ => None,
    }
}

fn zip(entries: &[(&str, u32, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, bytes) in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(*mode);
        zip.start_file(*name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Writes the file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.with_context(|| format!("the package `{}` cannot be written", path.display()))
}

/// What Lambda takes, unzipped.
const MOST_UNZIPPED: usize = 250 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_told_from_the_head_of_the_program() {
        let head = |machine: u8| [b"\x7fELF\x02\x01".as_slice(), &[0; 12], &[machine, 0]].concat();
        assert_eq!(
            [0xb7, 0x3e, 0x28].map(|machine| architecture(&head(machine))),
            [Some("arm64"), Some("x86_64"), None]
        );
        for other in [
            b"".as_slice(),
            b"#!/bin/sh\n",
            b"\x7fELF\x02\x01",
            b"\x7fELF\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\x3e\0",
        ] {
            assert_eq!(architecture(other), None);
        }
    }

    #[test]
    fn same_entries_make_the_same_bytes() {
        let entries: [(&str, u32, &[u8]); 2] =
            [("bootstrap", 0o755, &[7; 9_000]), ("token-broker.yaml", 0o644, b"{}")];
        let made = zip(&entries).unwrap();
        assert_eq!(made, zip(&entries).unwrap());
        assert!(made.len() < 1_000, "{} bytes", made.len());
    }
}
