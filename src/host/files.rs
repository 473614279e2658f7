//! Files: read whole, replaced atomically. Must not be bypassed: clippy forbids `std::fs` elsewhere.

use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Largest file that is read: the report of thousands of checks stays below it.
const MAX_READ: u64 = 256 * 1024 * 1024;

/// What a run may do with files.
pub trait Files: Send + Sync {
    /// The file's bytes.
    ///
    /// # Errors
    /// The system's error; `FileTooLarge` beyond 256 MiB.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether there is something at `path`, be it a directory, a device or a link that leads nowhere.
    fn exists(&self, path: &Path) -> bool;

    /// Whether `path` is a directory, or a link to one.
    fn is_folder(&self, path: &Path) -> bool;

    /// Replaces the file in one step: a reader sees the old text or the new one, never a half.
    ///
    /// # Errors
    /// The system's error; the old file is untouched then.
    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()>;

    /// Writes `text` over what the file at `path` holds: it stays the same file, its owner, mode and other names kept.
    ///
    /// # Errors
    /// The system's error, after putting back what the file held; a file that nobody may write, and what is no file.
    fn overwrite(&self, path: &Path, text: &[u8]) -> io::Result<()>;

    /// Adds what `change` makes of the file at `path`, which is made where there is none, to its end: on disk when this
    /// returns, and nobody else amends the file meanwhile. A refusal of `change` adds nothing.
    ///
    /// # Errors
    /// The system's error, the file as it was then; `WouldBlock` where somebody else is at it, at once; what is no file; what
    /// `change` refuses with.
    fn amend(&self, path: &Path, change: &mut dyn FnMut(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<()>;

    /// A new file for `text` that only this user can read, deleted with the returned guard.
    ///
    /// # Errors
    /// The system's error.
    fn temporary(&self, stem: &str, text: &[u8]) -> io::Result<TemporaryFile>;
}

/// A file that goes with its guard.
#[derive(Debug)]
pub struct TemporaryFile {
    /// Where it is.
    pub path: PathBuf,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Nothing can be done about a file that cannot be removed, and nothing depends on it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The system's files.
pub struct SystemFiles;

impl Files for SystemFiles {
    #[expect(clippy::disallowed_methods, reason = "these are the files")]
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        all(std::fs::File::open(path)?)
    }

    fn exists(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok()
    }

    fn is_folder(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| found.is_dir())
    }

    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        // A device or a pipe (`/dev/stdout`, `>(…)`) cannot be renamed over.
        let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
        if special {
            return write_special(path, text);
        }
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        // What a killed process left under this name is in the way, and it is nobody's.
        let _ = std::fs::remove_file(&temporary);
        let written = write_new(&temporary, text, 0o644)
            .and_then(|()| keep_permissions(path, &temporary))
            .and_then(|()| std::fs::rename(&temporary, path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    #[expect(clippy::disallowed_methods, reason = "these are the files")]
    fn overwrite(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        if metadata.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        let before = std::fs::read(path)?;
        let put =
            |text: &[u8]| std::fs::OpenOptions::new().write(true).truncate(true).open(path)?.write_all(text);
        put(text).inspect_err(|_| {
            // As good as can be: the disk that was too small for the new text held the old one.
            let _ = put(&before);
        })
    }

    fn amend(&self, path: &Path, change: &mut dyn FnMut(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<()> {
        use std::io::{Read as _, Seek as _};
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let new = std::fs::symlink_metadata(path).is_err();
        let mut file =
            std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        // The system lets it go with the file, however this process ends.
        file.try_lock()?;
        let mut text = Vec::new();
        (&mut file).take(MAX_READ + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MAX_READ {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 256 MiB"));
        }
        let added = change(&text)?;
        let end = file.seek(io::SeekFrom::End(0))?;
        let written = file.write_all(&added).and_then(|()| file.sync_all());
        if written.is_err() {
            // As good as can be: half a line is survived too.
            let _ = file.set_len(end);
        }
        written?;
        if new { sync_folder(path) } else { Ok(()) }
    }

    fn temporary(&self, stem: &str, text: &[u8]) -> io::Result<TemporaryFile> {
        let name = format!("{stem}-{}-{:016x}", std::process::id(), super::secret::random_seed());
        let path = std::env::temp_dir().join(name);
        let file = TemporaryFile { path };
        write_new(&file.path, text, 0o600)?;
        Ok(file)
    }
}

/// What `source` holds, to its end.
pub(super) fn all(source: impl io::Read) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    source.take(MAX_READ + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_READ {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 256 MiB"));
    }
    Ok(bytes)
}

/// Writes to a device or a pipe. Opening a pipe that nobody reads would wait for ever, so it is opened without
/// waiting, which fails then; the writing itself waits for its reader as writing to stdout does.
fn write_special(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    let mut file = {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, OFlags::NONBLOCK.bits().cast_signed());
        let file = options.open(path)?;
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        file
    };
    #[cfg(not(unix))]
    let mut file = options.open(path)?;
    file.write_all(text)
}

/// Puts the name of a new file on disk, beside what it holds.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Some file systems cannot put a folder on disk by itself, and need not.
        std::fs::OpenOptions::new().read(true).open(folder)?.sync_all().or_else(|error| {
            match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Ok(()),
                _ => Err(error),
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What may be read by few before must not be read by all after.
fn keep_permissions(path: &Path, new: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(old) if old.is_file() => std::fs::set_permissions(new, old.permissions()),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    // Never into a file, or through a link, that somebody else has put there.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_pipe_without_a_reader_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        assert!(!SystemFiles.exists(&path) && SystemFiles.exists(folder.path()));
        SystemFiles.replace(&path, b"one").unwrap();
        SystemFiles.replace(&path, b"two").unwrap();
        assert_eq!(SystemFiles.read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
        assert!(SystemFiles.replace(&folder.path().join("no/such/folder"), b"x").is_err());
        assert!(SystemFiles.replace(Path::new("/dev/full"), b"x").is_err());
        SystemFiles.replace(Path::new("/dev/null"), b"x").unwrap();

        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        SystemFiles.replace(&path, b"three").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(SystemFiles.replace(&pipe, b"x").is_err());
    }

    #[test]
    fn a_file_that_is_written_over_stays_the_same_file() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let (path, link, name) =
            (folder.path().join("p.yaml"), folder.path().join("link"), folder.path().join("name"));
        SystemFiles.replace(&path, b"one").unwrap();
        std::os::unix::fs::symlink("p.yaml", &link).unwrap();
        std::fs::hard_link(&path, &name).unwrap();
        let before = std::fs::metadata(&path).unwrap();
        SystemFiles.overwrite(&link, b"2").unwrap();
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!((before.ino(), before.uid(), before.mode()), (after.ino(), after.uid(), after.mode()));
        assert_eq!(SystemFiles.read(&name).unwrap(), b"2");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
        assert!(SystemFiles.overwrite(&path, b"3").is_err());
        assert!(SystemFiles.overwrite(Path::new("/dev/null"), b"3").is_err());
        assert!(SystemFiles.overwrite(&folder.path().join("none"), b"3").is_err());
        assert_eq!(SystemFiles.read(&path).unwrap(), b"2");
    }

    #[test]
    fn a_file_is_amended_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        SystemFiles.amend(&path, &mut |text| Ok([text, b"one\n"].concat())).unwrap();
        SystemFiles
            .amend(&path, &mut |text| {
                assert_eq!(text, b"one\n");
                let other = SystemFiles.amend(&path, &mut |_| panic!("it is locked")).unwrap_err();
                assert_eq!(other.kind(), io::ErrorKind::WouldBlock);
                Ok(b"two\n".to_vec())
            })
            .unwrap();
        let refusal = SystemFiles.amend(&path, &mut |_| Err(io::Error::other("no"))).unwrap_err();
        assert_eq!(refusal.to_string(), "no");
        assert_eq!(SystemFiles.read(&path).unwrap(), b"one\ntwo\n");
        for none in [folder.path().to_owned(), folder.path().join("no/such"), PathBuf::from("/dev/null")] {
            assert!(SystemFiles.amend(&none, &mut |_| panic!("there is nothing to amend")).is_err());
        }
    }

    #[test]
    fn a_temporary_file_goes_with_its_guard() {
        let file = SystemFiles.temporary("test", b"secret").unwrap();
        let path = file.path.clone();
        assert_eq!(SystemFiles.read(&path).unwrap(), b"secret");
        drop(file);
        assert!(!path.exists());
    }
}
