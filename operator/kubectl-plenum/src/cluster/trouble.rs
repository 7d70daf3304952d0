//! What went wrong, as a sentence with what to do. Pure.

use kube::Error;
use kube::core::Status;

use crate::snapshot::{Name, Trouble};

/// `doing` completes "could not ...".
#[must_use]
pub fn of(doing: &str, error: &Error) -> Trouble {
    match error {
        Error::Api(status) => refused(doing, status),
        Error::Auth(why) => trouble(
            format!("could not {doing}: the credentials of this context do not work: {why}"),
            "kubectl auth whoami   # and sign in again, as your cluster wants it",
        ),
        Error::SerdeError(why) => trouble(
            format!("could not {doing}: the answer makes no sense: {why}"),
            "kubectl version   # is there a Kubernetes API server at this address?",
        ),
        other => trouble(
            format!(
                "could not {doing}: the API server cannot be reached: {}",
                innermost(other)
            ),
            "kubectl cluster-info   # is the context the right one, and is the network up?",
        ),
    }
}

/// The API server refused it.
fn refused(doing: &str, status: &Status) -> Trouble {
    let said = &status.message;
    match status.code {
        401 => trouble(
            format!("could not {doing}: the API server does not know you"),
            "kubectl auth whoami   # and sign in again, as your cluster wants it",
        ),
        403 => trouble(
            format!("could not {doing}: you may not: {said}"),
            "ask who runs the cluster for that right; -n NAMESPACE looks at one namespace only",
        ),
        404 => trouble(
            format!("could not {doing}: it is not there: {said}"),
            "kubectl plenum doctor   # whether Plenum is installed; and check name and namespace",
        ),
        409 => trouble(
            format!("could not {doing}: somebody else changed it at the same time"),
            "try again",
        ),
        429 | 503 | 504 => trouble(
            format!("could not {doing}: the API server has too much to do: {said}"),
            "try again in a moment",
        ),
        code => trouble(
            format!("could not {doing}: the API server answers {code}: {said}"),
            "kubectl get --raw /readyz   # is the API server well?",
        ),
    }
}

/// What a pod, or the API server in its place, answered to a request by the proxy.
#[must_use]
pub fn proxied(pod: &Name, path: &str, code: u16, body: &[u8]) -> Trouble {
    let status: Option<Status> = serde_json::from_slice(body).ok();
    let doing = format!("ask {pod} for {path}");
    match (code, status.filter(|status| !status.message.is_empty())) {
        (403, Some(status)) => trouble(
            format!("could not {doing}: you may not: {}", status.message),
            "ask who runs the cluster for the right to get pods/proxy in this namespace",
        ),
        (_, Some(status)) => trouble(
            format!("could not {doing}: {}", status.message),
            "kubectl plenum doctor   # does the pod run, and does a NetworkPolicy keep the API server from it?",
        ),
        (404, None) => trouble(
            format!("could not {doing}: its version does not tell that"),
            "upgrade the zone: docs/upgrade.md",
        ),
        (code, None) => trouble(
            format!("could not {doing}: it answers {code}"),
            &format!("kubectl -n {} logs {} --tail=50", pod.namespace, pod.name),
        ),
    }
}

pub(super) fn trouble(what: String, remedy: &str) -> Trouble {
    Trouble {
        what,
        remedy: remedy.to_owned(),
    }
}

/// The cause below all the layers: "connection refused" says more than "service error".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> Error {
        let status = Status {
            code,
            message: message.to_owned(),
            ..Status::default()
        };
        Error::Api(Box::new(status))
    }

    #[test]
    fn each_refusal_is_a_sentence_with_what_to_do() {
        let cases = [
            (401, "does not know you"),
            (403, "you may not"),
            (404, "is not there"),
            (409, "somebody else"),
            (503, "too much to do"),
            (500, "answers 500"),
        ];
        for (code, words) in cases {
            let trouble = of("list nodes", &api(code, "nodes is forbidden"));
            assert!(
                trouble.what.starts_with("could not list nodes: "),
                "{trouble:?}"
            );
            assert!(trouble.what.contains(words), "{trouble:?}");
            assert!(!trouble.remedy.is_empty(), "{trouble:?}");
        }
    }

    #[test]
    fn what_the_api_server_says_of_a_pod_is_told_from_what_the_pod_says() {
        let body = br#"{"kind":"Status","status":"Failure","message":"pods \"p\" is forbidden","code":403}"#;
        let pod = Name {
            namespace: "n".to_owned(),
            name: "p".to_owned(),
        };
        assert!(
            proxied(&pod, "/metrics", 403, body)
                .remedy
                .contains("pods/proxy")
        );
        assert!(
            proxied(&pod, "/meetings", 404, b"")
                .what
                .contains("version")
        );
        assert!(
            proxied(&pod, "/meetings", 500, b"oops")
                .what
                .contains("500")
        );
    }
}
