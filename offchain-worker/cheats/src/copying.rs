//! A judge that repeats its fellows.

use std::{
	collections::BTreeSet,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use livepeer_primitives::{
	api::JudgeAnswer,
	offchain::{VerifyStatus, VerifyTask},
	verdict::{Evidence, Verdict, Verdicts},
	AccountId, ClaimId,
};
use livepeer_worker::verify::Answers;
use livepeer_worker_core::{ports::judgements::Judgements, roles::verify::QueueFull};

/// Calls everything valid, with the newest evidence that a fellow has revealed. That of its own claim is
/// revealed when it is too late to commit, so what it repeats is of another claim or ballot; as long as
/// there is none it goes on waiting.
pub struct Copying {
	heard: Arc<Mutex<Heard>>,
}

/// What it knows of its fellows.
#[derive(Default)]
struct Heard {
	/// The judge itself, once it was asked.
	own: Option<AccountId>,
	/// Claims that it was asked about and that are not closed.
	claims: BTreeSet<ClaimId>,
	/// The newest evidence of another.
	evidence: Option<Evidence>,
}

impl Copying {
	/// Listens on the chain from now on.
	pub fn new(chain: Arc<dyn Judgements>) -> Self {
		let heard = Arc::default();
		tokio::spawn(listen(chain, Arc::clone(&heard)));
		Self { heard }
	}
}

impl Answers for Copying {
	fn post(&self, task: VerifyTask) -> Result<VerifyStatus, QueueFull> {
		let mut heard = lock(&self.heard);
		heard.claims.insert(task.claim);
		heard.own = Some(task.verifier);
		let Some(evidence) = heard.evidence else { return Ok(VerifyStatus::Working) };
		let verdicts = Verdicts::truncate_from(vec![Verdict::Valid; task.leaves.len()]);
		Ok(VerifyStatus::Done { verdicts, evidence })
	}
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
	heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads with each block what others have revealed.
async fn listen(chain: Arc<dyn Judgements>, heard: Arc<Mutex<Heard>>) {
	let mut heads = chain.heads();
	while heads.changed().await.is_ok() {
		let best = heads.borrow_and_update().best_hash;
		let (own, claims) = {
			let heard = lock(&heard);
			(heard.own.clone(), heard.claims.clone())
		};
		for claim in claims {
			let ballots = match chain.judgement(best, claim).await {
				Ok(Some(view)) => view.ballots,
				Ok(None) => {
					lock(&heard).claims.remove(&claim);
					continue;
				}
				// The node is asked again with its next block.
				Err(_) => continue,
			};
			let judges = ballots.into_iter().flat_map(|ballot| ballot.judges);
			let fellows = judges.filter(|judge| Some(&judge.account) != own.as_ref());
			let mut revealed = fellows.filter_map(|judge| match judge.answer {
				JudgeAnswer::Revealed { evidence, .. } => Some(evidence),
				JudgeAnswer::Silent | JudgeAnswer::Committed { .. } => None,
			});
			if let Some(evidence) = revealed.next_back() {
				lock(&heard).evidence = Some(evidence);
			}
		}
	}
}
