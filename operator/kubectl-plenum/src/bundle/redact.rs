//! What must not leave the cluster, taken out. Rather too much than too little.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in place of what was taken out.
pub const REDACTED: &str = "REDACTED";

/// Shorter values of Secrets are words rather than secrets, and are in every text.
const SHORTEST: usize = 6;
/// Words that name a secret, in keys, flags and texts.
const SECRET_WORDS: &str = "password|passwd|passcode|passphrase|token|secret|credential|api[_-]?key|private[_-]?key|authorization|cookie";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("patterns are fixed and tested")
}

/// A PEM block (RFC 7468); with line ends as they are, or escaped in a string of JSON.
static PEM: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"-----BEGIN [A-Z0-9 ]+-----(?:[A-Za-z0-9+/=:,\- \r\n\t]|\\+[nrt])*?-----END [A-Z0-9 ]+-----",
    )
});
/// One whose end a log cut off.
static PEM_BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"-----BEGIN [A-Z0-9 ]+-----(?:\s|\\+[nrt])*(?:[A-Za-z0-9+/=]{16,}(?:\s|\\+[nrt])*)*[A-Za-z0-9+/=]*",
    )
});
/// One whose beginning a log cut off.
static PEM_END: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:[A-Za-z0-9+/=]{16,}(?:\s|\\+[nrt])*)*[A-Za-z0-9+/=]*(?:\s|\\+[nrt])*-----END [A-Z0-9 ]+-----",
    )
});
/// Signed or encrypted tokens (RFC 7515, RFC 7516): each begins with a JSON object in base64.
static JWT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}"));
/// RFC 9110, section 11: credentials of an HTTP request.
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{6,}"));
/// `scheme://user:password@`.
static USER_INFO: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'@]*:[^/\s"']*@"#));
/// `password=...`, `"token":"..."`, also within a string of JSON.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r#"(?i)([\w.-]*(?:{SECRET_WORDS})[\w.-]*\\*["']?[ \t]*[:=][ \t]*)(\\*"[^"\\]*\\*"|'[^']*'|[^\s,;"'\\{{}}\[\]&]+)"#
    ))
});
/// What sessions, programs and zones show to the directory.
static CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| regex(r"\bpl[smz]_[A-Za-z0-9_-]{16,}"));
static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"(?i)(?:{SECRET_WORDS})$")));
static SECRET_FLAG: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"(?i)^--?[\w-]*(?:{SECRET_WORDS})[\w-]*$")));

/// What is looked for in every text.
#[derive(Debug, Clone)]
pub struct Mask {
    /// The longest first: one may be part of another.
    known: Vec<String>,
    words: Vec<String>,
}

impl Mask {
    /// Masks these values of Secrets wherever they are, but those that are plain words.
    #[must_use]
    pub fn new(values: &[String], words: &[String]) -> Self {
        let is_word = |value: &str| words.iter().any(|word| word.contains(value));
        let mut known: Vec<String> = values
            .iter()
            .map(|value| value.trim())
            .filter(|value| value.len() >= SHORTEST && !is_word(value))
            .flat_map(|value| [value.to_owned(), escaped(value), STANDARD.encode(value)])
            .collect();
        known.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        known.dedup();
        let words = words.to_vec();
        Self { known, words }
    }

    /// The text without anything that is or looks secret.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.known {
            if text.contains(value) {
                text = text.replace(value, REDACTED);
            }
        }
        let text = PEM.replace_all(&text, REDACTED);
        let text = PEM_BEGIN.replace_all(&text, REDACTED);
        let text = PEM_END.replace_all(&text, REDACTED);
        let text = JWT.replace_all(&text, REDACTED);
        let text = CREDENTIAL.replace_all(&text, REDACTED);
        let text = SCHEME.replace_all(&text, |found: &Captures| {
            format!("{} {REDACTED}", &found[1])
        });
        let text = USER_INFO.replace_all(&text, |found: &Captures| {
            format!("{}{REDACTED}@", &found[1])
        });
        let text = NAMED.replace_all(&text, |found: &Captures| self.named(found));
        text.into_owned()
    }

    /// The value goes, its quotes stay: what was JSON still is. `secretName` and its like hold
    /// a name.
    fn named(&self, found: &Captures) -> String {
        const QUOTES: [char; 3] = ['\\', '"', '\''];
        let (whole, value) = (&found[0], &found[2]);
        let bare = value.trim_matches(QUOTES);
        let plain = ["true", "false", "null", REDACTED];
        if plain.contains(&bare) || self.words.iter().any(|word| word == bare) {
            return whole.to_owned();
        }
        let opening: String = value.chars().take_while(|it| QUOTES.contains(it)).collect();
        format!("{}{opening}{REDACTED}{opening}", &found[1])
    }
}

/// As it stands in a string of JSON.
fn escaped(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted.trim_matches('"').to_owned()
}

/// An object without what is secret in it by its place: values of Secrets and of environment
/// variables, values of keys and flags that are called like a secret; and without what only
/// fills pages.
#[must_use]
pub fn object(mut object: Value, mask: &Mask) -> Value {
    if object["kind"] == "Secret" || object["kind"] == "ConfigMap" {
        for key in ["data", "stringData", "binaryData"] {
            if let Some(data) = object.get_mut(key) {
                *data = Value::from(REDACTED);
            }
        }
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations")
            && let Some(annotations) = annotations.as_object_mut()
        {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    walk(&mut object, mask);
    object
}

fn walk(value: &mut Value, mask: &Mask) {
    match value {
        Value::String(text) => *text = mask.text(text),
        Value::Array(items) => {
            flags(items);
            for item in items {
                walk(item, mask);
            }
        }
        Value::Object(map) => {
            for (key, below) in map.iter_mut() {
                if key == "env" {
                    environment(below);
                }
                if below.is_string() && SECRET_KEY.is_match(key) {
                    *below = Value::from(REDACTED);
                }
                walk(below, mask);
            }
        }
        _ => {}
    }
}

/// The names stay: which are set is what support asks first.
fn environment(variables: &mut Value) {
    for variable in variables.as_array_mut().into_iter().flatten() {
        if let Some(value) = variable.get_mut("value") {
            *value = Value::from(REDACTED);
        }
    }
}

/// `--token`, `VALUE`; a path is where a secret is, and not the secret.
fn flags(items: &mut [Value]) {
    for at in 1..items.len() {
        let is_secret = items[at - 1]
            .as_str()
            .is_some_and(|it| SECRET_FLAG.is_match(it));
        let is_value = items[at]
            .as_str()
            .is_some_and(|it| !it.starts_with('/') && !it.starts_with('-'));
        if is_secret && is_value {
            items[at] = Value::from(REDACTED);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(text: &str) -> String {
        Mask::new(&[], &[]).text(text)
    }

    #[test]
    fn what_looks_like_a_secret_goes_and_the_rest_stays() {
        let cases = [
            (
                "a {\"password\":\"hunter2\"} b",
                "a {\"password\":\"REDACTED\"} b",
            ),
            (
                "say \\\"token\\\":\\\"abc\\\" x",
                "say \\\"token\\\":\\\"REDACTED\\\" x",
            ),
            ("?passcode=123456&name=ada", "?passcode=REDACTED&name=ada"),
            ("postgres://me:pw@db/x", "postgres://REDACTED@db/x"),
            ("jwt eyJhbGciOiJF.eyJzdWIi.c2ln end", "jwt REDACTED end"),
            (
                "{\"node\":\"n1\",\"people\":3}",
                "{\"node\":\"n1\",\"people\":3}",
            ),
            (
                "https://meet.example.org:443/x",
                "https://meet.example.org:443/x",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text), expected);
        }
        assert!(!masked("Authorization: Bearer abcdef123456").contains("abcdef"));
    }

    #[test]
    fn keys_go_also_when_a_log_cuts_them() {
        let body = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAA";
        let whole = format!("x\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\ny");
        let escaped = whole.replace('\n', "\\n");
        let headless = format!("{body}\n{body}\n-----END PRIVATE KEY-----\ny");
        let tailless = format!("x\n-----BEGIN PRIVATE KEY-----\n{body}\n");
        for text in [whole, escaped, headless, tailless] {
            let clean = masked(&text);
            assert!(!clean.contains(body), "{text:?} became {clean:?}");
        }
    }

    #[test]
    fn values_of_secrets_go_wherever_they_are_and_words_stay() {
        let values = [
            "s3cr3t value".to_owned(),
            "plenum".to_owned(),
            "line\nline2".to_owned(),
        ];
        let mask = Mask::new(&values, &["plenum".to_owned()]);
        assert_eq!(
            mask.text("plenum says s3cr3t value and line\\nline2"),
            "plenum says REDACTED and REDACTED"
        );
    }

    #[test]
    fn objects_lose_what_is_secret_by_its_place() {
        let pod = json!({
            "kind": "Pod",
            "metadata": {"name": "p", "managedFields": [1], "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "all of it", "note": "kept",
            }},
            "spec": {"containers": [{
                "env": [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
                "command": ["plenum", "--token", "abc", "--link-secret", "/etc/x", "--zone", "z"],
            }]},
        });
        let clean = object(pod, &Mask::new(&[], &[]));
        let expected = json!({
            "kind": "Pod",
            "metadata": {"name": "p", "annotations": {"note": "kept"}},
            "spec": {"containers": [{
                "env": [{"name": "A", "value": "REDACTED"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
                "command": ["plenum", "--token", "REDACTED", "--link-secret", "/etc/x", "--zone", "z"],
            }]},
        });
        assert_eq!(clean, expected);
    }
}
