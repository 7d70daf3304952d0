//! Where clients reach the router, from a file that somebody else writes: in Kubernetes the
//! kubelet, by an annotation of the pod.
//!
//! It may be empty when the router starts, and change while it runs. It is read again now and
//! then, as the kubelet swaps a symbolic link, which file watches miss. What makes no sense, or
//! nothing at all, takes no address back that was good.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Between two looks: nobody is sent to the router before the first that finds something.
const LOOK: Duration = Duration::from_millis(500);

/// Follows `file` on the current runtime until every receiver is gone. No address: none is known
/// yet.
pub(super) fn follow(file: PathBuf) -> watch::Receiver<Vec<IpAddr>> {
    let (sender, receiver) = watch::channel(Vec::new());
    let mut found = read(&file);
    take(&sender, &file, &found);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = sender.closed() => return,
                _ = ticks.tick() => {}
            }
            let now = read(&file);
            if now != found {
                take(&sender, &file, &now);
                found = now;
            }
        }
    });
    receiver
}

fn take(sender: &watch::Sender<Vec<IpAddr>>, file: &Path, found: &Result<Vec<IpAddr>, String>) {
    let file = file.display();
    match found {
        Ok(addresses) if !addresses.is_empty() => {
            tracing::info!(%file, ?addresses, "clients reach this router there");
            sender.send_if_modified(|known| {
                let is_news = known != addresses;
                known.clone_from(addresses);
                is_news
            });
        }
        _ => {
            let error = found.as_ref().err().map_or("it is empty", String::as_str);
            let known = sender.borrow();
            if known.is_empty() {
                tracing::warn!(%file, error, "waiting for the addresses of this router");
            } else {
                tracing::warn!(%file, error, addresses = ?*known, "keeping the last addresses");
            }
        }
    }
}

fn read(file: &Path) -> Result<Vec<IpAddr>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let address = |word: &str| {
        let word = word.trim();
        let read = word.parse();
        read.map_err(|_| format!("{word:?} is no IP address"))
    };
    match text.trim() {
        "" => Ok(Vec::new()),
        all => all.split(',').map(address).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn addresses_are_separated_by_commas_and_an_empty_file_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("public-address");
        assert!(read(&file).is_err(), "there is none");
        let written = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read(&file)
        };
        let address = IpAddr::from(Ipv4Addr::new(203, 0, 113, 7));
        assert_eq!(written(""), Ok(vec![]));
        assert_eq!(written("203.0.113.7\n"), Ok(vec![address]));
        let both = written("203.0.113.7, 2001:db8::7").unwrap();
        assert_eq!(both, [address, "2001:db8::7".parse().unwrap()]);
        for bad in ["r1.example.com", "203.0.113.7,", "203.0.113.7 203.0.113.8"] {
            assert!(written(bad).is_err(), "{bad}");
        }
    }
}
