//! The forms that names and images have, as CEL rules with the sentence shown when they are broken.

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
