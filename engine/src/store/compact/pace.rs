//! A disk seen by work that must not be in the way: it writes no faster than it may, and stops when told to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::io::{Bytes, Disk, Lock, LockError, WriteFile};
use crate::time::Timestamp;

/// Longest single pause, after which it is looked whether to stop.
const PAUSE: Duration = Duration::from_millis(20);

/// A disk that paces what is written through it.
#[derive(Clone, Debug)]
pub(super) struct PacedDisk {
    disk: Arc<dyn Disk>,
    pace: Arc<Pace>,
}

/// A token bucket of bytes.
#[derive(Debug)]
struct Pace {
    bytes_per_second: u64,
    stop: Arc<AtomicBool>,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    filled: Timestamp,
    bytes: u64,
}

impl PacedDisk {
    /// `disk`, written with at most so many bytes a second until `stop` is set.
    pub(super) fn new(disk: Arc<dyn Disk>, bytes_per_second: u64, stop: Arc<AtomicBool>) -> Self {
        let bucket = Mutex::new(Bucket { filled: disk.now(), bytes: 0 });
        Self { disk, pace: Arc::new(Pace { bytes_per_second: bytes_per_second.max(1), stop, bucket }) }
    }
}

impl Bucket {
    /// Takes `bytes` at the time `now`, or says how many microseconds to wait. The bucket holds what one second brings,
    /// and may be overdrawn by one write, however large.
    fn take(&mut self, bytes: u64, per_second: u64, now: Timestamp) -> Result<(), u64> {
        let micros = now.micros().saturating_sub(self.filled.micros()).clamp(0, 1_000_000).cast_unsigned();
        self.filled = now;
        let brought = u128::from(per_second) * u128::from(micros) / 1_000_000;
        self.bytes = self.bytes.saturating_add(u64::try_from(brought).unwrap_or(u64::MAX)).min(per_second);
        let needed = bytes.min(per_second);
        if self.bytes >= needed {
            self.bytes -= needed;
            return Ok(());
        }
        let missing = u128::from(needed - self.bytes) * 1_000_000 / u128::from(per_second);
        Err(u64::try_from(missing).unwrap_or(u64::MAX).max(1))
    }
}

impl Pace {
    fn wait_for(&self, bytes: u64, disk: &dyn Disk) -> io::Result<()> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the store is being closed"));
            }
            let taken = self.bucket.lock().take(bytes, self.bytes_per_second, disk.now());
            match taken {
                Ok(()) => return Ok(()),
                Err(micros) => std::thread::sleep(Duration::from_micros(micros).min(PAUSE)),
            }
        }
    }
}

#[derive(Debug)]
struct PacedFile {
    file: Box<dyn WriteFile>,
    disk: PacedDisk,
}

impl WriteFile for PacedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.pace.wait_for(bytes.len() as u64, &*self.disk.disk)?;
        self.file.append(bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.file.reserve(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Disk for PacedDisk {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(PacedFile { file: self.disk.create(path)?, disk: self.clone() }))
    }

    fn open(&self, path: &str) -> io::Result<Bytes> {
        self.disk.open(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.disk.sync_file(path)
    }

    fn lock(&self, path: &str, owner: &str) -> Result<Box<dyn Lock>, LockError> {
        self.disk.lock(path, owner)
    }

    fn pin(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        self.disk.pin(path)
    }

    fn remove_unpinned(&self, path: &str) -> io::Result<bool> {
        self.disk.remove_unpinned(path)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn now(&self) -> Timestamp {
        self.disk.now()
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.random(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_gives_no_more_than_its_rate() {
        let at = |micros: i64| Timestamp::from_micros(1_767_225_600_000_000 + micros);
        let mut bucket = Bucket { filled: at(0), bytes: 0 };
        assert_eq!(bucket.take(500, 1_000, at(0)), Err(500_000));
        assert_eq!(bucket.take(500, 1_000, at(500_000)), Ok(()));
        assert_eq!(bucket.take(1, 1_000, at(500_000)), Err(1_000));
        // A long pause fills one second's worth, and a clock that steps back takes nothing away.
        assert_eq!(bucket.take(1_000, 1_000, at(9_000_000)), Ok(()));
        assert_eq!(bucket.take(1, 1_000, at(0)), Err(1_000));
        assert_eq!(bucket.take(5_000, 1_000, at(1_000_000)), Ok(()), "a write larger than the bucket passes");
    }

    #[test]
    fn who_waits_stops_when_told_to() {
        let stop = Arc::new(AtomicBool::new(true));
        let disk = PacedDisk::new(Arc::new(crate::io::MemoryDisk::default()), 1, stop);
        let mut file = disk.create("a").expect("a file");
        assert_eq!(file.append(b"knot").expect_err("told to stop").kind(), io::ErrorKind::Interrupted);
    }
}
