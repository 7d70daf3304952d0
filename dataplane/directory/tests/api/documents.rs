//! What the directory says of itself.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::house::{House, Place};

pub async fn the_openapi_document_describes_every_path(place: Place) {
    let house = House::open(&place).await;
    let document: Value = house.client.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/lookup",
        "/v1/sessions",
        "/v1/sessions/current",
        "/v1/me",
        "/v1/users/{id}",
        "/v1/api-tokens",
        "/v1/meetings",
        "/v1/meetings/{id}",
        "/v1/meetings/{id}/waiting",
        "/v1/zones",
        "/v1/zones/{zone}/report",
        "/v1/replica/changes",
        "/.well-known/jwks.json",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for operation in paths
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
    {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        assert!(
            !operation["summary"].as_str().unwrap_or_default().is_empty(),
            "{id}"
        );
        assert!(
            operation["responses"]["default"]["content"]["application/problem+json"].is_object()
        );
        for response in operation["responses"].as_object().unwrap().values() {
            let says = response["description"].as_str().unwrap_or_default();
            assert!(!says.is_empty(), "{id}: wanted by OpenAPI 3.1");
        }
        let text = operation.to_string();
        let references = text.split("#/components/schemas/").skip(1);
        for name in references.map(|it| it.split('"').next().unwrap()) {
            assert!(schemas.contains_key(name), "{id}: {name}");
        }
    }
    for (path, item) in paths {
        let documented = item.as_object().unwrap().keys().cloned();
        assert_eq!(methods(&house, path).await, documented.collect(), "{path}");
    }
    let denials = schemas["Denial"].to_string();
    assert!(denials.contains("waiting_for_host"), "{denials}");
}

/// What the router itself says that it takes there.
async fn methods(house: &House, path: &str) -> BTreeSet<String> {
    let path = path.replace(['{', '}'], "");
    let wrong = house.client.request("BREW", &path).send().await;
    assert_eq!(wrong.status, 405, "{path}");
    let allowed = wrong.header("allow").unwrap().to_lowercase();
    // Everybody answers HEAD where they answer GET (RFC 9110 section 9.1).
    let allowed = allowed.split(',').filter(|method| *method != "head");
    allowed.map(str::to_owned).collect()
}

pub async fn docs_come_from_nowhere_else(place: Place) {
    let house = House::open(&place).await;
    let moved = house.client.get("/docs").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, Some("/docs/"))
    );
    let page = house.client.get("/docs/").await;
    let html = page.text();
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"));
    assert!(
        !html.contains("//") || !html.contains("src=\"http"),
        "{html}"
    );
    let mut files = 0;
    for part in html.split(['"', '\'']).filter(|it| it.starts_with("./")) {
        let file = house.client.get(&format!("/docs/{}", &part[2..])).await;
        assert_eq!(file.status, 200, "{part}");
        files += 1;
    }
    assert!(files >= 3, "{html}");
    let begins = house
        .client
        .get("/docs/swagger-initializer.js")
        .await
        .text();
    assert!(begins.contains("/openapi.json"), "{begins}");
    assert_eq!(house.client.get("/docs/none").await.problem().status, 404);
    assert_eq!(
        house
            .client
            .get("/docs/../openapi.json")
            .await
            .problem()
            .status,
        404
    );
}
