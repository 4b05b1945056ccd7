//! Logs, read while they are written.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

/// Lines of JSON out of files that grow.
pub(super) struct Lines {
    files: Vec<(PathBuf, Vec<u8>, u64)>,
    read: Vec<Value>,
}

impl Lines {
    pub(super) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = paths.into_iter().map(|path| (path, Vec::new(), 0)).collect();
        Self { files, read: Vec::new() }
    }

    /// The first line that `is_it`, as soon as it is there.
    pub(super) fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(line) = self.read.iter().find(|line| is_it(line)) {
                return line.clone();
            }
            let known = self.read.len();
            self.read_on();
            if self.read.len() == known {
                std::thread::yield_now();
            }
        }
    }

    fn read_on(&mut self) {
        for (path, rest, offset) in &mut self.files {
            // A log of the other home is not there.
            let Ok(mut file) = File::open(path) else { continue };
            file.seek(SeekFrom::Start(*offset)).unwrap();
            let mut new = Vec::new();
            *offset += u64::try_from(file.read_to_end(&mut new).unwrap()).unwrap();
            rest.extend(new);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                self.read.extend(serde_json::from_slice::<Value>(&line));
            }
        }
    }
}
