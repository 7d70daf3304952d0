//! What describes the directory itself: its public keys, its OpenAPI document, rendered docs.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, http};
use plenum_wire::directory::{Denial, DirectoryProblem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Built, Ref, RefOr, Response as Described};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use super::Directory;
use super::problem::{Answer, Problem};

/// The public keys are fetched again after an hour: a key is shown a day before it signs.
const JWKS_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Nothing from another host, and nothing that is written into the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// The public keys of the directory's tokens.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "joining",
    responses((status = 200, description = "A JWK Set (RFC 7517)", body = Object)),
    security(())
)]
pub async fn jwks(State(directory): State<Directory>) -> Answer<Response> {
    let keys = directory.keys()?;
    Ok(([(CACHE_CONTROL, JWKS_CACHE)], Json(keys.jwks())).into_response())
}

/// The head of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plenum directory",
        description = "Accounts, meetings, schedules and zones, and the lookup that starts every join. Errors are RFC 9457 `application/problem+json`; programs go by `code`. Lists come in pages: send `next` as `cursor`. What has an `ETag` may be changed with `If-Match`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "joining", description = "From a meeting's number to the zones that host it"),
        (name = "signing in", description = "Sessions, and API tokens for programs"),
        (name = "accounts", description = "People"),
        (name = "meetings", description = "Meetings, and who waits before them"),
        (name = "zones", description = "The registry of zones, and their reports"),
        (name = "replicas", description = "What replicas pull"),
    ),
    components(schemas(DirectoryProblem)),
    modifiers(&Credentials)
)]
pub struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Built) {
        let components = document.components.get_or_insert_default();
        for (name, says) in [
            ("bearer", "A session of POST /v1/sessions, or an API token"),
            ("zone", "The credential of a zone"),
        ] {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(says))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

/// Says of every operation what its answers are: that it may fail, and how that looks.
pub fn with_problems(document: &mut Built) {
    let problem = || {
        let schema = Ref::from_schema_name("DirectoryProblem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let mut described = Described::new("An error (RFC 9457)");
        described
            .content
            .insert("application/problem+json".to_owned(), content.into());
        described
    };
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                if let RefOr::T(response) = response {
                    describe(status, response);
                }
            }
            responses.insert("default".to_owned(), problem().into());
        }
    }
}

/// OpenAPI 3.1 wants a description of every response.
fn describe(status: &str, response: &mut Described) {
    if response.description.is_empty() {
        let says = match status {
            "201" => "It was made",
            "204" => "It is done",
            _ => "What was asked for",
        };
        says.clone_into(&mut response.description);
    }
}

/// `/openapi.json` and `/docs`.
pub fn docs(document: &Built) -> Router<Directory> {
    let text: Arc<str> = super::written(document).into();
    let config = Arc::new(Config::from("/openapi.json"));
    Router::new()
        .route("/openapi.json", get(move || async move { json(&text) }))
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route(
            "/docs/",
            get({
                let config = Arc::clone(&config);
                move || async move { page("index.html", config) }
            }),
        )
        .route(
            "/docs/{*file}",
            get(move |Path(file): Path<String>| async move { page(&file, config) }),
        )
}

fn json(text: &str) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], text.to_owned()).into_response()
}

fn page(file: &str, config: Arc<Config<'static>>) -> Response {
    let found = utoipa_swagger_ui::serve(file, config).ok().flatten();
    let Some(found) = found else {
        return Problem::from(Denial::NotFound).into_response();
    };
    let kind = HeaderValue::from_str(&found.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (http::StatusCode::OK, headers, found.bytes.into_owned()).into_response()
}
