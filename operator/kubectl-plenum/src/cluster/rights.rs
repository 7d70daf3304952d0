//! Whether the operator may do what it has to, as the API server's authorizer says.

use futures_util::StreamExt as _;
use futures_util::stream;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use plenum_crds::labels;

use super::{Cluster, trouble};
use crate::doctor::{Wanted, wanted};
use crate::snapshot::{Right, Seen, label, namespace_of};

/// Asked at once: some forty questions, each a few milliseconds.
const AT_ONCE: usize = 8;

impl Cluster {
    /// Every right of the accounts of these operators. Whoever may not ask gets one trouble.
    pub(super) async fn rights(&self, deployments: &Seen<Deployment>) -> Seen<Right> {
        let mut seen = Seen::default();
        let component = Some("operator");
        let operators = deployments
            .items
            .iter()
            .filter(|it| label(*it, labels::APP_COMPONENT) == component);
        for operator in operators {
            let home = namespace_of(operator);
            let spec = operator.spec.as_ref();
            let pod = spec.and_then(|spec| spec.template.spec.as_ref());
            let account = pod.and_then(|pod| pod.service_account_name.as_deref());
            let account = account.unwrap_or("default");
            let asked = stream::iter(wanted())
                .map(|right| self.may(home, account, right))
                .buffer_unordered(AT_ONCE);
            tokio::pin!(asked);
            while let Some(answer) = asked.next().await {
                match answer {
                    Ok(right) => seen.items.push(right),
                    Err(error) => {
                        let doing = "ask what the operator may do";
                        seen.troubles.push(trouble::of(doing, &error));
                        return seen;
                    }
                }
            }
        }
        let key = |it: &Right| {
            (
                it.who.clone(),
                it.group.clone(),
                it.resource.clone(),
                it.verb.clone(),
            )
        };
        seen.items.sort_by_key(key);
        seen
    }

    async fn may(&self, home: &str, account: &str, right: Wanted) -> Result<Right, kube::Error> {
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let who = format!("system:serviceaccount:{home}:{account}");
        let namespace = right.at_home.then(|| home.to_owned());
        let (resource, subresource) = match right.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (right.resource.as_str(), None),
        };
        // The rule about the Lease names it; without a name the answer would be no. The chart
        // calls account, Deployment and Lease the same.
        let name = (right.at_home && right.verb != "create").then(|| account.to_owned());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(who.clone()),
                groups: Some(vec![
                    "system:serviceaccounts".to_owned(),
                    format!("system:serviceaccounts:{home}"),
                    "system:authenticated".to_owned(),
                ]),
                resource_attributes: Some(ResourceAttributes {
                    group: Some(right.group.clone()),
                    resource: Some(resource.to_owned()),
                    subresource,
                    verb: Some(right.verb.clone()),
                    namespace: namespace.clone(),
                    name,
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(Right {
            who,
            group: right.group,
            resource: right.resource,
            verb: right.verb,
            namespace,
            allowed: answer.status.is_some_and(|status| status.allowed),
        })
    }
}
