//! What the planner promises, case by case: one file for each thing that it does.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod addresses;
mod addresses_waited_for;
mod anticipating;
mod ending;
mod giving_back;
mod growing;
mod growing_dead;
mod known_ahead;
mod nodes;
mod overload;
mod requested;
mod rollout;
mod rollout_dead;
mod rollout_halted;
mod saying;
mod shrinking;
mod silent;
mod silent_bound;
mod silent_nodes;
mod silent_to_some;
mod started_anew;
mod unheard;
mod unplaced;
mod world;
