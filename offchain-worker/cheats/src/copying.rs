//! A judge that repeats its fellows.

use std::{
	collections::BTreeSet,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use livepeer_primitives::{
	api::{BallotView, JudgeAnswer},
	offchain::{ToolchainsAnswer, ToolchainsQuestion, VerifyStatus, VerifyTask},
	verdict::{Evidence, Verdict, Verdicts},
	AccountId, ClaimId,
};
use livepeer_worker::verify::Answers;
use livepeer_worker_core::{ports::judgements::Judgements, roles::verify::QueueFull};

/// Calls everything valid, with the newest evidence that a fellow has revealed. Its own claim's evidence is
/// revealed too late to commit, so it repeats evidence of another claim or ballot, and waits until there is
/// some.
pub struct Copying {
	/// The honest service, for toolchains.
	service: Arc<dyn Answers>,
	heard: Arc<Mutex<Heard>>,
}

/// Its knowledge of its fellows.
#[derive(Default)]
struct Heard {
	/// The judge itself, once it got a task.
	own: Option<AccountId>,
	/// Its tasks' claims that are not closed.
	claims: BTreeSet<ClaimId>,
	/// The newest evidence of another.
	evidence: Option<Evidence>,
}

impl Copying {
	/// Listens on the chain from now on, replacing `service`.
	pub fn new(chain: Arc<dyn Judgements>, service: Arc<dyn Answers>) -> Self {
		let heard = Arc::default();
		tokio::spawn(listen(chain, Arc::clone(&heard)));
		Self { service, heard }
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

	fn toolchains(&self, question: ToolchainsQuestion) -> ToolchainsAnswer {
		self.service.toolchains(question)
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
				// The node posts the task again with its next block.
				Err(_) => continue,
			};
			if let Some(evidence) = revealed(&ballots, own.as_ref()) {
				lock(&heard).evidence = Some(evidence);
			}
		}
	}
}

/// The evidence that others than this judge have revealed in the newest of a claim's ballots.
fn revealed(ballots: &[BallotView], own: Option<&AccountId>) -> Option<Evidence> {
	let judges = ballots.iter().flat_map(|ballot| &ballot.judges);
	let fellows = judges.filter(|judge| Some(&judge.account) != own);
	let mut revealed = fellows.filter_map(|judge| match &judge.answer {
		JudgeAnswer::Revealed { evidence, .. } => Some(*evidence),
		JudgeAnswer::Silent | JudgeAnswer::Committed { .. } => None,
	});
	revealed.next_back()
}

#[cfg(test)]
mod tests {
	use livepeer_primitives::{
		api::JudgeView,
		leaf::Leaf,
		offchain::VerifyLeaf,
		service::ServiceRecord,
		video::{Ladder, SourceLimits},
		work::WorkFactors,
		Hash,
	};

	use super::*;

	struct Unasked;

	impl Answers for Unasked {
		fn post(&self, _: VerifyTask) -> Result<VerifyStatus, QueueFull> {
			unreachable!("a judge that copies asks nobody")
		}

		fn toolchains(&self, _: ToolchainsQuestion) -> ToolchainsAnswer {
			unreachable!("nobody asks here")
		}
	}

	const OWN: AccountId = AccountId::new([1; 32]);
	const FELLOW: AccountId = AccountId::new([2; 32]);

	fn evidence(byte: u8) -> Evidence {
		Evidence { recipe: 1, hash: Hash::repeat_byte(byte) }
	}

	fn task() -> VerifyTask {
		let leaf = |index: u32| VerifyLeaf {
			index,
			seq: index.into(),
			header: Hash::zero(),
			leaf: Leaf::Empty,
		};
		VerifyTask {
			genesis: Hash::zero(),
			claim: 7,
			tranche: 0,
			verifier: OWN,
			pass: None,
			job: 1,
			transcoder: FELLOW,
			service: ServiceRecord::default(),
			toolchain: Hash::zero(),
			ladder: Ladder::default(),
			limits: SourceLimits::new(1280, 720, 30),
			factors: WorkFactors::canonical(1_000, 250, 1),
			seed: Hash::zero(),
			leaves: vec![leaf(0), leaf(1)],
			patience_ms: 1_000,
			variants: false,
		}
	}

	#[test]
	fn judge_that_copies_should_wait_until_there_is_something_to_repeat() {
		let copying = Copying { service: Arc::new(Unasked), heard: Arc::default() };
		assert_eq!(copying.post(task()), Ok(VerifyStatus::Working));
		assert_eq!(lock(&copying.heard).claims.first(), Some(&7));
		lock(&copying.heard).evidence = Some(evidence(9));
		let verdicts = Verdicts::truncate_from(vec![Verdict::Valid; 2]);
		let repeated = VerifyStatus::Done { verdicts, evidence: evidence(9) };
		assert_eq!(copying.post(task()), Ok(repeated));
	}

	#[test]
	fn what_is_repeated_should_be_anothers_of_the_newest_ballot() {
		let judge = |account: AccountId, answer| JudgeView { account, stake: 1, answer };
		let says = |byte: u8| JudgeAnswer::Revealed {
			verdicts: Verdicts::default(),
			evidence: evidence(byte),
		};
		let ballot = |tranche: u8, judges| BallotView { tranche, seed: None, judges };
		let first = ballot(0, vec![judge(FELLOW, says(3)), judge(OWN, says(4))]);
		assert_eq!(revealed(&[], Some(&OWN)), None);
		assert_eq!(revealed(std::slice::from_ref(&first), Some(&OWN)), Some(evidence(3)));
		let committed = JudgeAnswer::Committed { commitment: Hash::zero() };
		let open = ballot(1, vec![judge(FELLOW, committed)]);
		assert_eq!(revealed(&[first.clone(), open], Some(&OWN)), Some(evidence(3)));
		let second = ballot(1, vec![judge(FELLOW, says(5))]);
		assert_eq!(revealed(&[first, second], Some(&OWN)), Some(evidence(5)));
	}
}
