//! The warnings of a namespace, page by page.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{ListParams, ObjectList};

use super::{Cluster, trouble};
use crate::snapshot::Seen;

/// Warnings in one answer.
const PAGE: u32 = 500;
/// Pages read of a namespace. A namespace with more has a trouble of its own, and where it is
/// cut off says nothing: pages are by name, not by age.
const PAGES: usize = 20;

impl Cluster {
    /// Warnings that the API server still has; some 10,000 at most.
    pub(super) async fn warnings(&self, namespace: &str) -> Seen<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let events = &events;
        let first = ListParams::default().fields("type=Warning").limit(PAGE);
        let page = |next: Option<String>| {
            let params = match next {
                Some(next) => first.clone().continue_token(&next),
                None => first.clone(),
            };
            async move { events.list(&params).await }
        };
        all(namespace, page).await
    }
}

/// All pages, of which `page` gives the one that begins with this token.
async fn all<F>(namespace: &str, page: impl Fn(Option<String>) -> F) -> Seen<Event>
where
    F: Future<Output = kube::Result<ObjectList<Event>>>,
{
    let mut seen = Seen::default();
    let mut next = None;
    for _ in 0..PAGES {
        match page(next).await {
            Ok(page) => {
                seen.items.extend(page.items);
                next = page.metadata.continue_.filter(|token| !token.is_empty());
            }
            Err(error) => {
                let doing = format!("list events in {namespace}");
                seen.troubles.push(trouble::of(&doing, &error));
                return seen;
            }
        }
        if next.is_none() {
            return seen;
        }
    }
    seen.troubles.push(trouble::trouble(
        format!(
            "could not look at all warnings in {namespace}: there are more than {}",
            seen.items.len()
        ),
        &format!("kubectl -n {namespace} get events --field-selector type=Warning"),
    ));
    seen
}

#[cfg(test)]
mod tests {
    use kube::api::{ListMeta, TypeMeta};

    use super::*;

    /// So many pages of one event each; the token is the number of the page.
    async fn read(pages: usize) -> Seen<Event> {
        let page = |next: Option<String>| async move {
            let number: usize = next.map_or(0, |next| next.parse().unwrap());
            let mut event = Event::default();
            event.metadata.name = Some(number.to_string());
            let more = number + 1 < pages;
            Ok(ObjectList {
                types: TypeMeta::list::<Event>(),
                metadata: ListMeta {
                    continue_: more.then(|| (number + 1).to_string()),
                    ..ListMeta::default()
                },
                items: vec![event],
            })
        };
        all("meetings", page).await
    }

    #[tokio::test]
    async fn every_page_is_read() {
        let seen = read(3).await;
        let names: Vec<_> = seen
            .iter()
            .filter_map(|it| it.metadata.name.clone())
            .collect();
        assert_eq!(names, ["0", "1", "2"]);
        assert!(seen.is_whole());
    }

    #[tokio::test]
    async fn a_flood_of_warnings_is_cut_off_and_said_to_be() {
        let seen = read(PAGES + 1).await;
        assert_eq!(seen.len(), PAGES);
        assert!(seen.troubles[0].what.contains("more than 20"), "{seen:?}");
    }
}
