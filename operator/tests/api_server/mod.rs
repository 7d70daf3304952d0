//! An API server in memory: it keeps what is created or replaced, tells which rights its
//! requests needed and what was written, and can be told not to answer. It knows of no schema,
//! no authorization and no conflicts. One that was made by [`ApiServer::new`] keeps no patches
//! of what is there, and nothing happens in its watches; see [`ApiServer::that_applies`].
//!
//! | file | idea |
//! |---|---|
//! | [`store`] | what is kept, and what changed since when |

// Each test uses its part of it.
#![allow(dead_code)]

mod store;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body as Answer, Bytes, to_bytes};
use futures_util::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use plenum_operator::context::{Context, Image};
use plenum_operator::lease::Candidate;
use plenum_operator::metrics::Metrics;
use plenum_operator::requests::Bounds;
use plenum_operator::{pool, zone};
use serde_json::{Value, json};
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a request needs the right for: group, resource with subresource, verb.
pub type Right = (String, String, String);

/// What was asked for by a path such as `/apis/apps/v1/namespaces/n/daemonsets/d/status`.
#[derive(Clone)]
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

    /// Whether an object is of the kind that was asked for.
    fn is_of(&self, path: &str) -> bool {
        let other = Self::of(path);
        other.group == self.group && other.resource == self.resource
    }
}

#[derive(Default)]
struct State {
    store: Store,
    /// Whether patches of what is there are kept, and watches tell of changes.
    applies: bool,
    /// Requests whose method and path contain this are never answered.
    deaf_to: Option<String>,
    /// Methods and paths of those that write.
    writes: Vec<String>,
    /// Paths of single objects that were read.
    reads: Vec<String>,
    /// To which traces they say that they belong.
    traceparents: Vec<String>,
}

/// The server. Its clones are the same one.
#[derive(Clone)]
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    used: Arc<watch::Sender<BTreeSet<Right>>>,
    /// The version of the last change.
    changed: Arc<watch::Sender<u64>>,
}

impl ApiServer {
    pub fn new(objects: &[(&str, Value)]) -> Self {
        Self::with(objects, false)
    }

    /// One that keeps patches, too, and tells of changes. Fields that an apply leaves out stay.
    pub fn that_applies(objects: &[(&str, Value)]) -> Self {
        Self::with(objects, true)
    }

    fn with(objects: &[(&str, Value)], applies: bool) -> Self {
        let mut store = Store::default();
        for (path, object) in objects {
            store.put(path, object.clone());
        }
        let state = State {
            store,
            applies,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            used: Arc::default(),
            changed: Arc::default(),
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
        self.state.lock().unwrap().store.get(path).cloned()
    }

    /// Somebody else changes an object.
    pub fn edit(&self, path: &str, change: impl Fn(&mut Value)) {
        self.keep(path, |store, path| {
            let mut object = store.get(path).unwrap().clone();
            change(&mut object);
            store.put(path, object)
        });
    }

    /// Somebody else creates an object.
    pub fn add(&self, path: &str, object: &Value) {
        self.keep(path, |store, path| store.put(path, object.clone()));
    }

    /// Method and path of every request up to now that was to change something.
    pub fn writes(&self) -> Vec<String> {
        self.state.lock().unwrap().writes.clone()
    }

    /// How often this object was asked for by its name up to now.
    pub fn reads(&self, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.reads.iter().filter(|read| *read == path).count()
    }

    /// The traces that those requests said to belong to.
    pub fn traceparents(&self) -> Vec<String> {
        self.state.lock().unwrap().traceparents.clone()
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
        if parts.method != Method::GET {
            let said = parts.headers.get("traceparent");
            let said = said.map(|said| said.to_str().unwrap().to_owned());
            let mut state = self.state.lock().unwrap();
            state.writes.push(line);
            state.traceparents.extend(said);
        }
        let target = Target::of(parts.uri.path());
        let query = parts.uri.query().unwrap_or_default();
        if query.contains("watch=true") {
            self.note(&target, "watch");
            return Ok(self.watch(target, query));
        }
        let (verb, answer) = match parts.method {
            Method::GET if target.named => ("get", self.get(&target)),
            Method::GET => ("list", Ok(self.list(&target))),
            Method::POST => ("create", Ok(self.create(&target, &body))),
            Method::PUT => ("update", Ok(self.put(&target, &body))),
            Method::PATCH => {
                let kept = self.object(&target.path);
                if kept.is_none() {
                    // What the API server asks for besides patch where it has to create.
                    self.note(&target, "create");
                }
                let kept = match kept {
                    Some(_) if self.state.lock().unwrap().applies => self.apply(&target, &body),
                    Some(kept) => kept,
                    None => self.put(&target, &body),
                };
                ("patch", Ok(kept))
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

    fn get(&self, target: &Target) -> Result<Value, StatusCode> {
        self.state.lock().unwrap().reads.push(target.path.clone());
        self.object(&target.path).ok_or(StatusCode::NOT_FOUND)
    }

    fn list(&self, target: &Target) -> Value {
        let state = self.state.lock().unwrap();
        let items: Vec<&Value> = state
            .store
            .objects()
            .filter(|(path, _)| target.is_of(path))
            .map(|(_, object)| object)
            .collect();
        let version = state.store.version().to_string();
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
    }

    fn create(&self, target: &Target, body: &Bytes) -> Value {
        let object: Value = serde_json::from_slice(body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap();
        self.keep(&format!("{}/{name}", target.path), |store, path| {
            store.put(path, object.clone())
        })
    }

    fn put(&self, target: &Target, body: &Bytes) -> Value {
        let object: Value = serde_json::from_slice(body).unwrap();
        self.keep(&target.path, |store, path| store.put(path, object.clone()))
    }

    fn apply(&self, target: &Target, body: &Bytes) -> Value {
        let fields: Value = serde_json::from_slice(body).unwrap();
        self.keep(&target.path, |store, path| store.apply(path, &fields))
    }

    fn keep(&self, path: &str, change: impl Fn(&mut Store, &str) -> Value) -> Value {
        let mut state = self.state.lock().unwrap();
        let kept = change(&mut state.store, path);
        self.changed.send_replace(state.store.version());
        kept
    }

    /// A watch; it never ends.
    fn watch(&self, target: Target, query: &str) -> Response<Answer> {
        let version = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("resourceVersion="));
        let since: u64 = version.and_then(|since| since.parse().ok()).unwrap_or(0);
        if !self.state.lock().unwrap().applies {
            let silence = futures_util::stream::pending::<Result<Bytes, Infallible>>();
            return Response::new(Answer::from_stream(silence));
        }
        let (server, changed) = (self.clone(), self.changed.subscribe());
        let events = futures_util::stream::unfold((since, changed), move |(since, mut changed)| {
            let (server, target) = (server.clone(), target.clone());
            async move {
                changed.wait_for(|version| *version > since).await.ok()?;
                let state = server.state.lock().unwrap();
                let ours = state.store.since(since);
                let lines = ours.filter(|(path, _)| target.is_of(path));
                let text: Vec<String> = lines.map(|(_, event)| format!("{event}\n")).collect();
                Some((
                    Bytes::from(text.concat()),
                    (state.store.version(), changed.clone()),
                ))
            }
        });
        // A piece without bytes would be taken for the end.
        let events = events.filter(|text| std::future::ready(!text.is_empty()));
        Response::new(Answer::from_stream(events.map(Ok::<_, Infallible>)))
    }
}

/// Leads as an operator does, until it is dropped.
pub async fn operate(server: ApiServer) {
    let candidate = Candidate::new(server.client(), "n", "l", "me");
    let image = Image {
        name: "plenum:1".into(),
        ..Image::default()
    };
    let metrics = Arc::new(Metrics::default());
    let context = Context::new(server.client(), candidate.fence(), metrics, "me", image);
    let work = |term: CancellationToken| {
        let context = context.clone();
        async move {
            tokio::join!(
                zone::run(context.clone(), term.clone()),
                pool::run(context, term)
            );
        }
    };
    candidate.lead(&CancellationToken::new(), work).await;
}

fn respond(answer: Result<Value, StatusCode>) -> Response<Answer> {
    match answer {
        Ok(value) => Response::new(value.to_string().into()),
        Err(status) => {
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "reason": "NotFound", "message": "not found", "code": status.as_u16()});
            let mut response = Response::new(body.to_string().into());
            *response.status_mut() = status;
            response
        }
    }
}
