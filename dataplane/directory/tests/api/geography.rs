//! Where people are, by a file and by what proxies say.

use std::net::IpAddr;

use ipnet::IpNet;
use mmdb_writer::Writer;
use plenum_directory::geo::{GeoError, GeoFile};
use serde_json::{Value, json};

use crate::house::{House, Place, config, meeting, zones};
use crate::http::Client;

/// A file as the field's makers write them, in which each network is at its place.
fn database(kind: &str, places: &[(&str, f64, f64)]) -> Vec<u8> {
    let mut writer = Writer::new(kind);
    for (network, latitude, longitude) in places {
        let record = json!({
            "city": { "names": { "en": "Somewhere" } },
            "location": { "latitude": latitude, "longitude": longitude, "time_zone": "UTC" },
        });
        writer
            .insert(network.parse::<IpNet>().unwrap(), &record)
            .unwrap();
    }
    writer.to_bytes().unwrap()
}

const BERLIN: (f64, f64) = (52.5, 13.4);
const SYDNEY: (f64, f64) = (-33.9, 151.2);

async fn order(client: &Client, address: &str, number: &str) -> Vec<String> {
    let body = json!({ "meeting": number });
    let request = client
        .request("POST", "/v1/lookup")
        .header("x-forwarded-for", address);
    let lookup: Value = request.json(&body).send().await.json();
    zones(&lookup).into_iter().map(str::to_owned).collect()
}

async fn two_zones(house: &House) -> String {
    let admin = house.admin().await;
    let at = |(latitude, longitude): (f64, f64)| json!({ "location": { "latitude": latitude, "longitude": longitude } });
    house.zone(&admin, "eu.berlin", at(BERLIN)).await;
    house.zone(&admin, "au.sydney", at(SYDNEY)).await;
    meeting(&admin, json!({})).await
}

pub async fn the_nearest_zone_comes_first_and_a_new_file_counts(place: Place) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("cities.mmdb");
    let (north, south) = (
        ("192.0.2.0/24", BERLIN.0, BERLIN.1),
        ("2001:db8::/32", SYDNEY.0, SYDNEY.1),
    );
    std::fs::write(&path, database("GeoLite2-City", &[north, south])).unwrap();
    let geo = GeoFile::open(&path).unwrap();
    let mut config = config();
    config.geo = Some(geo.clone());
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let house = House::with(&place, config).await;
    let number = two_zones(&house).await;
    assert_eq!(
        order(&house.client, "192.0.2.7", &number).await,
        ["eu.berlin", "au.sydney"]
    );
    assert_eq!(
        order(&house.client, "2001:db8::7", &number).await,
        ["au.sydney", "eu.berlin"]
    );

    std::fs::write(&path, "broken").unwrap();
    geo.reload().await;
    assert_eq!(
        order(&house.client, "2001:db8::7", &number).await[0],
        "au.sydney",
        "the last one stays"
    );
    let moved = ("192.0.2.0/24", SYDNEY.0, SYDNEY.1);
    std::fs::write(&path, database("GeoLite2-City", &[moved])).unwrap();
    geo.reload().await;
    assert_eq!(
        order(&house.client, "192.0.2.7", &number).await[0],
        "au.sydney"
    );
    assert_eq!(geo.locate("198.51.100.1".parse::<IpAddr>().unwrap()), None);
    refused(&files.path().join("none.mmdb"));
    for (name, contents) in [
        ("text.mmdb", b"no database".to_vec()),
        ("asn.mmdb", database("GeoLite2-ASN", &[north])),
        ("empty.mmdb", Vec::new()),
    ] {
        let path = files.path().join(name);
        std::fs::write(&path, contents).unwrap();
        refused(&path);
    }
}

fn refused(path: &std::path::Path) {
    let error: GeoError = GeoFile::open(path).unwrap_err();
    let named = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(named), "{error}");
}

pub async fn a_proxy_is_believed_only_if_it_is_ours(place: Place) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("cities.mmdb");
    let far = ("192.0.2.0/24", SYDNEY.0, SYDNEY.1);
    let here = ("127.0.0.0/8", BERLIN.0, BERLIN.1);
    std::fs::write(&path, database("GeoIP2-City", &[far, here])).unwrap();
    let mut config = config();
    config.geo = Some(GeoFile::open(&path).unwrap());
    config.trusted_proxies = vec!["127.0.0.3/32".parse().unwrap()];
    let house = House::with(&place, config).await;
    let number = two_zones(&house).await;
    let proxy = house.client.from(3);
    assert_eq!(order(&proxy, "192.0.2.7", &number).await[0], "au.sydney");
    assert_eq!(
        order(&proxy, "192.0.2.7, 127.0.0.1", &number).await[0],
        "eu.berlin"
    );
    assert_eq!(
        order(&house.client.from(4), "192.0.2.7", &number).await[0],
        "eu.berlin"
    );
}
