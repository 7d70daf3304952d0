//! Finding the proxy: what the user says, else what the environment says, else what the
//! system says. Whether it is needed is found out by [`connect`](crate::connect), which tries.
//!
//! | source | how |
//! |---|---|
//! | `--proxy URL` | goes through it and nowhere else |
//! | `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY`, `all_proxy` | the first that is set; `NO_PROXY`, `no_proxy` say where not |
//! | `/etc/environment` | the same variables |
//!
//! What a user has not said is tried beside the direct way, which is kept where both work:
//! a laptop goes home with its settings, and the direct way alone has UDP. `HTTP_PROXY` is for
//! `http://`, of which there is nothing here. Settings of desktops (`gsettings`) and scripts for
//! browsers (PAC, WPAD) are not read.
//!
//! After a change of the network the settings of the machine are read again.
//!
//! Passwords are in no log, no error and no `Debug`.
//!
//! | file | idea |
//! |---|---|
//! | `address` | pure: an address of a proxy as people write it |
//! | `exempt` | pure: `NO_PROXY` |
//! | `variables` | pure: the variables, wherever they come from |

mod address;
mod exempt;
mod variables;

use std::fmt;
use std::io::Read as _;

use plenum_transport::route::{Hop, Route};
use url::Url;

use crate::error::JoinError;
use variables::Variables;

/// Where Linux keeps variables for everybody.
const SYSTEM: &str = "/etc/environment";
/// Longest such file that is read, in bytes.
const SYSTEM_BYTES: u64 = 64 * 1_024;

/// Who named a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxySource {
    /// The user, on the command line.
    User,
    /// A variable of the environment.
    Environment(String),
    /// A variable in a file of the system.
    System(String),
}

impl fmt::Display for ProxySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("--proxy"),
            Self::Environment(variable) => f.write_str(variable),
            Self::System(variable) => write!(f, "{variable} in {SYSTEM}"),
        }
    }
}

/// Which proxy is configured here, if any.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    configured: Option<Configured>,
    ignored: Option<String>,
    /// They are those of this machine, and may be others in another network.
    found: bool,
}

#[derive(Debug, Clone)]
struct Configured {
    hop: Hop,
    source: ProxySource,
    no_proxy: String,
}

/// The way to one host, by the settings alone.
#[derive(Debug, Clone)]
pub enum Way {
    /// There is no proxy for it.
    Direct,
    /// Through this proxy only: the user said so.
    Through(Hop),
    /// Through this proxy, if the direct way does not work.
    Perhaps(Hop, ProxySource),
}

impl ProxySettings {
    /// Reads the settings of this machine; `told` is what the user said.
    pub fn detect(told: Option<&str>) -> Result<Self, JoinError> {
        let variable = |name: &str| std::env::var(name).ok();
        Self::decide(told, variable, &system())
    }

    /// As they are now, after a change of the network. What the user said, or the caller, stays.
    #[must_use]
    pub fn look_again(&self) -> Self {
        let again = self.found.then(|| Self::detect(None));
        // Without anything from the user nothing is refused.
        again.and_then(Result::ok).unwrap_or_else(|| self.clone())
    }

    #[cfg(test)]
    pub(crate) fn of_variables(set: &[(&str, &str)]) -> Self {
        let value = |name: &str| {
            let mut set = set.iter();
            set.find(|(it, _)| *it == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Self::decide(None, value, "").unwrap()
    }

    fn decide(
        told: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
        system: &str,
    ) -> Result<Self, JoinError> {
        if let Some(told) = told {
            let hop = address::read(told).map_err(|wrong| {
                JoinError::Configuration(format!(
                    "--proxy {wrong}. Write http://[USER:PASSWORD@]HOST:PORT"
                ))
            })?;
            let source = ProxySource::User;
            let no_proxy = String::new();
            return Ok(Self::of(hop, source, no_proxy));
        }
        let system = Variables::of_file(system);
        let sources = [
            (
                Variables::of(&variable),
                ProxySource::Environment as fn(_) -> _,
            ),
            (system, ProxySource::System),
        ];
        let mut ignored = None;
        for (variables, source) in sources {
            let Some((name, value)) = variables.proxy() else {
                continue;
            };
            let source = source(name.to_owned());
            match address::read(value) {
                Ok(hop) => {
                    let mut settings = Self::of(hop, source, variables.no_proxy().to_owned());
                    settings.ignored = ignored;
                    settings.found = true;
                    return Ok(settings);
                }
                Err(wrong) => ignored = ignored.or(Some(format!("{source} {wrong}"))),
            }
        }
        Ok(Self {
            configured: None,
            ignored,
            found: true,
        })
    }

    fn of(hop: Hop, source: ProxySource, no_proxy: String) -> Self {
        Self {
            configured: Some(Configured {
                hop,
                source,
                no_proxy,
            }),
            ignored: None,
            found: false,
        }
    }

    /// The proxy and who named it.
    #[must_use]
    pub fn proxy(&self) -> Option<(&Hop, &ProxySource)> {
        let configured = self.configured.as_ref()?;
        Some((&configured.hop, &configured.source))
    }

    /// A setting that cannot be followed, and why, in words.
    #[must_use]
    pub fn ignored(&self) -> Option<&str> {
        self.ignored.as_deref()
    }

    /// How to reach a host.
    #[must_use]
    pub fn way_to(&self, url: &Url) -> Way {
        match &self.configured {
            Some(Configured { hop, source, .. }) if *source == ProxySource::User => {
                Way::Through(hop.clone())
            }
            Some(configured) if !exempt::is(&configured.no_proxy, url) => {
                Way::Perhaps(configured.hop.clone(), configured.source.clone())
            }
            _ => Way::Direct,
        }
    }
}

impl Way {
    /// The proxy's route, where there is a proxy.
    #[must_use]
    pub fn proxied(&self) -> Option<Route> {
        match self {
            Self::Direct => None,
            Self::Through(hop) | Self::Perhaps(hop, _) => Some(Route::through([hop.clone()])),
        }
    }
}

/// The file's text; nothing where there is none, or none that can be read.
fn system() -> String {
    let mut text = Vec::new();
    let read =
        std::fs::File::open(SYSTEM).and_then(|file| file.take(SYSTEM_BYTES).read_to_end(&mut text));
    if let Err(error) = read {
        tracing::debug!(%error, "{SYSTEM} cannot be read");
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests;
