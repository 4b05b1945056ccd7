//! A directory in which the program runs, and the search for secrets in everything that the program wrote there.
//!
//! When the last who uses the directory lets go of it, every secret that was ever in it is looked for: in each file but those
//! that are there to hold secrets, in what servers and commands printed, in the last page of metrics of each server. So no
//! test has to think of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tempfile::TempDir;

/// A directory, and what is known of it.
pub(crate) struct Home {
    directory: TempDir,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What may stand nowhere, in all its spellings; of each, what it is.
    secrets: BTreeMap<String, String>,
    /// What was printed or answered, and by what.
    said: Vec<(String, String)>,
}

/// Tokens that were handed out by anything in this process: whoever has one need not say in which place.
static TOKENS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes the token in an answer, if there is one.
pub(crate) fn note_token(answer: &str) {
    let token = answer.split_once("\"access_token\":\"").and_then(|(_, rest)| rest.split('"').next());
    if let Some(token) = token.filter(|token| token.len() >= SHORTEST) {
        TOKENS.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned());
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), known: Mutex::default() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Notes what `who` printed or answered.
    pub(crate) fn hear(&self, who: &str, said: &[u8]) {
        self.known().said.push((who.to_owned(), text(said)));
    }

    /// Notes the secrets that are there now. Some are gone by the end.
    pub(crate) fn learn(&self) {
        let mut secrets = BTreeMap::new();
        for (name, path) in self.files() {
            let Ok(bytes) = fs::read(path) else { continue };
            match holds(&name) {
                Some(Holds::Words) => {
                    let words = bytes.split(u8::is_ascii_whitespace).filter(|word| word.len() >= SHORTEST);
                    secrets.extend(words.flat_map(spellings).map(|spelling| (spelling, name.clone())));
                }
                Some(Holds::Key) => {
                    let part = private_part(&bytes);
                    secrets.extend(
                        part.iter().flat_map(|part| spellings(part)).map(|spelling| (spelling, name.clone())),
                    );
                }
                Some(Holds::Input) | None => {}
            }
        }
        self.known().secrets.extend(secrets);
    }

    /// Where secrets stand that have no business there.
    pub(crate) fn leaks(&self) -> Vec<String> {
        self.learn();
        let mut known = self.known();
        let tokens = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
        known.secrets.extend(tokens.iter().map(|token| (token.clone(), "a token".to_owned())));
        let files = self.files().into_iter().filter(|(name, _)| holds(name).is_none());
        let files = files.filter_map(|(name, path)| Some((name, text(&fs::read(path).ok()?))));
        let mut leaks = Vec::new();
        for (place, text) in files.chain(known.said.iter().cloned()) {
            let found = known.secrets.iter().filter(|(secret, _)| text.contains(secret.as_str()));
            leaks.extend(found.map(|(_, what)| format!("{what} is in {place}")));
            if text.match_indices("eyJ").any(|(at, _)| is_token(&text[at..])) {
                leaks.push(format!("a signed token is in {place}"));
            }
        }
        leaks
    }

    /// Forgets what was printed.
    pub(crate) fn forget(&self) {
        self.known().said.clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every file, by its name below the directory.
    fn files(&self) -> Vec<(String, PathBuf)> {
        let mut files = Vec::new();
        let mut directories = vec![self.root().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if kind.is_dir() {
                    directories.push(path);
                } else if kind.is_file() {
                    let name = path.strip_prefix(self.root()).unwrap().to_string_lossy().into_owned();
                    files.push((name, path));
                }
            }
        }
        files
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "the program wrote secrets: {leaks:#?}");
        }
    }
}

/// What a file may hold that stands nowhere else.
enum Holds {
    /// Secrets between white space.
    Words,
    /// A private key.
    Key,
    /// What a test wrote for the program to read, secrets and all.
    Input,
}

/// The files that are there to hold secrets, and those that tests make. In all others there must be none.
fn holds(name: &str) -> Option<Holds> {
    let (directory, file) = name.rsplit_once('/').unwrap_or_default();
    let kind = file.rsplit_once('.').map(|(_, kind)| kind);
    match (directory, kind) {
        (".token-broker/keys", _) | (".token-broker/user-pool", Some("secret")) => return Some(Holds::Words),
        (".token-broker/user-pool", Some("der")) | (_, Some("key")) => return Some(Holds::Key),
        (".token-broker/tls", _) if file == "key.pem" => return Some(Holds::Key),
        _ => {}
    }
    // Named by definitions of tests, as the secrets of existing user pools.
    let is_secret = name.starts_with("secret") || name == "the-secret";
    if is_secret { Some(Holds::Words) } else { INPUTS.contains(&name).then_some(Holds::Input) }
}

/// Plans and states, as Terraform writes them.
const INPUTS: [&str; 2] = ["state.json", "plan.json"];

/// What of a private key (PKCS#8, as it is or as PEM) stands in no certificate.
fn private_part(file: &[u8]) -> Option<Vec<u8>> {
    let der = match str::from_utf8(file) {
        Ok(pem) if pem.starts_with("-----BEGIN") => {
            let lines = pem.lines().filter(|line| !line.starts_with("-----"));
            STANDARD.decode(lines.collect::<String>()).ok()?
        }
        _ => file.to_vec(),
    };
    // The number itself of a key of 256 bits; of RSA the last one, which only the owner can compute.
    let range = if der.len() < 200 { 36..68 } else { der.len() - 64..der.len() };
    der.get(range).map(<[u8]>::to_vec)
}

/// In hexadecimal, in base64 wherever it begins in a group, and as it is.
fn spellings(secret: &[u8]) -> impl Iterator<Item = String> {
    let hex: String = secret.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect();
    let mut spellings = vec![text(secret), hex.to_uppercase(), hex];
    for before in 0..3_usize {
        let shifted = [&vec![0; before], secret].concat();
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            // The first characters have bits of what stands before, the last of what stands behind.
            let start = [0, 2, 3][before];
            spellings.push(encoded[start..encoded.len() - 2].to_owned());
        }
    }
    spellings.into_iter()
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap()
}

/// Bytes as characters, one for one, so that they can be looked through as a text.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Three parts with points between them, as tokens of the embedded user pool have.
fn is_token(text: &str) -> bool {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(text.len());
    let parts: Vec<&str> = text[..end].split('.').collect();
    parts.len() >= 2 && parts[..2].iter().all(|part| part.len() >= SHORTEST)
}

/// What is shorter is no secret.
const SHORTEST: usize = 20;
