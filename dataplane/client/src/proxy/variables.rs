//! The variables that name a proxy, from the environment or from a file. Pure.

use std::collections::BTreeMap;

/// Which names the proxy, the first that is set.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Which names the hosts without it.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The variables that are set.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    /// By what the variables say. One that is empty is not set.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = PROXY.into_iter().chain(NO_PROXY);
        let set = names.filter_map(|name| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        });
        Self(set.collect())
    }

    /// By a file as `pam_env` reads it: `NAME=VALUE` a line, maybe with `export` and quotes. The
    /// last line about a variable counts.
    pub(super) fn of_file(text: &str) -> Self {
        let lines = text.lines().filter_map(assignment);
        let set: BTreeMap<&str, &str> = lines.collect();
        Self::of(|name| set.get(name).map(|&value| value.to_owned()))
    }

    /// The proxy, by the name of its variable.
    pub(super) fn proxy(&self) -> Option<(&'static str, &str)> {
        let set = |name: &'static str| Some((name, self.0.get(name)?.as_str()));
        PROXY.into_iter().find_map(set)
    }

    /// The hosts without it.
    pub(super) fn no_proxy(&self) -> &str {
        let set = NO_PROXY.into_iter().find_map(|name| self.0.get(name));
        set.map_or("", String::as_str)
    }
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let bare = ['"', '\''].into_iter().find_map(|quote| {
        let value = value.strip_prefix(quote)?;
        Some(value.strip_suffix(quote).unwrap_or(value))
    });
    Some((name.trim(), bare.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_names_the_proxy() {
        let set = |names: &'static [&str]| {
            Variables::of(move |name| names.contains(&name).then(|| format!("by {name}")))
        };
        let by = |names| set(names).proxy().map(|(name, _)| name);
        assert_eq!(by(&["all_proxy", "https_proxy"]), Some("https_proxy"));
        assert_eq!(by(&["HTTPS_PROXY", "https_proxy"]), Some("HTTPS_PROXY"));
        assert_eq!(by(&["ALL_PROXY"]), Some("ALL_PROXY"));
        // Of http:// there is nothing here, and a web server may be made to set it.
        assert_eq!(by(&["HTTP_PROXY", "http_proxy"]), None);
        assert!(Variables::of(|_| Some("  ".to_owned())).proxy().is_none());
    }

    #[test]
    fn a_file_is_read_as_pam_env_does() {
        let text = "# for everybody\nPATH=\"/bin\"\nHTTPS_PROXY=http://first:1\n\
                    export HTTPS_PROXY=\"http://proxy:3128\"\n  no_proxy = '.example'\n\
                    nonsense\n=\nALL_PROXY='half\n";
        let variables = Variables::of_file(text);
        assert_eq!(
            variables.proxy(),
            Some(("HTTPS_PROXY", "http://proxy:3128"))
        );
        assert_eq!(variables.no_proxy(), ".example");
        assert!(
            Variables::of_file("# HTTPS_PROXY=http://off:1")
                .proxy()
                .is_none()
        );
    }
}
