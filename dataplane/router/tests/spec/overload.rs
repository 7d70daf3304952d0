//! A router that has more to do than it can.
//!
//! | file | idea |
//! |---|---|
//! | `admission` | who comes in, and who is told that nobody does |
//! | `pictures` | what is left out |
//! | `model` | voices and screens never are, whatever happens |
//! | `three` | three people who send everything to each other |

mod admission;
mod model;
mod pictures;
mod three;

use std::time::Duration;

use plenum_router::{Input, Output, OverloadStep, Strain};

use crate::house::House;

const SAMPLE: Duration = Duration::from_millis(100);

/// So many samples of how busy it is, and of packets lost, as there are few people; what the
/// router did about them.
fn strain(house: &mut House, samples: u32, busy: f32) -> Vec<Output> {
    let mut out = Vec::new();
    for _ in 0..samples {
        out.extend(house.pass(SAMPLE));
        house.handle(Input::Strain(Strain {
            busy,
            dropped: 1,
            ..Strain::default()
        }));
        out.extend(house.take());
    }
    out
}

#[test]
fn what_the_kernel_dropped_is_counted_whatever_it_means() {
    let mut house = House::new(10);
    for _ in 0..3 {
        house.handle(Input::Strain(Strain {
            busy: 0.1,
            dropped: 5,
            ..Strain::default()
        }));
    }
    assert_eq!(house.shard.counters().overload.dropped_by_kernel, 15);
    assert_eq!(house.shard.overload(), OverloadStep::Open);
}
