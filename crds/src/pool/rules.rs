//! What the API server refuses of a pool, and the sentence that it says.

use kube::core::Rule;

// Messages are fixed texts: an expression that puts a number into one costs more than the API
// server's whole budget for a schema.

pub(super) fn minimum_below_maximum() -> Rule {
    Rule::new("self.minRouters <= self.maxRouters")
        .field_path(".minRouters")
        .message("minRouters is above maxRouters: raise maxRouters or lower minRouters")
}

pub(super) fn replicas_in_range() -> Rule {
    Rule::new(
        "!has(self.replicas) || \
         (self.minRouters <= self.replicas && self.replicas <= self.maxRouters)",
    )
    .field_path(".replicas")
    .message(
        "replicas must lie between minRouters and maxRouters: \
         choose a number between them, or move the bound first",
    )
}

pub(super) fn ports_differ() -> Rule {
    Rule::new(
        "self.httpsPort != self.mediaPort && self.httpsPort != self.healthPort \
         && self.mediaPort != self.healthPort",
    )
    .message(
        "httpsPort, mediaPort and healthPort are ports of the same node: give each its own number, \
         for example 443, 8801 and 9808",
    )
}

pub(super) fn zone_is_immutable() -> Rule {
    Rule::new("self == oldSelf").message(
        "the people on these routers are in meetings of the old zone: \
         leave zone as it is, and create another pool for the other zone",
    )
}

pub(super) fn selector_is_not_empty() -> Rule {
    Rule::new("size(self) > 0").message(
        "an empty nodeSelector would put routers on every node: \
         write a label that only nodes for routers carry, for example plenum.dev/routers: \"true\"",
    )
}

pub(super) fn selector_leaves_the_active_label() -> Rule {
    Rule::new("!('plenum.dev/active-pool' in self)").message(
        "the operator itself writes plenum.dev/active-pool when a node becomes active: \
         select by a label that you set, for example plenum.dev/routers: \"true\"",
    )
}

pub(super) fn five_fields() -> Rule {
    Rule::new("self.matches('^[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4}$')").message(
        "cron has five fields with one space between: minute, hour, day of month, month and day \
         of week, for example 50 7 * * MON-FRI",
    )
}

pub(super) fn time_zone() -> Rule {
    Rule::new("self.matches('^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$')").message(
        "timeZone is a name of the IANA database, for example Europe/Berlin or UTC: \
         write it as there, without spaces",
    )
}
