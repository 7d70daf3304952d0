//! What Prometheus sees of a router. Labels have few values: kind, rung, reason.

mod connections;
#[cfg(test)]
mod documented;

use std::fmt;

use plenum_router::OverloadStep;
use plenum_transport::{https, media};
use plenum_wire::{Kind, Rung};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

use super::engine::Status;

/// Clock ticks a second in `/proc`: `USER_HZ`, part of Linux's ABI.
const USER_HZ: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Metrics {
    status: watch::Receiver<Status>,
    https: https::Counters,
}

impl Metrics {
    pub(super) const fn new(status: watch::Receiver<Status>, https: https::Counters) -> Self {
        Self { status, https }
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let status = self.status.borrow();
        let mut page = Page(&mut encoder);
        state(&mut page, &status)?;
        packets(&mut page, &status)?;
        people(&mut page, &status)?;
        strain(&mut page, &status)?;
        connections::write(&mut page, &status.media, &self.https)?;
        if let Some(seconds) = cpu_seconds() {
            page.seconds("process_cpu", "Processor time used, all threads", seconds)?;
        }
        Ok(())
    }
}

fn state(page: &mut Page, status: &Status) -> fmt::Result {
    let load = status.load;
    let gauges: [(&str, &str, u64); 6] = [
        (
            "plenum_participants",
            "Participants on this router",
            load.participants.into(),
        ),
        (
            "plenum_participants_limit",
            "Participants it takes at most",
            load.capacity.into(),
        ),
        ("plenum_meetings", "Meetings here", status.meetings as u64),
        (
            "plenum_accepting",
            "1 when it takes new meetings",
            load.accepting.into(),
        ),
        (
            "plenum_draining",
            "1 when it shall be empty",
            load.draining.into(),
        ),
        (
            "plenum_controller_links",
            "Links to controllers that are up",
            status.links as u64,
        ),
    ];
    gauges
        .into_iter()
        .try_for_each(|(name, help, value)| page.gauge(name, help, &[("", "", value)]))
}

fn packets(page: &mut Page, status: &Status) -> fmt::Result {
    let by_kind = |of: fn(&plenum_router::Media) -> u64| {
        Kind::ALL.map(|kind| ("kind", kind.as_str(), of(status.counters.of(kind))))
    };
    let help = "Packets received on a participant's flow";
    page.counter("plenum_packets_in", help, &by_kind(|m| m.packets_in))?;
    let help = "Bytes of packets received";
    page.counter("plenum_bytes_in", help, &by_kind(|m| m.bytes_in))?;
    let help = "RTCP packets received";
    page.counter("plenum_rtcp_in", help, &by_kind(|m| m.rtcp_in))?;
    let help = "Requests of receivers for packets again";
    page.counter("plenum_nacks_in", help, &by_kind(|m| m.nacks_in))?;
    let help = "Packets sent again to receivers, counted as forwarded too";
    page.counter("plenum_packets_repaired", help, &by_kind(|m| m.repaired))?;
    let help = "Requests to publishers for packets that did not come";
    page.counter("plenum_nacks_out", help, &by_kind(|m| m.nacks_out))?;
    let help = "Wishes of receivers for a key frame";
    page.counter("plenum_key_frames_in", help, &by_kind(|m| m.key_frames_in))?;
    let help = "Wishes for a key frame passed on to publishers";
    page.counter(
        "plenum_key_frames_out",
        help,
        &by_kind(|m| m.key_frames_out),
    )?;
    let help = "Times that a receiver got another layer of a track, or its first";
    page.counter("plenum_layer_changes", help, &by_kind(|m| m.cuts))?;
    let help = "Copies sent to learn whether there is room for more, counted as forwarded too";
    page.counter("plenum_packets_probing", help, &by_kind(|m| m.probes))?;
    let help = "Packets forwarded, once for each receiver";
    page.counter("plenum_packets_out", help, &by_kind(|m| m.packets_out))?;
    let help = "Bytes of packets forwarded";
    page.counter("plenum_bytes_out", help, &by_kind(|m| m.bytes_out))?;
    let dropped = status.counters.dropped;
    let of_rungs = |of: fn(&media::RungCounters) -> u64| -> u64 {
        Rung::ALL
            .iter()
            .map(|&rung| of(status.media.of(rung)))
            .sum()
    };
    let reasons = [
        ("reason", "unknown_flow", dropped.unknown_flow),
        ("reason", "closed_connection", dropped.closed_connection),
        ("reason", "malformed", dropped.malformed),
        ("reason", "unpublished", dropped.unpublished),
        ("reason", "wrong_ssrc", dropped.wrong_ssrc),
        ("reason", "not_among_loudest", dropped.not_among_loudest),
        ("reason", "not_wanted", dropped.not_wanted),
        ("reason", "shed", dropped.shed),
        (
            "reason",
            "receive_buffer",
            status.counters.overload.dropped_by_kernel,
        ),
        ("reason", "router_too_slow", of_rungs(|it| it.dropped_in)),
        (
            "reason",
            "between_cores_in",
            of_rungs(|it| it.dropped_between_in),
        ),
        (
            "reason",
            "between_cores_out",
            of_rungs(|it| it.dropped_between_out),
        ),
        (
            "reason",
            "between_cores_unread",
            of_rungs(|it| it.dropped_unread),
        ),
        ("reason", "receiver_too_slow", of_rungs(|it| it.dropped_out)),
    ];
    page.counter("plenum_packets_dropped", "Packets dropped", &reasons)
}

fn strain(page: &mut Page, status: &Status) -> fmt::Result {
    let plain = |value| [("", "", value)];
    let help = "What it does about too much to do, from 0, nothing, to 3";
    page.gauge("plenum_overload_step", help, &plain(status.overload as u64))?;
    let entered = status.counters.overload.entered;
    let steps = OverloadStep::ALL.map(|step| ("step", step.as_str(), entered[step as usize]));
    let help = "Times that each of these steps was begun";
    page.counter("plenum_overload_steps", help, &steps)?;
    let media::Strain {
        busy, limit_used, ..
    } = status.strain;
    let help = "Share of time in which the busiest media thread worked, of the last 100 ms";
    page.ratio("plenum_media_busy_ratio", help, busy.into())?;
    let help = "Share of its CPU limit that the router used in the last 100 ms, 0 without a limit";
    page.ratio("plenum_cpu_limit_used_ratio", help, limit_used.into())?;
    let help = "Room for what comes in while a media thread is busy, in the smallest socket";
    page.gauge(
        "plenum_receive_buffer_bytes",
        help,
        &plain(status.receive_buffer as u64),
    )
}

fn people(page: &mut Page, status: &Status) -> fmt::Result {
    let counters = &status.counters;
    let plain = |value| [("", "", value)];
    let help = "Participants admitted";
    page.counter("plenum_joins", help, &plain(counters.joined))?;
    let help = "Participants admitted that came from another router by a move";
    page.counter("plenum_joins_moved", help, &plain(counters.moved_in))?;
    let help = "Control messages that were no messages";
    page.counter("plenum_bad_messages", help, &plain(counters.bad_messages))?;
    let refused = counters.refused;
    let reasons = [
        ("code", "hello_expected", refused.hello_expected),
        ("code", "ticket_forged", refused.ticket_forged),
        ("code", "ticket_expired", refused.ticket_expired),
        ("code", "ticket_foreign", refused.ticket_foreign),
        ("code", "router_full", refused.router_full),
        ("code", "router_draining", refused.router_draining),
        ("code", "router_overloaded", refused.router_overloaded),
        ("code", "replaced", refused.replaced),
        ("code", "meeting_ended", refused.meeting_ended),
        ("code", "too_fast", refused.too_fast),
    ];
    let help = "Control channels refused or ended by this router";
    page.counter("plenum_control_refused", help, &reasons)?;
    let moves = counters.moves;
    let results = [
        ("result", "started", moves.started),
        ("result", "succeeded", moves.succeeded),
        ("result", "failed", moves.failed),
    ];
    let help = "Moves of meetings away from this router";
    page.counter("plenum_moves", help, &results)?;
    let help = "Participants moved away in moves that succeeded";
    page.counter("plenum_moved_away", help, &plain(moves.participants))
}

/// One label with its value, and the number; an empty label is none.
type Sample<'a> = (&'a str, &'a str, u64);

struct Page<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Page<'_, '_> {
    fn counter(&mut self, name: &str, help: &str, samples: &[Sample]) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Counter,
            samples,
            |value, encoder| ConstCounter::new(value).encode(encoder),
        )
    }

    fn gauge(&mut self, name: &str, help: &str, samples: &[Sample]) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, samples, |value, encoder| {
            ConstGauge::new(value).encode(encoder)
        })
    }

    fn ratio(&mut self, name: &str, help: &str, ratio: f64) -> fmt::Result {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(ratio).encode(encoder)
    }

    fn seconds(&mut self, name: &str, help: &str, seconds: f64) -> fmt::Result {
        let unit = Some(&prometheus_client::registry::Unit::Seconds);
        let metric = ConstCounter::new(seconds);
        let encoder = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Counter)?;
        metric.encode(encoder)
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: &[Sample],
        write: impl Fn(u64, MetricEncoder) -> fmt::Result,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for &(label, text, value) in samples {
            if label.is_empty() {
                return write(value, encoder);
            }
            write(value, encoder.encode_family(&[(label, text)])?)?;
        }
        Ok(())
    }
}

/// Of the whole process, user and system; `None` where there is no `/proc`.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15 of proc_pid_stat(5); the name in parentheses may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some((ticks()? + ticks()?) / USER_HZ)
}
