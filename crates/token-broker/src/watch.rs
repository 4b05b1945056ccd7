//! Which of the files that a running server goes by have changed: the register of keys, the definition, and certificates.
//!
//! Looking twice a second costs a system call for each and needs nothing that has to be kept open. It follows links, so
//! that it sees a file that is replaced, one that is written in place, one that others may read now, and a link that leads
//! elsewhere, as Kubernetes and editors do it; and it sees them on every file system. `token-broker keys` replaces the register whole; a definition may
//! be half written when it is looked at, so it counts as changed once it has been still for one look.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::presence::Fingerprint;
use crate::state::State;

/// How often files are looked at.
pub(crate) const EVERY: Duration = Duration::from_millis(500);

/// The register of keys, and whether what it says is in force.
#[derive(Debug)]
pub(crate) struct Register {
    /// None once a change could not be taken over: from then on even the register that was in force before is a change.
    in_force: Option<Fingerprint>,
}

impl Register {
    /// The register that is in force.
    pub(crate) const fn in_force(register: Fingerprint) -> Self {
        Self { in_force: Some(register) }
    }

    /// The register as it is, if it is not the one in force.
    pub(crate) fn changed(&self, state: &State) -> Option<Fingerprint> {
        let now = Fingerprint::of(state);
        (self.in_force != Some(now)).then_some(now)
    }

    /// Nothing that it says now is in force: it is a change until it is taken over.
    pub(crate) const fn fail(&mut self) {
        self.in_force = None;
    }
}

/// The definition's file, and what has been seen of it.
#[derive(Debug)]
pub(crate) struct DefinitionFile {
    /// As it was when it was last read, whatever came of that.
    read: Fingerprint,
    /// As it was at the last look.
    seen: Fingerprint,
}

impl DefinitionFile {
    /// The file as it was before it was read.
    pub(crate) const fn read(file: Fingerprint) -> Self {
        Self { read: file, seen: file }
    }

    /// Looks, and says whether it has changed since it was read and been still since the last look.
    pub(crate) fn look(&mut self, path: &Path) -> bool {
        let now = Fingerprint::of_file(path);
        let still = now == self.seen;
        self.seen = now;
        still && now != self.read
    }
}

/// Files that belong together, and what has been seen of them. While one of them is being written, none has changed yet.
#[derive(Debug)]
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    /// As they were when they were last read, whatever came of that.
    read: Vec<Fingerprint>,
    /// As they were at the last look.
    seen: Vec<Fingerprint>,
}

impl Files {
    /// The files as they are before they are read.
    pub(crate) fn now(paths: impl Iterator<Item = PathBuf>) -> Self {
        let paths: Vec<PathBuf> = paths.collect();
        let read = fingerprints(&paths);
        Self { seen: read.clone(), read, paths }
    }

    /// Looks, and says whether they have changed since they were read and been still since the last look.
    pub(crate) fn look(&mut self) -> bool {
        let now = fingerprints(&self.paths);
        let still = now == self.seen;
        self.seen = now;
        still && self.seen != self.read
    }

    /// They have been read as they were at the last look.
    pub(crate) fn has_been_read(&mut self) {
        self.read.clone_from(&self.seen);
    }
}

fn fingerprints(paths: &[PathBuf]) -> Vec<Fingerprint> {
    paths.iter().map(|path| Fingerprint::of_file(path)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    /// Whether each of three looks sees a change, after what `change` does.
    fn looks(change: impl FnOnce(&Path)) -> [bool; 3] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token-broker.yaml");
        fs::create_dir(place.path().join("data-1")).unwrap();
        fs::write(place.path().join("data-1/file"), "one").unwrap();
        symlink("data-1", place.path().join("data")).unwrap();
        symlink("data/file", &path).unwrap();
        let mut file = DefinitionFile::read(Fingerprint::of_file(&path));
        change(place.path());
        [(); 3].map(|()| file.look(&path))
    }

    #[test]
    fn file_that_stays_as_it_is_has_not_changed() {
        assert_eq!(looks(|_| ()), [false; 3]);
    }

    #[test]
    fn change_is_seen_once_it_has_been_still_for_a_look_however_it_is_made() {
        let changed = [false, true, true];
        assert_eq!(
            looks(|place| fs::write(place.join("data-1/file"), "three").unwrap()),
            changed,
            "in place"
        );
        let replaced = |place: &Path| {
            fs::write(place.join("new"), "two").unwrap();
            fs::rename(place.join("new"), place.join("data-1/file")).unwrap();
        };
        assert_eq!(looks(replaced), changed, "by another file");
        let linked = |place: &Path| {
            fs::create_dir(place.join("data-2")).unwrap();
            fs::write(place.join("data-2/file"), "one").unwrap();
            symlink("data-2", place.join("new")).unwrap();
            fs::rename(place.join("new"), place.join("data")).unwrap();
        };
        assert_eq!(looks(linked), changed, "by another link");
        assert_eq!(looks(|place| fs::remove_file(place.join("data-1/file")).unwrap()), changed, "gone");
    }

    #[test]
    fn files_that_belong_together_are_read_once_all_are_still() {
        let place = tempfile::tempdir().unwrap();
        let paths = ["certificate", "key"].map(|name| place.path().join(name));
        let write = |file: usize, text: &str| fs::write(&paths[file], text).unwrap();
        let mut files = Files::now(paths.clone().into_iter());
        write(0, "1");
        assert!(!files.look());
        write(1, "22");
        assert!(!files.look(), "the second is new since the last look");
        assert!(files.look() && files.look());
        files.has_been_read();
        assert!(!files.look());
        write(1, "333");
        assert_eq!([files.look(), files.look()], [false, true]);
    }

    #[test]
    fn who_may_read_a_file_is_part_of_what_it_is() {
        let allow = |place: &Path| {
            let file = place.join("data-1/file");
            let changed = |file: &Path| fs::metadata(file).map(|of| (of.ctime(), of.ctime_nsec())).unwrap();
            let before = changed(&file);
            // A file system's clock goes in steps.
            while changed(&file) == before {
                fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            }
        };
        assert_eq!(looks(allow), [false, true, true]);
    }

    #[test]
    fn file_that_is_being_written_is_not_read_yet() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "1").unwrap();
        let mut file = DefinitionFile::read(Fingerprint::of_file(&path));
        for length in 2..6 {
            fs::write(&path, "1".repeat(length)).unwrap();
            assert!(!file.look(&path), "{length}");
        }
        assert!(file.look(&path));
        file = DefinitionFile::read(Fingerprint::of_file(&path));
        assert!(!file.look(&path));
    }
}
