//! The fake chain behind the roles' port.

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		AssignmentView, ChallengeStage, ChallengeView, ClaimTerms, JobView, KeysView,
		TranscoderView,
	},
	claim::ClaimInfo,
	keys::Purpose,
	params::VerificationTerms,
	service::ServiceRecord,
	sum_tree, AccountId, AssignmentIndex, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use tokio::sync::watch;

use super::{FakeChainClient, FakeOpening, GENESIS, OPENING_SEED, PLENTY};
use crate::{
	key::Key,
	ports::{
		chain::{At, Call, Chain, ChainError, Free, Head, Limits, Wait},
		clock::Clock,
	},
};

#[async_trait]
impl Chain for FakeChainClient {
	fn genesis(&self) -> Hash {
		GENESIS
	}

	fn account(&self) -> Option<AccountId> {
		self.key.as_ref().map(Key::account)
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.chain.heads.subscribe()
	}

	async fn limits(&self) -> Result<Limits, ChainError> {
		let parameters = self.read()?.parameters;
		Ok(Limits {
			slot_duration: 2_000,
			heartbeat_interval: parameters.election.heartbeat_interval,
			max_open_claims: parameters.jobs.max_open_claims,
			claim_grace: parameters.jobs.claim_grace,
			now: self.chain.heads.borrow().best,
		})
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		let views = self.read()?.keys.get(&(account.clone(), purpose)).cloned();
		let own = KeysView { generation: 0, keys: vec![], revoked: vec![], vrf: None };
		Ok(views.unwrap_or_default().into_iter().chain([own]).collect())
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.get(account).cloned())
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		let free = self.read()?.free.get(account).copied();
		Ok(free.unwrap_or(Free { lpt: PLENTY, eth: PLENTY }))
	}

	fn is_for_tests(&self) -> bool {
		true
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.values().cloned().collect())
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		Ok(self.read()?.transcoders.get(account).map(|view| view.service.clone()))
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		Ok(self.read()?.origins.get(&stream).cloned())
	}

	async fn jobs_of(&self, broadcaster: &AccountId) -> Result<Vec<JobId>, ChainError> {
		let state = self.read()?;
		let jobs = state.jobs.values().filter(|job| job.broadcaster == *broadcaster);
		Ok(jobs.map(|job| job.id).collect())
	}

	async fn job(&self, _: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		let takes = self.read()?.job_takes.clone();
		if let Some((clock, ms)) = takes {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
		}
		Ok(self.read()?.jobs.get(&id).cloned())
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		Ok(self.read()?.jobs.values().rev().find(|job| job.stream == stream).map(|job| job.id))
	}

	async fn assignment(
		&self,
		_: At,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<AssignmentView>, ChainError> {
		let current = self.read()?.jobs.get(&job).and_then(|view| view.current.clone());
		Ok(current.filter(|current| current.index == assignment))
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		Ok(self
			.read()?
			.jobs
			.values()
			.filter(|job| {
				!job.ended && job.current.as_ref().is_some_and(|c| c.transcoder == *transcoder)
			})
			.map(|job| job.id)
			.collect())
	}

	async fn claim(&self, _: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		Ok(self.read()?.claims.get(&id).map(|claim| claim.info.clone()))
	}

	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		let takes = self.read()?.challenge_takes.clone();
		if let Some((clock, ms)) = takes {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
		}
		Ok(self.read()?.claims.get(&id).map(|claim| {
			let answered = claim
				.positions
				.iter()
				.map(|position| {
					claim.revealed.values().any(|reveal| {
						sum_tree::verify(
							&claim.info.commitment,
							reveal.index,
							&reveal.leaf,
							&reveal.proof,
						)
						.is_ok_and(|range| range.contains(position))
					})
				})
				.collect();
			let (is_voting, until) = match claim.opening {
				FakeOpening::Awaited { is_final: false, .. } if at == At::Finalized => (false, 0),
				FakeOpening::Awaited { deadline, .. } => (true, deadline),
				_ => (false, 0),
			};
			let stage = match (claim.outcome, claim.positions.is_empty()) {
				(Some(_), _) => ChallengeStage::Decided,
				(None, true) => ChallengeStage::AwaitingSeed,
				(None, false) if is_voting => ChallengeStage::VerdictReveal,
				(None, false) => ChallengeStage::LeafReveal,
			};
			ChallengeView {
				claim: id,
				stage,
				deadline: until,
				tranche: 0,
				positions: claim.positions.clone(),
				answered,
				members: claim.judges.iter().map(|(account, _)| account.clone()).collect(),
				keys: claim.judges.iter().map(|(_, key)| key.clone()).collect(),
				committed: Vec::new(),
				revealed: Vec::new(),
				awaits_opening: is_voting,
				outcome: claim.outcome,
				seed: is_voting.then_some(OPENING_SEED),
			}
		}))
	}

	async fn claims_of(&self, _: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		Ok(self
			.read()?
			.claims
			.iter()
			.filter(|(_, claim)| claim.info.transcoder == *transcoder)
			.map(|(id, _)| *id)
			.collect())
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		let state = self.read()?;
		let current = state.jobs.get(&job).and_then(|view| view.current.as_ref());
		let terms = current.filter(|current| current.index == assignment).map(|_| state.terms);
		Ok(terms)
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		Ok(self.read()?.terms.terms)
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		Ok(self.read()?.toolchains.clone())
	}

	async fn submit(&self, call: Call, _: Wait) -> Result<(), ChainError> {
		if let Some(error) = self.read()?.fail_next.take() {
			return Err(error);
		}
		let answered = match &call {
			Call::RevealLeaf { claim, .. } | Call::OpenVariants { claim, .. } => Some(*claim),
			_ => None,
		};
		let hangs = answered.and_then(|claim| self.chain.state().hanging.get(&claim).cloned());
		if let Some((clock, ms)) = hangs {
			clock.sleep_until(clock.now_ms().saturating_add(ms)).await;
			let reason = "it is in no block after a long wait".into();
			return Err(ChainError::NotIncluded { call: call.name(), reason });
		}
		self.chain.execute(self.account().as_ref(), &call)?;
		self.chain.block();
		Ok(())
	}
}
