//! Processes of a directory whose own clocks are wrong: what time it is, the database says. With
//! `SQLite` there is one clock, that of the machine.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use plenum_wire::directory::TokenClaims;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::house::{House, Place, meeting};
use crate::http::Client;
use crate::postgres::Postgres;

/// An hour is wrong; so much may be a slow machine.
const ABOUT: SignedDuration = SignedDuration::from_mins(20);
/// Seen from a database whose clock is an hour behind, ours is an hour ahead.
const AN_HOUR_BEHIND: &str = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz
    LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() - interval ''1 hour'''";
const AN_HOUR_AHEAD: &str = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz
    LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''1 hour'''";

async fn set_clock(url: &str, clock: &'static str) {
    let pool = PgPool::connect(url).await.unwrap();
    // Before what is built in, which is otherwise found first.
    let first = "ALTER ROLE plenum SET search_path = public, pg_catalog";
    for statement in [first, clock] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

pub async fn a_process_an_hour_off_goes_by_the_databases_clock(programs: PathBuf) {
    let server = Postgres::start(programs);
    for (clock, off) in [(AN_HOUR_BEHIND, -1), (AN_HOUR_AHEAD, 1)] {
        let url = server.database();
        set_clock(&url, clock).await;
        let house = House::open(&Place::url(url)).await;
        let time = house.store().time().await.unwrap();
        let expected = Timestamp::now() + SignedDuration::from_hours(off);
        assert!(is_about(time, expected), "{time} is not {expected}");
        goes_by_the_databases_clock(&house).await;
    }
}

fn is_about(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() < ABOUT
}

async fn goes_by_the_databases_clock(house: &House) {
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let time = house.store().time().await.unwrap();

    let lookup = house.client.look_up(json!({ "meeting": number })).await;
    let claims = claims(&lookup.json());
    let issued = Timestamp::from_second(claims.iat.try_into().unwrap()).unwrap();
    assert!(is_about(issued, time), "a token of {issued}, at {time}");

    let session = sign_in(house, &admin).await;
    let expires: Timestamp = session["expires"].as_str().unwrap().parse().unwrap();
    let day = time + SignedDuration::from_hours(24);
    assert!(is_about(expires, day), "a session until {expires}");

    zone.report(json!({})).await;
    house.directory.sweep().await.unwrap();
    let heard = house.store().reports(time - ABOUT).await.unwrap();
    assert_eq!(heard.len(), 1, "a sweep spares what was just said");
    zone.until_state(&admin, "healthy").await;
}

async fn sign_in(house: &House, admin: &Client) -> Value {
    let ada = json!({ "name": "ada", "password": "correct horse" });
    assert_eq!(admin.post("/v1/users", ada.clone()).await.status, 201);
    let begun: Value = house.client.post("/v1/sessions", ada).await.json();
    begun["session"].clone()
}

fn claims(lookup: &Value) -> TokenClaims {
    let token = lookup["token"].as_str().unwrap();
    jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap()
}
