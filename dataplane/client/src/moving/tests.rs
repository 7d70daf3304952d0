//! What a participant lives through, in simulated time.
//!
//! | file | idea |
//! |---|---|
//! | `joining` | from the first question to the first router |
//! | `moves` | from one router to another |
//! | `coming_back` | the router is gone |
//! | `another_network` | the network is another one |
//! | `model` | whatever happens in whatever order |

mod another_network;
mod coming_back;
mod joining;
mod model;
mod moves;

use std::net::Ipv4Addr;

use plenum_wire::join::Endpoint;
use plenum_wire::{Fingerprint, FlowId, Flows};

use super::*;

fn offer(router: &str) -> Box<Offer> {
    let flow = FlowId::new(1).unwrap();
    Box::new(Offer {
        meeting: "meeting".parse().unwrap(),
        participant: "me".parse().unwrap(),
        router: router.parse().unwrap(),
        endpoint: Endpoint {
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            https_port: 443,
            media_port: 8801,
            fingerprint: Fingerprint([0; 32]),
        },
        flows: Flows {
            audio: flow,
            video: flow,
            content: flow,
        },
        ticket: format!("ticket for {router}"),
    })
}

fn router(name: &str) -> RouterId {
    name.parse().unwrap()
}

struct Participant {
    moving: Moving,
    now: Instant,
}

impl Participant {
    fn new() -> Self {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(15);
        Self {
            moving: Moving::new(now, deadline, 1),
            now,
        }
    }

    fn on(name: &str) -> Self {
        let mut me = Self::new();
        me.input(Input::Answer(Ok(offer(name))));
        me.input(Input::Complete(LegId(0)));
        me.done();
        me
    }

    /// On `a`, with the second leg to `b` open.
    fn moving() -> Self {
        let mut me = Self::on("a");
        me.input(Input::Migrate(LegId(0), offer("b")));
        me.done();
        me
    }

    fn input(&mut self, input: Input) {
        self.moving.handle(input, self.now);
    }

    fn done(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.moving.poll()).collect()
    }
}

fn broke() -> Cause {
    Cause::Broke("the connection ended".to_owned())
}

fn close(leg: u32, bye: bool) -> Output {
    Output::Close {
        leg: LegId(leg),
        bye,
    }
}

fn ended(ok: bool, name: &str) -> Output {
    let router = router(name);
    Output::Tell(News::MoveEnded { ok, router })
}

fn full() -> JoinError {
    refused(plenum_wire::join::Refusal::ZoneFull)
}

fn meeting_ended() -> JoinError {
    refused(plenum_wire::join::Refusal::MeetingEnded)
}

fn over() -> JoinError {
    let code = plenum_wire::directory::Denial::Over;
    JoinError::Denied {
        meeting: "meeting".parse().unwrap(),
        problem: plenum_wire::directory::DirectoryProblem::new(code, ""),
    }
}

fn refused(code: plenum_wire::join::Refusal) -> JoinError {
    let problem = plenum_wire::join::Problem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: String::new(),
    };
    JoinError::refused(
        &"meeting".parse().unwrap(),
        problem,
        9,
        Duration::from_secs(15),
    )
}
