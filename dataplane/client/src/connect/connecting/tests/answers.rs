//! What those who are asked answer.

use std::time::Duration;

use plenum_transport::route::ProxyProblem;
use plenum_wire::directory::{Denial, DirectoryProblem};
use plenum_wire::join::{Endpoint, Offer, Problem, Refusal};
use plenum_wire::{Fingerprint, FlowId, Flows};

use crate::connect::words::{Failure, Fault, Setback, Unanswered};

pub fn failure(fault: Fault) -> Failure {
    Failure {
        fault,
        at: "https://somebody.example".to_owned(),
        reason: format!("{fault:?}"),
        proxy: match fault {
            Fault::ProxyAway => Some(ProxyProblem::TimedOut),
            Fault::ProxyForbids => Some(ProxyProblem::NotAProxy("says hello".to_owned())),
            Fault::ProxyLogin => Some(ProxyProblem::CredentialsRefused {
                schemes: Vec::new(),
            }),
            _ => None,
        },
    }
}

pub fn denied(code: Denial, after: Option<Duration>) -> Unanswered {
    let problem = DirectoryProblem {
        waiting: (code == Denial::WaitingForHost).then(|| "proof".to_owned()),
        ..DirectoryProblem::new(code, "")
    };
    Unanswered::Denied(problem, after)
}

pub fn refused(code: Refusal, after: Option<Duration>) -> Setback {
    let problem = Problem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: "Detail.".to_owned(),
    };
    Setback::Refused(problem, after)
}

pub fn offer() -> Box<Offer> {
    let flow = |number| FlowId::new(number).unwrap();
    Box::new(Offer {
        meeting: "4711".parse().unwrap(),
        participant: "p".parse().unwrap(),
        router: "r".parse().unwrap(),
        endpoint: Endpoint {
            addresses: Vec::new(),
            https_port: 443,
            media_port: 8801,
            fingerprint: Fingerprint([0; 32]),
        },
        flows: Flows {
            audio: flow(1),
            video: flow(2),
            content: flow(3),
        },
        ticket: "t".to_owned(),
    })
}
