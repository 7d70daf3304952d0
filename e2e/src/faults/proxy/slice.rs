//! The part of the API server that one world sees: its namespace, and its nodes. Requests about
//! the whole cluster are narrowed down to it, so that many worlds share one API server and no
//! operator sees another's objects.

/// What a world consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its namespace, and the value of [`WORLD`] on its nodes.
    pub name: String,
}

/// The label by which nodes belong to a world.
pub const WORLD: &str = "faults.plenum.dev/world";

/// Kinds without a namespace that an operator asks for.
const WITHOUT_NAMESPACE: [&str; 3] = ["nodes", "namespaces", "customresourcedefinitions"];

impl Slice {
    /// The path and query to ask the API server for.
    pub fn narrowed(&self, path: &str, query: &str) -> String {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let root = match parts.first() {
            Some(&"api") => 2,
            Some(&"apis") => 3,
            _ => return join(path, query),
        };
        match parts.get(root..).unwrap_or_default() {
            ["nodes"] => join(path, &self.of_this_world(query)),
            [kind] if !WITHOUT_NAMESPACE.contains(kind) => {
                let base = parts[..root].join("/");
                join(&format!("/{base}/namespaces/{}/{kind}", self.name), query)
            }
            _ => join(path, query),
        }
    }

    fn of_this_world(&self, query: &str) -> String {
        let ours = format!("{}%3D{}", WORLD.replace('/', "%2F"), self.name);
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(str::to_owned)
            .collect();
        match pairs.iter_mut().find(|it| it.starts_with("labelSelector=")) {
            Some(selector) => *selector = format!("{selector}%2C{ours}"),
            None => pairs.push(format!("labelSelector={ours}")),
        }
        pairs.join("&")
    }
}

fn join(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_cluster_becomes_one_world() {
        let slice = Slice { name: "w7".into() };
        let asked = |path, query| slice.narrowed(path, query);
        assert_eq!(
            asked("/apis/apps/v1/daemonsets", "watch=true"),
            "/apis/apps/v1/namespaces/w7/daemonsets?watch=true"
        );
        assert_eq!(asked("/api/v1/pods", ""), "/api/v1/namespaces/w7/pods");
        let world = "faults.plenum.dev%2Fworld%3Dw7";
        assert_eq!(
            asked("/api/v1/nodes", "limit=500&labelSelector=a%3Db"),
            format!("/api/v1/nodes?limit=500&labelSelector=a%3Db%2C{world}")
        );
        assert_eq!(
            asked("/api/v1/nodes", ""),
            format!("/api/v1/nodes?labelSelector={world}")
        );
    }

    #[test]
    fn what_names_its_object_stays() {
        let slice = Slice { name: "w7".into() };
        for path in [
            "/api/v1/nodes/n1",
            "/api/v1/namespaces/w7/secrets",
            "/apis/apps/v1/namespaces/w7/daemonsets/d",
            "/readyz",
        ] {
            assert_eq!(slice.narrowed(path, "a=b"), format!("{path}?a=b"));
        }
    }
}
