//! One starts or ends a cluster at a time.

use std::fs::{self, File, TryLockError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::Layout;

const INTERVAL: Duration = Duration::from_millis(100);

/// Held for as long as it lives; the kernel releases it if we are killed.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for whoever starts or ends the cluster now, and says so.
    ///
    /// Asks again and again instead of sleeping in the kernel, so that a start can be interrupted here too.
    pub(crate) async fn take(layout: &Layout) -> Result<Self> {
        let mut said = false;
        loop {
            if let Some(lock) = Self::try_take(layout)? {
                return Ok(lock);
            }
            if !said {
                eprintln!("waiting for another plenum-e2e that starts or ends the cluster");
                said = true;
            }
            sleep(INTERVAL).await;
        }
    }

    /// [`Lock::take`] where nothing can wait but the thread, as in a destructor.
    pub(crate) fn take_blocking(layout: &Layout) -> Result<Self> {
        loop {
            if let Some(lock) = Self::try_take(layout)? {
                return Ok(lock);
            }
            thread::sleep(INTERVAL);
        }
    }

    fn try_take(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.lock();
        if let Some(cache) = path.parent() {
            fs::create_dir_all(cache).with_context(|| format!("creating {}", cache.display()))?;
        }
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let cache = tempfile::tempdir().unwrap();
        let layout = Layout::new(cache.path()).unwrap();
        let first = Lock::take(&layout).await.unwrap();
        assert!(Lock::try_take(&layout).unwrap().is_none(), "both hold it");
        let second = tokio::spawn(async move { Lock::take(&layout).await.map(drop) });
        drop(first);
        second.await.unwrap().unwrap();
    }
}
