//! The registry of zones, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ipnet::IpNet;
use jiff::Timestamp;
use plenum_wire::ZoneName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Directory;
use super::auth::{self, Admin};
use super::board::Board;
use super::etag::{IfMatch, Versioned};
use super::extract::{Body, Change, InPath, InQuery};
use super::paging::{Items, PageQuery};
use super::problem::{Answer, Problem};
use crate::lookup::State as Health;
use crate::model::{Coordinates, NewZone, Secret, Zone};
use crate::random;

/// The weight of a zone where nobody says otherwise.
pub const USUAL_WEIGHT: u16 = 100;

/// A place on the globe, in degrees.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Location {
    /// North.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// East.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
}

impl From<Coordinates> for Location {
    fn from(place: Coordinates) -> Self {
        Self {
            latitude: place.latitude(),
            longitude: place.longitude(),
        }
    }
}

impl TryFrom<Location> for Coordinates {
    type Error = Problem;
    fn try_from(place: Location) -> Answer<Self> {
        Self::new(place.latitude, place.longitude)
            .map_err(|error| Problem::bad_request(error.to_string()))
    }
}

/// How a zone is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZoneState {
    /// It takes people.
    Healthy,
    /// The directory has just begun to listen, and has not heard of it yet.
    Unheard,
    /// It answers, and none of its routers takes people.
    NoRouters,
    /// Its last report is more than 15 s old.
    Silent,
    /// It has never reported.
    NeverHeard,
}

/// A zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneView {
    /// Its name.
    name: ZoneName,
    /// Networks whose people belong there.
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24"]))]
    networks: Vec<IpNet>,
    /// Where it is.
    location: Option<Location>,
    /// Its share beside others that are as good; 0 is the last resort.
    weight: u16,
    /// Whether meetings begin there. Those that run there go on, and people still join them.
    enabled: bool,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// How it is.
    state: ZoneState,
    /// When it was heard of last.
    #[schema(value_type = Option<String>, format = DateTime)]
    heard: Option<Timestamp>,
    /// Routers that take people.
    routers: u32,
    /// People there is room for.
    capacity: u32,
    /// People inside.
    participants: u32,
    /// Its controllers.
    controllers: Vec<String>,
    /// Its tunnels.
    tunnels: Vec<String>,
}

impl ZoneView {
    fn of(zone: Zone, board: &Board, at: Timestamp) -> Self {
        let health = board.health(&zone.name, at);
        let state = health.as_ref().map_or(Health::NeverHeard, |it| it.state);
        let count =
            |count: fn(&super::board::ZoneHealth<'_>) -> u32| health.as_ref().map_or(0, count);
        let texts = |texts: Option<&[String]>| texts.unwrap_or_default().to_vec();
        Self {
            state: match state {
                Health::Healthy => ZoneState::Healthy,
                Health::Unheard => ZoneState::Unheard,
                Health::NoRouters => ZoneState::NoRouters,
                Health::Silent(_) => ZoneState::Silent,
                Health::NeverHeard => ZoneState::NeverHeard,
            },
            heard: health.as_ref().and_then(|it| it.heard),
            routers: count(|it| it.routers),
            capacity: count(|it| it.capacity),
            participants: count(|it| it.participants),
            controllers: texts(health.as_ref().map(|it| it.controllers)),
            tunnels: texts(health.as_ref().map(|it| it.tunnels)),
            name: zone.name,
            networks: zone.networks,
            location: zone.location.map(Location::from),
            weight: zone.weight,
            enabled: zone.enabled,
            created: zone.created,
        }
    }

    fn versioned(zone: Zone, directory: &Directory) -> Versioned<Self> {
        Versioned(
            zone.revision,
            Self::of(zone, &directory.board(), directory.time()),
        )
    }
}

/// What may be said of a zone; what is left out stays, or is as usual.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ZoneWishes {
    /// Networks whose people belong there.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    networks: Option<Vec<IpNet>>,
    /// Where it is; `null` if nobody knows.
    #[serde(default)]
    #[schema(value_type = Option<Location>)]
    location: Change<Location>,
    /// Its share beside others that are as good; 0 is the last resort; usually 100.
    #[serde(default)]
    #[schema(maximum = 65535)]
    weight: Option<u16>,
    /// Whether meetings begin there; usually they do. Those that run there go on, and people
    /// still join them.
    #[serde(default)]
    enabled: Option<bool>,
}

impl ZoneWishes {
    fn check(&self) -> Answer<()> {
        let networks = self.networks.as_ref().map_or(0, Vec::len);
        if networks > Zone::NETWORKS {
            let most = Zone::NETWORKS;
            return Err(Problem::bad_request(format!(
                "a zone has at most {most} networks"
            )));
        }
        Ok(())
    }

    fn place(&self) -> Answer<Change<Coordinates>> {
        self.location.try_map(Coordinates::try_from)
    }
}

/// A zone to be registered.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewZoneView {
    /// Its name: `<namespace>.<name>` in Kubernetes.
    name: ZoneName,
    /// What else is said of it.
    #[serde(flatten)]
    wishes: ZoneWishes,
}

/// A zone, and the credential that its controllers report with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Registered {
    /// To be given to the zone's controllers. Shown this once.
    credential: String,
    /// The zone.
    #[serde(flatten)]
    zone: ZoneView,
}

fn registered(secret: &Secret, zone: Zone, directory: &Directory) -> Versioned<Registered> {
    let Versioned(revision, zone) = ZoneView::versioned(zone, directory);
    let credential = auth::shown(auth::ZONE_CREDENTIAL, secret);
    Versioned(revision, Registered { credential, zone })
}

/// List zones.
#[utoipa::path(
    operation_id = "list_zones",
    get, path = "/v1/zones", tag = "zones", params(PageQuery),
    responses((status = 200, body = Items<ZoneView>)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    _: Admin,
    InQuery(page): InQuery<PageQuery>,
) -> Answer<Json<Items<ZoneView>>> {
    let listed = directory.store().zones(&page.page()?).await?;
    let (board, now) = (directory.board(), directory.time());
    Ok(Json(Items::of(listed, |zone| {
        ZoneView::of(zone, &board, now)
    })))
}

/// Register a zone.
#[utoipa::path(
    operation_id = "create_zone",
    post, path = "/v1/zones", tag = "zones",
    request_body = NewZoneView,
    responses((status = 201, body = Registered, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn create(
    State(directory): State<Directory>,
    _: Admin,
    Body(NewZoneView { name, wishes }): Body<NewZoneView>,
) -> Answer<(StatusCode, Versioned<Registered>)> {
    directory.writable()?;
    wishes.check()?;
    let secret = random::secret();
    let zone = NewZone {
        name,
        credential: secret.hash(),
        location: wishes.place()?.after(None),
        networks: wishes.networks.unwrap_or_default(),
        weight: wishes.weight.unwrap_or(USUAL_WEIGHT),
        enabled: wishes.enabled.unwrap_or(true),
    };
    let zone = directory.store().add_zone(zone, directory.time()).await?;
    // One of that name may have been removed a moment ago.
    directory.zone_changed(&zone.name, zone.revision);
    Ok((StatusCode::CREATED, registered(&secret, zone, &directory)))
}

/// Read a zone.
#[utoipa::path(
    operation_id = "read_zone",
    get, path = "/v1/zones/{zone}", tag = "zones",
    params(("zone" = String, Path, description = "The zone's name")),
    responses((status = 200, body = ZoneView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn read(
    State(directory): State<Directory>,
    _: Admin,
    InPath(name): InPath<ZoneName>,
) -> Answer<Versioned<ZoneView>> {
    let zone = directory.store().zone(&name).await?;
    Ok(ZoneView::versioned(zone, &directory))
}

/// Change a zone.
#[utoipa::path(
    operation_id = "change_zone",
    patch, path = "/v1/zones/{zone}", tag = "zones",
    params(
        ("zone" = String, Path, description = "The zone's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
    ),
    request_body = ZoneWishes,
    responses((status = 200, body = ZoneView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn change(
    State(directory): State<Directory>,
    _: Admin,
    InPath(name): InPath<ZoneName>,
    if_match: IfMatch,
    Body(wishes): Body<ZoneWishes>,
) -> Answer<Versioned<ZoneView>> {
    directory.writable()?;
    wishes.check()?;
    let mut zone = directory.store().zone(&name).await?;
    if_match.check(zone.revision)?;
    zone.location = wishes.place()?.after(zone.location);
    if let Some(networks) = wishes.networks {
        zone.networks = networks;
    }
    if let Some(weight) = wishes.weight {
        zone.weight = weight;
    }
    if let Some(enabled) = wishes.enabled {
        zone.enabled = enabled;
    }
    let changed = directory.store().change_zone(&zone).await;
    let zone = changed.map_err(|error| if_match.late(error))?;
    directory.zone_changed(&zone.name, zone.revision);
    Ok(ZoneView::versioned(zone, &directory))
}

/// Make another credential for a zone. The old one opens nothing from now on.
///
/// Other processes of this directory, and its replicas, know that within seconds.
#[utoipa::path(
    operation_id = "renew_zone_credential",
    post, path = "/v1/zones/{zone}/credential", tag = "zones",
    params(
        ("zone" = String, Path, description = "The zone's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
    ),
    responses((status = 200, body = Registered, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn renew_credential(
    State(directory): State<Directory>,
    _: Admin,
    InPath(name): InPath<ZoneName>,
    if_match: IfMatch,
) -> Answer<Versioned<Registered>> {
    directory.writable()?;
    let mut zone = directory.store().zone(&name).await?;
    if_match.check(zone.revision)?;
    let secret = random::secret();
    zone.credential = secret.hash();
    let changed = directory.store().change_zone(&zone).await;
    let zone = changed.map_err(|error| if_match.late(error))?;
    directory.zone_changed(&zone.name, zone.revision);
    Ok(registered(&secret, zone, &directory))
}

/// Take a zone out of the registry. Its credential opens nothing from now on.
#[utoipa::path(
    operation_id = "remove_zone",
    delete, path = "/v1/zones/{zone}", tag = "zones",
    params(
        ("zone" = String, Path, description = "The zone's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is deleted"),
    ),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn remove(
    State(directory): State<Directory>,
    _: Admin,
    InPath(name): InPath<ZoneName>,
    if_match: IfMatch,
) -> Answer<StatusCode> {
    directory.writable()?;
    let zone = directory.store().zone(&name).await?;
    let still = if_match.still(zone.revision)?;
    let removed = directory.store().delete_zone(&name, still).await;
    let revision = removed.map_err(|error| if_match.late(error))?;
    directory.zone_changed(&name, revision);
    Ok(StatusCode::NO_CONTENT)
}
