//! The forms that names, labels and images have, as CEL rules with the sentence shown when they are
//! broken.

use kube::core::Rule;

/// `metadata.name` becomes the beginning of the names of Services (RFC 1035 labels) and of pods,
/// whose labels hold 63 characters: 40 leaves room for every ending that is added.
pub(crate) fn object_name() -> Rule {
    Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')").message(
        "metadata.name begins the names of Services and pods: \
         write at most 40 lower-case letters, digits and '-', beginning with a letter",
    )
}

/// An image reference has no spaces; whether it can be pulled only the node knows.
pub(crate) fn image() -> Rule {
    Rule::new("self.matches('^[^\\\\s]+$')").message(
        "write an image reference without spaces, such as registry.example/plenum:1.2.3, \
         or leave image out to use the operator's own",
    )
}

/// Values of the map `field`.
pub(crate) fn label_values(field: &str) -> Rule {
    let message = format!(
        "values of {field} are label values: write letters, digits, '-', '_' and '.', beginning and \
         ending with a letter or digit"
    );
    Rule::new("self.all(k, self[k].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'))")
        .message(message.as_str())
}

/// The operator finds its pods by these.
pub(crate) fn labels_leave_the_operators() -> Rule {
    Rule::new("self.all(k, !k.startsWith('plenum.dev/') && !k.startsWith('app.kubernetes.io/'))")
        .message(
            "labels that begin with plenum.dev/ or app.kubernetes.io/ are the operator's: \
             write yours with a prefix of your own, or without one",
        )
}

/// The operator tells by these what a pod was made from, and where clients reach it.
pub(crate) fn annotations_leave_the_operators() -> Rule {
    Rule::new("self.all(k, !k.startsWith('plenum.dev/'))").message(
        "annotations that begin with plenum.dev/ are the operator's: \
         write yours with a prefix of your own, or without one",
    )
}
