//! Which meetings run where, on the health port: for people who look after the zone.
//!
//! Kept for [`GOOD_FOR`] and made by one at a time: however often it is asked for, the broker
//! has its time for joins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use plenum_wire::whereabouts::PATH;
use tokio::sync::Mutex;

use super::core::Ask;

/// How old an answer may be: people look every few seconds.
const GOOD_FOR: Duration = Duration::from_secs(1);

struct Desk {
    ask: Ask,
    last: Mutex<Option<(Instant, Bytes)>>,
}

/// The one path.
pub fn app(ask: Ask) -> Router {
    let last = Mutex::default();
    Router::new()
        .route(PATH, get(whereabouts))
        .with_state(Arc::new(Desk { ask, last }))
}

async fn whereabouts(State(desk): State<Arc<Desk>>) -> Response {
    match desk.told().await {
        Some(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the broker has stopped\n").into_response(),
    }
}

impl Desk {
    async fn told(&self) -> Option<Bytes> {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < GOOD_FOR
        {
            return Some(text.clone());
        }
        let whereabouts = self.ask.whereabouts().await?;
        let text = Bytes::from(serde_json::to_vec(&whereabouts).ok()?);
        *last = Some((Instant::now(), text.clone()));
        Some(text)
    }
}
