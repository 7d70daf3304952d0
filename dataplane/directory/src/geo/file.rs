//! A MaxMind-format file with cities, as the user keeps it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use maxminddb::Reader;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::model::Coordinates;

/// How often the file's date is looked at. The makers of such files bring a new one a week.
const POLL: Duration = Duration::from_secs(10);
/// The largest file that is read. The largest that are sold have less than half of it.
const FILE_BYTES: u64 = 1 << 30;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{} is no MaxMind-format file (.mmdb) with places: {reason}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The file. A handle: clones are the same.
#[derive(Clone, Debug)]
pub struct GeoFile {
    path: PathBuf,
    reader: Arc<RwLock<Arc<Reader<Vec<u8>>>>>,
}

/// Of a record, what is wanted: the rest is skipped, not read.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    location: Location,
}

#[derive(Default, Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// What changes when somebody puts another file there.
type Stamp = (SystemTime, u64);

impl GeoFile {
    /// Reads the file.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        Ok(Self {
            path: path.to_owned(),
            reader: Arc::new(RwLock::new(Arc::new(read(path)?))),
        })
    }

    /// Where `address` is, as far as the file knows.
    #[must_use]
    pub fn locate(&self, address: IpAddr) -> Option<Coordinates> {
        let reader = Arc::clone(&self.reader.read().unwrap_or_else(PoisonError::into_inner));
        // A file for IPv4 only says no to the other family: so does it know nothing of it.
        let found = reader.lookup(address.to_canonical()).ok()?;
        let record: Record = found.decode().ok()??;
        Coordinates::new(record.location.latitude?, record.location.longitude?).ok()
    }

    /// Reads the file again when it changes, until `stop`. One that cannot be used leaves the
    /// last one in its place.
    pub async fn follow(self, stop: CancellationToken) {
        let mut seen = stamp(&self.path);
        while stop
            .run_until_cancelled(tokio::time::sleep(POLL))
            .await
            .is_some()
        {
            let now = stamp(&self.path);
            if now != seen {
                seen = now;
                self.reload().await;
            }
        }
    }

    /// Reads the file again.
    pub async fn reload(&self) {
        let path = self.path.clone();
        match tokio::task::spawn_blocking(move || read(&path)).await {
            Ok(Ok(reader)) => {
                let built = reader.metadata().build_epoch;
                *self.reader.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(reader);
                tracing::info!(built, "another GeoIP file is in use");
            }
            Ok(Err(error)) => tracing::warn!(%error, "keeping the last GeoIP file"),
            Err(error) => tracing::error!(%error, "reading the GeoIP file"),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let cannot = |error| GeoError::Read {
        path: path.to_owned(),
        error,
    };
    let format = |reason: String| GeoError::Format {
        path: path.to_owned(),
        reason,
    };
    let bytes = std::fs::metadata(path).map_err(cannot)?.len();
    if bytes > FILE_BYTES {
        return Err(format(format!(
            "it has {bytes} bytes, {FILE_BYTES} at most are read"
        )));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    let reader = Reader::from_source(bytes).map_err(|error| format(error.to_string()))?;
    let kind = &reader.metadata().database_type;
    // Others have no coordinates: it would be silently of no use.
    if ["ASN", "ISP", "Domain", "Anonymous", "Connection", "Country"]
        .iter()
        .any(|other| kind.contains(other))
    {
        return Err(format(format!(
            "it is of the kind {kind}; take one with cities"
        )));
    }
    Ok(reader)
}
