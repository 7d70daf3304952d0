//! What happens to which request.

use std::fmt;
use std::time::Duration;

use http::Method;

/// What kind of question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Of one object.
    Get,
    /// Of all of a kind.
    List,
    /// What changes from now on.
    Watch,
    /// It is to change something.
    Write,
}

/// A request, as a script sees it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which run of which operator asks.
    pub operator: u32,
    /// Its place among all requests of the world, from 1.
    pub number: u64,
    /// Its place among those that write, from 1, without the Lease's; 0 for others.
    pub write: u64,
    /// What it is.
    pub verb: Verb,
    /// Its method.
    pub method: Method,
    /// Its path, as the operator wrote it.
    pub path: String,
    /// Its query.
    pub query: String,
}

impl Asked {
    /// Whether it is about the Lease by which operators elect their leader.
    pub fn is_lease(&self) -> bool {
        self.path.contains("/leases")
    }

    /// Whether it is the first list of a cache.
    pub fn fills_a_cache(&self) -> bool {
        self.verb == Verb::List && self.query.contains("limit=500")
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "#{} op{} {:?} {} {}",
            self.number, self.operator, self.verb, self.method, self.path
        )
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Pass,
    /// It is answered after a while.
    Late(Duration),
    /// It is not done, and answered with this status.
    Refuse(u16),
    /// It is not done and never answered.
    Hang,
    /// It is done and never answered.
    DoneHang,
    /// It is not done, and its connection breaks.
    Lost,
    /// It is done, and its connection breaks before the answer.
    DoneLost,
    /// It is done, and the operator is killed before it hears so.
    DoneCrash,
    /// Its connection breaks now, and it is done all the same after a while.
    Ghost(Duration),
    /// A list as it was at this version of the store.
    Old(String),
}

/// Decides about each request in turn.
pub type Script = Box<dyn FnMut(&Asked) -> Fate + Send>;

/// Everything is answered.
pub fn calm() -> Script {
    Box::new(|_| Fate::Pass)
}

/// Which kind of question a request is.
pub fn verb(method: &Method, path: &str, query: &str) -> Verb {
    if *method != Method::GET {
        return Verb::Write;
    }
    if query
        .split('&')
        .any(|pair| pair == "watch=true" || pair == "watch=1")
    {
        return Verb::Watch;
    }
    // .../namespaces/NAME/KIND and .../VERSION/KIND are lists; one part more names an object.
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let root = if parts.first() == Some(&"api") { 2 } else { 3 };
    let rest = parts.get(root..).unwrap_or_default();
    match rest {
        [_] | ["namespaces", _, _] => Verb::List,
        _ => Verb::Get,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_watches_and_objects_are_told_apart() {
        let read = |path, query| verb(&Method::GET, path, query);
        assert_eq!(read("/api/v1/nodes", "limit=500"), Verb::List);
        assert_eq!(read("/api/v1/namespaces/n/pods", ""), Verb::List);
        assert_eq!(read("/apis/apps/v1/daemonsets", "watch=true"), Verb::Watch);
        assert_eq!(read("/api/v1/nodes/n1", ""), Verb::Get);
        assert_eq!(read("/api/v1/namespaces/n/secrets/s", ""), Verb::Get);
        assert_eq!(verb(&Method::PATCH, "/api/v1/nodes/n1", ""), Verb::Write);
    }
}
