//! The office's HTTP proxy: Debian's squid, as strict as its own example is.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use super::hosts::{Family, Host, Net};

/// Where it listens.
pub const PORT: u16 = 3128;
/// Who may use it where it asks: password `s3cret`, as `openssl passwd -1 -salt matrix` writes it.
const USER: &str = "office";
const HASH: &str = "$1$matrix$deweqBs.mkjgoHdLCn4./1";

/// Whom the proxy serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody in the office.
    Open,
    /// Who says `office:s3cret`.
    Password,
}

/// The proxy, with its files in a directory.
pub fn command(door: Door, families: &[Family], directory: &Path) -> Result<Command> {
    let passwords = directory.join("squid-passwords");
    fs::write(&passwords, format!("{USER}:{HASH}\n"))?;
    let file = directory.join("squid.conf");
    fs::write(&file, configuration(door, families, &passwords)?)?;
    let mut command = Host::Proxy.command("squid");
    // In the foreground, and what it has to say on standard error.
    command.args(["-N", "-d", "1", "-f"]).arg(file);
    Ok(command)
}

fn configuration(door: Door, families: &[Family], passwords: &Path) -> Result<String> {
    let office: Vec<String> = families
        .iter()
        .map(|family| Net::Office.prefix(*family))
        .collect();
    let mut text = format!(
        "http_port {PORT}\n\
         visible_hostname proxy.test\n\
         pid_filename none\n\
         cache deny all\n\
         cache_log /dev/null\n\
         access_log none\n\
         netdb_filename none\n\
         pinger_enable off\n\
         shutdown_lifetime 0 seconds\n\
         dns_nameservers 127.0.0.1\n\
         acl office src {}\n\
         acl web port 443\n\
         http_access deny !web\n",
        office.join(" ")
    );
    if door == Door::Password {
        let passwords = passwords.to_str().context("a path of ours is text")?;
        write!(
            text,
            "auth_param basic program /usr/lib/squid/basic_ncsa_auth {passwords}\n\
             auth_param basic realm office\n\
             acl known proxy_auth REQUIRED\n\
             http_access deny !known\n"
        )?;
    }
    text += "http_access allow office\nhttp_access deny all\n";
    Ok(text)
}

/// Waits until it takes connections.
pub async fn answers(families: &[Family]) -> Result<()> {
    let family = families.first().context("a world has addresses")?;
    let address = Host::Proxy.address(*family);
    super::world::listening(Host::Client, address, PORT)
        .await
        .context("squid")
}
