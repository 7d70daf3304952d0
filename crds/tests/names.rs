//! Names that others match on: labels fit into Kubernetes, words are stable.

use plenum_crds::conditions::{DrainReason, PoolCondition, PoolReason, ZoneCondition, ZoneReason};
use plenum_crds::labels::{ActivePool, POD_ACCEPTING};

#[test]
fn the_label_of_active_nodes_names_namespace_and_pool() {
    assert_eq!(
        ActivePool::new("meetings", "routers").unwrap().as_str(),
        "meetings.routers"
    );
}

#[test]
fn a_label_that_would_not_fit_is_refused_with_what_to_shorten() {
    let (fits, long) = ("n".repeat(22), "n".repeat(23));
    let pool = "p".repeat(40);
    assert_eq!(
        ActivePool::new(&fits, &pool).unwrap().as_str().len(),
        ActivePool::MAX_BYTES
    );
    let refused = ActivePool::new(&long, &pool).unwrap_err().to_string();
    assert!(
        refused.contains("64 characters") && refused.contains("shorter namespace"),
        "{refused}"
    );
}

/// Kubernetes refuses a reason that does not match `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`.
#[test]
fn reasons_and_types_are_camel_case_words() {
    let words = ZoneCondition::ALL
        .iter()
        .map(|word| word.as_str())
        .chain(ZoneReason::ALL.iter().map(|word| word.as_str()))
        .chain(PoolCondition::ALL.iter().map(|word| word.as_str()))
        .chain(PoolReason::ALL.iter().map(|word| word.as_str()))
        .chain(DrainReason::ALL.iter().map(|word| word.as_str()));
    for word in words {
        assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
        assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
    }
}

#[test]
fn a_word_read_back_is_the_variant_that_wrote_it() {
    for reason in DrainReason::ALL {
        assert_eq!(DrainReason::from_word(&reason.to_string()), Some(*reason));
    }
    assert_eq!(DrainReason::from_word("Whim"), None);
    assert_eq!(ZoneCondition::Ready.as_str(), "Ready");
    assert_eq!(POD_ACCEPTING, "plenum.dev/Accepting");
}
