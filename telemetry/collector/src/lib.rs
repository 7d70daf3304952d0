//! For tests: a collector of traces. It takes what processes export by OTLP over gRPC, and tells
//! tests what came.
//!
//! ```no_run
//! # async fn example() {
//! let collector = plenum_collector::Collector::start().await;
//! // A process with OTEL_EXPORTER_OTLP_ENDPOINT set to collector.endpoint() does something.
//! let join = collector.until(|spans| spans.iter().find(|span| span.name == "join").cloned());
//! assert_eq!(join.await.service, "plenum-join");
//! # }
//! ```

mod span;

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status};

pub use span::{Kind, Span};

/// The method that exporters call.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);

/// A collector that runs until it is dropped.
pub struct Collector {
    endpoint: String,
    spans: watch::Receiver<Vec<Span>>,
    _serving: AbortOnDropHandle<()>,
}

impl Collector {
    /// One on a port of its own of this machine.
    ///
    /// # Panics
    /// Where there is no port left.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port of this machine");
        let address = listener.local_addr().expect("it listens");
        let (keep, spans) = watch::channel(Vec::new());
        let service = TraceServiceServer::new(Receiving(keep));
        let app = Router::new().route_service(EXPORT, service);
        let serving = tokio::spawn(async move {
            axum::serve(listener, app)
                .await
                .expect("it serves for ever");
        });
        Self {
            endpoint: format!("http://{address}"),
            spans,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Everything that has come.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Waits until something is found in what has come.
    ///
    /// # Panics
    /// When it is not there after two minutes, with what is.
    pub async fn until<T>(&self, find: impl Fn(&[Span]) -> Option<T>) -> T {
        let mut spans = self.spans.clone();
        let found = async {
            loop {
                if let Some(found) = find(&spans.borrow_and_update()) {
                    return found;
                }
                spans.changed().await.expect("the collector runs");
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await.ok();
        found.unwrap_or_else(|| panic!("it never came; what came is {:#?}", self.spans()))
    }
}

struct Receiving(watch::Sender<Vec<Span>>);

#[tonic::async_trait]
impl TraceService for Receiving {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let came = request.into_inner().resource_spans;
        self.0
            .send_modify(|spans| spans.extend(came.into_iter().flat_map(span::read)));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
