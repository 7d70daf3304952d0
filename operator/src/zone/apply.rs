//! Step 5: the plan is carried out. What the API server refuses is kept as its own sentence,
//! and the rest goes on; what may go through later is an error, and all of it is tried again.

use std::fmt::Debug;
use std::sync::Arc;

use kube::{Resource, ResourceExt as _};
use plenum_crds::conditions::ZoneReason;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::children::Part;
use super::fetch::Fetched;
use super::plan::Plan;
use super::problems::{Problem, Problems};
use crate::apply::{WriteError, Writer, Written};

/// What became of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// At least one Secret was written.
    pub secrets_changed: bool,
    /// The first refusal of a Secret.
    pub secrets_refused: Option<Problem>,
    /// The first refusal of another child, of each part.
    pub refused: Problems,
}

/// Carries out the plan.
pub async fn apply(writer: &Writer, plan: &Plan, fetched: &Fetched) -> Result<Applied, WriteError> {
    let mut done = Applied::default();
    for (which, secret) in &plan.secrets {
        let held = fetched.secrets.get(which);
        match refusal(write(writer, secret, held).await)? {
            Ok(written) => done.secrets_changed |= written == Written::Changed,
            Err(problem) => {
                // What comes after is signed by what could not be stored.
                done.secrets_refused = Some(problem);
                return Ok(done);
            }
        }
    }
    for service in &plan.services {
        let held = fetched.services.get(&service.name_any());
        done.keep(service, write(writer, service, held).await)?;
    }
    for budget in &plan.budgets {
        let held = fetched.budgets.get(&budget.name_any());
        done.keep(budget, write(writer, budget, held).await)?;
    }
    if let Some(deployment) = &plan.deployment {
        let held = fetched.deployment.as_ref();
        done.keep(deployment, write(writer, deployment, held).await)?;
    }
    if let Some(set) = &plan.stateful_set {
        let held = fetched.stateful_set.as_ref();
        done.keep(set, write(writer, set, held).await)?;
    }
    Ok(done)
}

impl Applied {
    /// Keeps the refusal of a child, if it was refused, for the part that it is of.
    fn keep<K>(&mut self, child: &K, result: Result<Written, WriteError>) -> Result<(), WriteError>
    where
        K: Resource,
    {
        if let Err(problem) = refusal(result)? {
            self.refused.note(Part::of(child), problem);
        }
        Ok(())
    }
}

async fn write<K>(writer: &Writer, wanted: &K, held: Option<&Arc<K>>) -> Result<Written, WriteError>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    writer.apply(wanted, held.map(Arc::as_ref)).await
}

/// Sorts out what trying again would not help.
fn refusal(result: Result<Written, WriteError>) -> Result<Result<Written, Problem>, WriteError> {
    match result {
        Ok(written) => Ok(Ok(written)),
        Err(WriteError::Api {
            what,
            source: kube::Error::Api(status),
        }) if is_refusal(status.code) => {
            let message = format!("{what} was refused: {}", status.message);
            Ok(Err(Problem::new(ZoneReason::ApplyRefused, message)))
        }
        Err(error) => Err(error),
    }
}

/// Bad request, forbidden, not found (the namespace is going), invalid. Conflicts and
/// overload pass by themselves.
fn is_refusal(code: u16) -> bool {
    matches!(code, 400 | 403 | 404 | 405 | 413 | 415 | 422)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16, message: &str) -> Result<Written, WriteError> {
        let status = Status::failure(message, "Reason").with_code(code);
        Err(WriteError::Api {
            what: "Service meetings/berlin-zc (apply)".into(),
            source: kube::Error::Api(Box::new(status)),
        })
    }

    #[test]
    fn a_node_port_that_is_taken_is_told_in_the_words_of_the_api_server() {
        let sentence = "provided port is already allocated";
        let problem = refusal(answer(422, sentence)).unwrap().unwrap_err();
        assert_eq!(problem.reason, ZoneReason::ApplyRefused);
        assert!(problem.message.contains(sentence), "{}", problem.message);
        assert!(problem.message.contains("berlin-zc"), "{}", problem.message);
    }

    #[test]
    fn what_passes_by_itself_is_tried_again() {
        for code in [409, 429, 500, 503, 504] {
            assert!(refusal(answer(code, "later")).is_err(), "{code}");
        }
        let fenced = Err(WriteError::Fenced { what: "x".into() });
        assert!(refusal(fenced).is_err());
    }
}
