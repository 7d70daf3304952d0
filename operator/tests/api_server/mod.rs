//! An API server in memory: it keeps what is created or replaced, tells which rights its
//! requests needed, and can be told not to answer. It knows of no schema, no authorization and
//! no conflicts, patches change nothing that is there, and nothing happens in its watches.

// Each test uses its part of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body as Answer, Bytes, to_bytes};
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use plenum_operator::metrics::Metrics;
use plenum_operator::requests::Bounds;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What a request needs the right for: group, resource with subresource, verb.
pub type Right = (String, String, String);

/// What was asked for by a path such as `/apis/apps/v1/namespaces/n/daemonsets/d/status`.
struct Target {
    group: String,
    resource: String,
    subresource: Option<String>,
    /// Of the object without its subresource, or of the collection.
    path: String,
    named: bool,
}

impl Target {
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => (String::new(), rest),
            ["apis", group, _, rest @ ..] => ((*group).to_owned(), rest),
            _ => panic!("no path of the API: {path}"),
        };
        let rest = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            rest => rest,
        };
        let subresource = rest.get(2).map(|part| (*part).to_owned());
        let object = match &subresource {
            Some(part) => path.strip_suffix(part.as_str()).unwrap_or(path),
            None => path,
        };
        Self {
            group,
            resource: rest[0].to_owned(),
            subresource,
            path: object.trim_end_matches('/').to_owned(),
            named: rest.len() > 1,
        }
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    /// Requests whose method and path contain this are never answered.
    deaf_to: Option<String>,
}

/// The server. Its clones are the same one.
#[derive(Clone)]
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    used: Arc<watch::Sender<BTreeSet<Right>>>,
}

impl ApiServer {
    pub fn new(objects: &[(&str, Value)]) -> Self {
        let objects = objects
            .iter()
            .map(|(path, object)| ((*path).to_owned(), object.clone()));
        Self {
            state: Arc::new(Mutex::new(State {
                objects: objects.collect(),
                deaf_to: None,
            })),
            used: Arc::default(),
        }
    }

    /// A client such as the operator's.
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request| server.clone().answer(request));
        let metrics = Arc::new(Metrics::default());
        ClientBuilder::new(service, "default")
            .with_layer(&Bounds { metrics })
            .build()
    }

    /// Never answers requests of which `METHOD /path` contains `what`.
    pub fn be_deaf_to(&self, what: Option<&str>) {
        self.state.lock().unwrap().deaf_to = what.map(str::to_owned);
    }

    pub fn object(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    /// The rights that were needed up to now; changes wake whoever watches.
    pub fn used(&self) -> watch::Receiver<BTreeSet<Right>> {
        self.used.subscribe()
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Answer>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(Answer::new(body), usize::MAX).await.unwrap();
        let line = format!("{} {}", parts.method, parts.uri.path());
        let deaf = self.state.lock().unwrap().deaf_to.clone();
        if deaf.is_some_and(|what| line.contains(&what)) {
            std::future::pending::<()>().await;
        }
        let target = Target::of(parts.uri.path());
        let query = parts.uri.query().unwrap_or_default();
        let watches = query.contains("watch=true");
        let (verb, answer) = match parts.method {
            Method::GET if watches => ("watch", Ok(None)),
            Method::GET if target.named => ("get", self.get(&target)),
            Method::GET => ("list", Ok(Some(self.list(&target)))),
            Method::POST => ("create", Ok(Some(self.create(&target, &body)))),
            Method::PUT => ("update", Ok(Some(self.put(&target, &body)))),
            Method::PATCH => {
                let kept = self.object(&target.path);
                if kept.is_none() {
                    // What the API server asks for besides patch where it has to create.
                    self.note(&target, "create");
                }
                let kept = kept.unwrap_or_else(|| self.put(&target, &body));
                ("patch", Ok(Some(kept)))
            }
            Method::DELETE => ("delete", self.get(&target)),
            ref other => panic!("the operator does not {other}"),
        };
        self.note(&target, verb);
        Ok(respond(answer))
    }

    fn note(&self, target: &Target, verb: &str) {
        let resource = match &target.subresource {
            Some(part) => format!("{}/{part}", target.resource),
            None => target.resource.clone(),
        };
        let right = (target.group.clone(), resource, verb.to_owned());
        self.used.send_if_modified(|used| used.insert(right));
    }

    fn get(&self, target: &Target) -> Result<Option<Value>, StatusCode> {
        let found = self.object(&target.path).ok_or(StatusCode::NOT_FOUND);
        found.map(Some)
    }

    fn list(&self, target: &Target) -> Value {
        let state = self.state.lock().unwrap();
        let ours = |path: &&String| {
            let other = Target::of(path);
            other.group == target.group && other.resource == target.resource
        };
        let items: Vec<&Value> = state
            .objects
            .keys()
            .filter(ours)
            .map(|path| &state.objects[path])
            .collect();
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
    }

    fn create(&self, target: &Target, body: &Bytes) -> Value {
        let object: Value = serde_json::from_slice(body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{}/{name}", target.path);
        self.keep(path, object)
    }

    fn put(&self, target: &Target, body: &Bytes) -> Value {
        let object: Value = serde_json::from_slice(body).unwrap();
        self.keep(target.path.clone(), object)
    }

    fn keep(&self, path: String, mut object: Value) -> Value {
        object["metadata"]["resourceVersion"] = "1".into();
        let mut state = self.state.lock().unwrap();
        state.objects.insert(path, object.clone());
        object
    }
}

/// `None` is a watch in which nothing happens.
fn respond(answer: Result<Option<Value>, StatusCode>) -> Response<Answer> {
    match answer {
        Ok(Some(value)) => Response::new(value.to_string().into()),
        Ok(None) => {
            let silence = futures_util::stream::pending::<Result<Bytes, Infallible>>();
            Response::new(Answer::from_stream(silence))
        }
        Err(status) => {
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "reason": "NotFound", "message": "not found", "code": status.as_u16()});
            let mut response = Response::new(body.to_string().into());
            *response.status_mut() = status;
            response
        }
    }
}
