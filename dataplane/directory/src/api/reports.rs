//! What zones say of themselves. The one way in which a directory learns of them: it connects
//! to nobody.

use axum::Json;
use axum::extract::{Request, State};
use plenum_wire::ZoneName;
use plenum_wire::directory::{Denial, MEETINGS, ReportAnswer, ZoneReport};

use super::auth::{self, ZONE_CREDENTIAL};
use super::extract::InPath;
use super::problem::{Answer, Problem};
use super::{Directory, extract};
use crate::model::Zone;

/// Longest report in bytes: [`MEETINGS`] with names of 40 characters, which are usually of 9.
/// Only who has a zone's credential may send it.
pub const BODY_BYTES: usize = 8 << 20;
/// Seconds after which a zone reports again though nothing has changed.
const REPORT_EVERY_S: u64 = 5;
/// Controllers of one zone, and tunnels, at most.
const ADDRESSES: usize = 32;
/// Longest address in bytes.
const ADDRESS_BYTES: usize = 300;
/// Longest name of a controller in bytes.
const NAME_BYTES: usize = 128;
/// Longest bundle of authorities in bytes.
const AUTHORITY_BYTES: usize = 64 * 1_024;

/// Report how a zone is.
///
/// From each controller of a zone, with the zone's credential as `Bearer`: every five seconds,
/// and when something has changed, once a second at most.
#[utoipa::path(
    operation_id = "report_zone",
    put, path = "/v1/zones/{zone}/report", tag = "zones",
    params(("zone" = String, Path, description = "The zone's name")),
    request_body = ZoneReport,
    responses((status = 200, body = ReportAnswer)),
    security(("zone" = []))
)]
pub async fn report(
    State(directory): State<Directory>,
    InPath(name): InPath<ZoneName>,
    request: Request,
) -> Answer<Json<ReportAnswer>> {
    // Who has no credential is not listened to: the body is not read.
    let presented = auth::bearer(request.headers())?.map(str::to_owned);
    let zone = registered(&directory, &name, presented.as_deref()).await?;
    let report = extract::json(request, BODY_BYTES).await?;
    check(&report).map_err(Problem::bad_request)?;
    directory
        .store()
        .put_report(&zone.name, &report, directory.time())
        .await?;
    directory.heard().notify_one();
    directory.metrics().report();
    Ok(Json(ReportAnswer {
        jwks: directory.keys()?.jwks().clone(),
        report_every_s: REPORT_EVERY_S,
        ended: directory.board().told(&report.meetings, directory.time()),
        expected: directory.board().expected(&zone.name).to_vec(),
    }))
}

/// The zone, if the request has its credential. From memory where it is known: reports are
/// many. One that is not known there may have been registered, or changed, a moment ago.
async fn registered(
    directory: &Directory,
    name: &ZoneName,
    presented: Option<&str>,
) -> Answer<Zone> {
    let wrong = || {
        Problem::from(Denial::SignInRequired)
            .saying("send the zone's credential, made with \"plenum directory zone add\"")
    };
    let secret = presented
        .and_then(|it| it.strip_prefix(ZONE_CREDENTIAL))
        .ok_or_else(wrong)?;
    let fits = |zone: &Zone| zone.credential.matches(secret);
    if let Some(zone) = directory.boards().zone(name).filter(fits) {
        return Ok(zone);
    }
    match directory.store().zone(name).await {
        Err(crate::store::Error::NotFound { .. }) => Err(wrong()),
        found => Some(found?).filter(fits).ok_or_else(wrong),
    }
}

fn check(report: &ZoneReport) -> Result<(), String> {
    if report.controller.is_empty() || report.controller.len() > NAME_BYTES {
        return Err(format!("\"controller\" has 1 to {NAME_BYTES} bytes"));
    }
    for (what, urls) in [
        ("controllers", &report.controllers),
        ("tunnels", &report.tunnels),
    ] {
        if urls.len() > ADDRESSES {
            return Err(format!("there are at most {ADDRESSES} {what}"));
        }
        if let Some(wrong) = urls.iter().find(|url| !is_address(url)) {
            return Err(format!("{what}: write https://HOST[:PORT], not {wrong:?}"));
        }
    }
    let meetings = report.meetings.len();
    if meetings > MEETINGS {
        return Err(format!(
            "a zone reports at most {MEETINGS} meetings, not {meetings}: say those with most people"
        ));
    }
    if report
        .authority
        .as_ref()
        .is_some_and(|pem| pem.len() > AUTHORITY_BYTES)
    {
        return Err(format!("\"authority\" has at most {AUTHORITY_BYTES} bytes"));
    }
    Ok(())
}

/// `https://HOST[:PORT]`, and nothing that clients could be led astray with.
fn is_address(url: &str) -> bool {
    if url.len() > ADDRESS_BYTES {
        return false;
    }
    let Ok(uri) = url.parse::<axum::http::Uri>() else {
        return false;
    };
    let plain_host = uri.host().is_some_and(|host| !host.is_empty());
    let authority = uri.authority().map(axum::http::uri::Authority::as_str);
    let no_user = authority.is_some_and(|authority| !authority.contains('@'));
    let no_path = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    uri.scheme_str() == Some("https") && plain_host && no_user && no_path
}

#[cfg(test)]
mod tests {
    use plenum_wire::directory::RunningMeeting;

    use super::*;

    fn report(meetings: usize) -> ZoneReport {
        let running = |index: usize| RunningMeeting {
            meeting: format!("{}", 10_000_000_000 + index).parse().unwrap(),
            participants: 2,
        };
        ZoneReport {
            controller: "zc-0".to_owned(),
            controllers: vec!["https://a.example.org".to_owned()],
            tunnels: Vec::new(),
            authority: None,
            routers: 2_000,
            capacity: 200_000,
            participants: 200_000,
            meetings: (0..meetings).map(running).collect(),
        }
    }

    #[test]
    fn a_zone_may_have_so_many_meetings_and_they_fit() {
        let most = report(MEETINGS);
        assert_eq!(check(&most), Ok(()));
        assert!(serde_json::to_vec(&most).unwrap().len() < BODY_BYTES);
        let refused = check(&report(MEETINGS + 1)).unwrap_err();
        assert!(
            refused.contains("at most 100000 meetings, not 100001"),
            "{refused}"
        );
    }

    #[test]
    fn an_address_is_a_host_and_nothing_else() {
        for good in [
            "https://a.example.org",
            "https://192.0.2.1:8443",
            "https://[2001:db8::1]",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "a.example.org",
            "http://a.example.org",
            "https://",
            "https://a/path",
            "https://a?query",
            "https://user@a",
            "https://a b",
            "javascript:alert(1)",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
