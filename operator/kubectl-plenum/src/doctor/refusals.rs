//! What to type about something that the API server refused, by its words.

use super::chart;

/// Rules that a cluster has besides those of Kubernetes itself: webhooks, policies, `OpenShift`.
const RULES: [&str; 3] = [
    "admission webhook",
    "ValidatingAdmissionPolicy",
    "security context constraint",
];
/// Before the account that may not, in `User "system:serviceaccount:NAMESPACE:NAME" cannot`.
const ACCOUNT: &str = "\"system:serviceaccount:";

/// What to type; nothing where the words are not known here. `namespace` is that of the object.
pub(super) fn remedies(said: &str, namespace: &str) -> Vec<String> {
    if said.contains("exceeded quota") || said.contains("failed quota") {
        return vec![format!(
            "kubectl -n {namespace} describe resourcequota   # raise what is used up, or ask for less"
        )];
    }
    if RULES.iter().any(|rule| said.contains(rule)) {
        return vec![format!(
            "have who runs this rule of the cluster leave the namespace {namespace} out: routers use the network of their node"
        )];
    }
    if let Some(home) = account_home(said) {
        return vec![
            chart::upgrade(home),
            "kubectl plenum doctor   # which rights are missing yet".to_owned(),
        ];
    }
    Vec::new()
}

/// The namespace of the account that lacks a right.
fn account_home(said: &str) -> Option<&str> {
    let (_, account) = said.split_once(ACCOUNT)?;
    let (home, rest) = account.split_once(':')?;
    rest.contains(" cannot ").then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_remedy_and_others_have_none() {
        let cases = [
            (
                "pods \"main-zc-0\" is forbidden: exceeded quota: small, requested: pods=1",
                "kubectl -n meetings describe resourcequota",
            ),
            (
                "admission webhook \"validate.kyverno.svc\" denied the request: no hostNetwork",
                "leave the namespace meetings out",
            ),
            (
                "services is forbidden: User \"system:serviceaccount:site:plenum-operator\" cannot patch resource \"services\"",
                "helm upgrade plenum charts/plenum --namespace site",
            ),
        ];
        for (said, remedy) in cases {
            let found = remedies(said, "meetings");
            assert!(found[0].contains(remedy), "{said}: {found:?}");
        }
        let unknown = "spec.ports[0].nodePort: Invalid value: 30443";
        assert_eq!(remedies(unknown, "meetings"), Vec::<String>::new());
    }
}
