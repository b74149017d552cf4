//! The effects of calls, and when they are refused.

use std::collections::BTreeMap;

use livepeer_primitives::{
	api::{AssignmentView, ClaimTerms, JobView, KeysView, TranscoderView},
	claim::{ClaimInfo, Outcome, WorkClaim},
	draw,
	duty::{Acceptance, Availability, Profiles},
	keys::{OperatorSignature, Purpose},
	segment::stream_id,
	sum_tree::{self, Commitment},
	variant::{openings_hash, VariantOpenings, VariantPlace},
	video::{Ladder, SourceLimits},
	work::{fee, max_leaf_work},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId,
};

use super::{ChainState, FakeChain, FakeClaim, FakeOpening, GENESIS, OPENING_SEED};
use crate::ports::{
	chain::{Call, ChainError, LeafReveal, Refused},
	contradiction::Contradiction,
	stake_call::StakeCall,
};

impl FakeChain {
	/// Executes a call of `who`, or refuses it with the name of the pallet's error.
	pub(super) fn execute(&self, who: Option<&AccountId>, call: &Call) -> Result<(), ChainError> {
		let best = self.heads.borrow().best;
		let name = call.name();
		let refuse = |refused| ChainError::Refused { call: name, refused };
		let who = || who.cloned().ok_or(ChainError::NoKey);
		let mut state = self.state();
		let state = &mut *state;
		let done = match call.clone() {
			Call::CreateJob { broadcaster, name, ladder, limits, max_price, end, budget } => {
				let terms = JobTerms { ladder, limits, max_price, end, budget };
				state.create_job(&who()?, broadcaster, &name, terms)
			}
			Call::SetOrigin { name, record } => {
				state.origins.insert(stream_id(&who()?, &name), record);
				Ok(())
			}
			Call::AcceptJob(acceptance, signature) => state.accept_job(&acceptance, &signature),
			Call::ClaimWork(claim, signature) => state.claim_work(&claim, &signature, best),
			Call::TopUp { job, amount } => state.job(job).map(|view| {
				view.unreserved = view.unreserved.saturating_add(amount);
			}),
			Call::EndJob { job } => {
				let grace = state.parameters.jobs.claim_grace;
				state.job(job).map(|view| {
					view.ended = true;
					if let Some(current) = &mut view.current {
						current.claimable_until = Some(best + grace);
					}
				})
			}
			Call::EndIdle { job, assignment } => {
				who()?;
				state.end_idle(job, assignment, best)
			}
			Call::NextTranscoder { job, assignment } => state.next_transcoder(job, assignment),
			Call::Transcoder { price, reward_cut, fee_share, service } => {
				let account = who()?;
				let capacity = state.transcoders.get(&account).map_or(0, |view| view.capacity);
				state.register(TranscoderView {
					account,
					stake: 1_000,
					price,
					reward_cut,
					fee_share,
					capacity,
					profiles: Profiles::default(),
					active: true,
					jailed: false,
					service,
				})
			}
			Call::Announce(availability, signature) => state.announce(availability, &signature),
			Call::Heartbeat(heartbeat, signature) => state
				.check(&signature, Purpose::Duties, &heartbeat.hash())
				.and_then(|()| state.transcoder(&signature.signer.account).map(|_| ())),
			Call::RevealLeaf { claim, reveal } => state.reveal_leaf(claim, *reveal),
			Call::OpenVariants { claim, openings, signature } => {
				state.open_variants(claim, openings, &signature, best)
			}
			Call::Bond { amount, to } => state.stakes.bond(&who()?, amount, &to),
			Call::Stake(StakeCall::Unjail) => state.unjail(&who()?),
			Call::Stake(StakeCall::Resign) => {
				let left = state.transcoders.remove(&who()?);
				left.map(|_| ()).ok_or(Refused::NotRegistered)
			}
			Call::Stake(call) => state.stakes.execute(&who()?, call),
			Call::SetKeys { purpose, keys, vrf } => {
				state.add_keys(&who()?, purpose, keys.into_inner(), vrf);
				Ok(())
			}
			Call::RevokeKey { purpose, generation, key } => {
				let views = state.keys.entry((who()?, purpose)).or_default();
				let view = views.iter_mut().find(|view| view.generation == generation);
				if let Some(revoked) = view.and_then(|view| view.revoked.get_mut(usize::from(key)))
				{
					*revoked = true;
				}
				Ok(())
			}
			Call::SetSpending { key, .. } => {
				state.spending.insert(key, who()?);
				Ok(())
			}
			Call::RemoveSpending { key, .. } => {
				state.spending.remove(&key);
				Ok(())
			}
			Call::Report(contradiction) => {
				who()?;
				state.report(&contradiction)
			}
		};
		done.map_err(refuse)?;
		state.calls.push(call.clone());
		Ok(())
	}
}

/// A broadcaster's terms for a job.
struct JobTerms {
	ladder: Ladder,
	limits: SourceLimits,
	max_price: Balance,
	end: BlockNumber,
	budget: Balance,
}

impl ChainState {
	fn job(&mut self, job: JobId) -> Result<&mut JobView, Refused> {
		self.jobs.get_mut(&job).ok_or(Refused::NoJob)
	}

	fn transcoder(&mut self, account: &AccountId) -> Result<&mut TranscoderView, Refused> {
		self.transcoders.get_mut(account).ok_or(Refused::NotRegistered)
	}

	/// Punishes a contradiction, once.
	fn report(&mut self, contradiction: &Contradiction) -> Result<(), Refused> {
		let header = contradiction.header();
		let view = self.jobs.get(&header.job).ok_or(Refused::NoJob)?;
		let given = view.current.as_ref().filter(|current| current.index == header.assignment);
		let given = given.ok_or(Refused::NoAssignment)?;
		if self.punished.contains(&contradiction.offence()) {
			return Err(Refused::AlreadyReported);
		}
		if !contradiction.is_by(&view.broadcaster, given) {
			return Err(Refused::WrongGeneration);
		}
		if let Contradiction::Leaf { claimed, segment, receipt } = contradiction {
			let open = self.claims.get(&claimed.claim).ok_or(Refused::NoClaim)?;
			let checked = claimed.check(&open.info, segment, receipt);
			checked.map_err(|_| Refused::named("Jobs", "NotEquivocation"))?;
		}
		let (headers, receipts) = contradiction.signed();
		for signed in headers {
			self.check(&signed.signature, Purpose::Segments, &signed.header.hash())?;
		}
		for signed in receipts {
			self.check(&signed.signature, Purpose::Duties, &signed.receipt.hash())?;
		}
		self.punished.insert(contradiction.offence());
		Ok(())
	}

	/// Opens a job, with the first transcoder that would take it.
	fn create_job(
		&mut self,
		who: &AccountId,
		broadcaster: AccountId,
		name: &str,
		terms: JobTerms,
	) -> Result<(), Refused> {
		if *who != broadcaster && self.spending.get(who) != Some(&broadcaster) {
			return Err(Refused::NoSpendingKey);
		}
		let JobTerms { ladder, limits, max_price, end, budget } = terms;
		let stream = stream_id(&broadcaster, name);
		let factors = self.parameters.jobs.factors.of_job(&limits).ok_or(Refused::WorkOverflow)?;
		let max_leaf_work =
			max_leaf_work(&factors, &ladder, &limits).ok_or(Refused::WorkOverflow)?;
		let chosen = self.transcoders.values().find(|t| t.capacity > 0 && t.price <= max_price);
		let allowance = chosen.map_or(0, |t| {
			fee(max_leaf_work, t.price).saturating_mul(self.parameters.jobs.allowance_leaves.into())
		});
		let max_samples = self.parameters.lottery.max_samples;
		let current = chosen.map(|t| AssignmentView {
			index: 0,
			transcoder: t.account.clone(),
			price: t.price,
			toolchain: None,
			broadcaster_keys: 0,
			transcoder_keys: 0,
			max_leaves: self.parameters.lottery.leaves_of(max_samples),
			variant_rate: self.terms.terms.variant_rate,
			claimable_until: None,
			next_seq: 0,
			allowance,
		});
		let id = self.next_job;
		self.next_job += 1;
		let view = JobView {
			id,
			broadcaster,
			stream,
			ladder,
			limits,
			factors,
			max_leaf_work,
			max_samples,
			max_price,
			end,
			unreserved: budget.saturating_sub(allowance),
			ended: false,
			current,
		};
		self.jobs.insert(id, view);
		Ok(())
	}

	fn accept_job(
		&mut self,
		acceptance: &Acceptance,
		signature: &OperatorSignature,
	) -> Result<(), Refused> {
		self.check(signature, Purpose::Duties, &acceptance.hash())?;
		let broadcaster = self.job(acceptance.job)?.broadcaster.clone();
		let signer = &signature.signer;
		let broadcaster_keys = self.newest(&broadcaster, Purpose::Segments);
		let transcoder_keys = self.newest(&signer.account, Purpose::Duties);
		let current = self.job(acceptance.job)?.current.as_mut();
		let current = current
			.filter(|current| current.index == acceptance.assignment)
			.ok_or(Refused::NotOffered)?;
		if current.transcoder != signer.account {
			return Err(Refused::NotTranscoder);
		}
		let named = (acceptance.broadcaster_keys, acceptance.transcoder_keys);
		if named != (broadcaster_keys, transcoder_keys) || signer.generation != transcoder_keys {
			return Err(Refused::WrongGeneration);
		}
		(current.broadcaster_keys, current.transcoder_keys) = named;
		current.toolchain = Some(acceptance.toolchain);
		Ok(())
	}

	fn claim_work(
		&mut self,
		claim: &WorkClaim,
		signature: &OperatorSignature,
		best: BlockNumber,
	) -> Result<(), Refused> {
		self.check(signature, Purpose::Duties, &claim.hash())?;
		let ClaimTerms { terms, exposed, backing, .. } = self.terms;
		let view = self.jobs.get_mut(&claim.job).ok_or(Refused::NoJob)?;
		let current = view
			.current
			.as_mut()
			.filter(|current| current.index == claim.assignment)
			.ok_or(Refused::NoAssignment)?;
		if current.transcoder != signature.signer.account {
			return Err(Refused::NotTranscoder);
		}
		if current.transcoder_keys != signature.signer.generation {
			return Err(Refused::WrongGeneration);
		}
		if claim.first < current.next_seq || claim.last < claim.first {
			return Err(Refused::ClaimNotAscending);
		}
		let next_seq = claim.last.checked_add(1).ok_or(Refused::ClaimNotAscending)?;
		let count = next_seq - claim.first;
		if count > u64::from(current.max_leaves) {
			return Err(Refused::TooManyLeaves);
		}
		if claim.total_work > claim.largest_leaf.saturating_mul(count) {
			return Err(Refused::WorkTooLarge);
		}
		let price = fee(claim.total_work, current.price);
		let samples = draw::sample_count(terms.rate, count as u32, view.max_samples);
		let least = terms.least_fee(samples, claim.total_work, count as u32, claim.largest_leaf);
		let has_ended = current.claimable_until.is_some() || view.ended || best >= view.end;
		if !has_ended && price < least {
			return Err(Refused::FeeBelowVerification);
		}
		if exposed.saturating_add(price) > backing {
			return Err(Refused::NotBacked);
		}
		current.allowance =
			current.allowance.checked_sub(price).ok_or(Refused::AllowanceExceeded)?;
		current.next_seq = next_seq;
		let commitment =
			Commitment { root: claim.root, total_work: claim.total_work, leaf_count: count as u32 };
		let info = ClaimInfo {
			job: claim.job,
			assignment: claim.assignment,
			transcoder: current.transcoder.clone(),
			transcoder_keys: current.transcoder_keys,
			broadcaster: view.broadcaster.clone(),
			broadcaster_keys: current.broadcaster_keys,
			stream: view.stream,
			first: claim.first,
			commitment,
			largest_leaf: claim.largest_leaf,
			toolchain: claim.toolchain,
			ladder: view.ladder.clone(),
			limits: view.limits,
			factors: view.factors,
			max_samples: view.max_samples,
			fee: price,
			round: 0,
			window: 0,
		};
		let open = FakeClaim {
			info,
			positions: Vec::new(),
			revealed: BTreeMap::new(),
			outcome: None,
			judges: Vec::new(),
			opening: FakeOpening::Early,
		};
		self.claims.insert(self.next_claim, open);
		self.next_claim += 1;
		Ok(())
	}

	fn end_idle(
		&mut self,
		job: JobId,
		assignment: AssignmentIndex,
		now: BlockNumber,
	) -> Result<(), Refused> {
		let idle_from = self.idle_from;
		let view = self.job(job)?;
		let current = view.current.as_ref().filter(|current| current.index == assignment);
		current.ok_or(Refused::NoAssignment)?;
		if now < idle_from {
			return Err(Refused::NotIdle);
		}
		view.current = None;
		Ok(())
	}

	/// Hands an assignment on to another transcoder, or offers it to the same one again if there is no other.
	fn next_transcoder(&mut self, job: JobId, assignment: AssignmentIndex) -> Result<(), Refused> {
		let view = self.jobs.get_mut(&job).ok_or(Refused::NoJob)?;
		let current = view.current.as_mut().filter(|current| current.index == assignment);
		let current = current.ok_or(Refused::NoAssignment)?;
		let mut others = self.transcoders.values();
		let next = others.find(|t| t.active && !t.jailed && t.account != current.transcoder);
		current.index += 1;
		if let Some(next) = next {
			current.transcoder = next.account.clone();
		}
		current.toolchain = None;
		current.transcoder_keys = 0;
		current.next_seq = 0;
		Ok(())
	}

	fn register(&mut self, view: TranscoderView) -> Result<(), Refused> {
		if self.locked {
			return Err(Refused::TermsLocked);
		}
		self.transcoders.insert(view.account.clone(), view);
		Ok(())
	}

	fn announce(
		&mut self,
		availability: Availability,
		signature: &OperatorSignature,
	) -> Result<(), Refused> {
		self.check(signature, Purpose::Duties, &availability.hash())?;
		let transcoder = self.transcoder(&signature.signer.account)?;
		transcoder.capacity = availability.capacity;
		transcoder.profiles = availability.profiles;
		Ok(())
	}

	fn unjail(&mut self, account: &AccountId) -> Result<(), Refused> {
		let view = self.transcoders.get_mut(account).filter(|view| view.jailed);
		let view = view.ok_or_else(|| Refused::named("TranscoderElection", "NotJailed"))?;
		view.jailed = false;
		Ok(())
	}

	fn reveal_leaf(&mut self, claim: ClaimId, reveal: LeafReveal) -> Result<(), Refused> {
		let info = self.claims.get(&claim).map(|open| open.info.clone());
		let info = info.ok_or(Refused::NoChallenge)?;
		let range = sum_tree::verify(&info.commitment, reveal.index, &reveal.leaf, &reveal.proof)
			.map_err(|_| Refused::BadProof)?;
		let hash = reveal.leaf.header_hash(info.place(GENESIS, reveal.index));
		let signature = &reveal.broadcaster_signature;
		let is_signed = signature.signer.account == info.broadcaster
			&& signature.signer.generation == info.broadcaster_keys
			&& hash.is_some_and(|hash| self.check(signature, Purpose::Segments, &hash).is_ok());
		let open = self.claims.get_mut(&claim).ok_or(Refused::NoChallenge)?;
		if !open.positions.iter().any(|position| range.contains(position)) {
			return Err(Refused::NothingToAnswer);
		}
		if !is_signed {
			return Err(Refused::BadSignature);
		}
		open.revealed.insert(reveal.index, reveal);
		Ok(())
	}

	fn open_variants(
		&mut self,
		claim: ClaimId,
		openings: VariantOpenings,
		signature: &OperatorSignature,
		now: BlockNumber,
	) -> Result<(), Refused> {
		let open = self.claims.get(&claim).ok_or(Refused::NoChallenge)?;
		let other = |name| Refused::named("ChallengeLottery", name);
		match open.opening {
			FakeOpening::Early => return Err(other("TooEarly")),
			FakeOpening::Opened(_) => return Err(other("NotOpening")),
			FakeOpening::Awaited { deadline, .. } if now >= deadline => {
				return Err(other("TooLate"))
			}
			FakeOpening::Awaited { .. } => {}
		}
		let indices = openings.iter().map(|opening| &opening.index);
		if !indices.eq(open.revealed.keys()) {
			return Err(other("WrongOpenings"));
		}
		let info = &open.info;
		let views = self.keys.get(&(info.transcoder.clone(), Purpose::Duties));
		let is_theirs = |view: &&KeysView| view.generation == info.transcoder_keys;
		let key = match info.transcoder_keys {
			0 => Some(<[u8; 32]>::from(info.transcoder.clone()).into()),
			_ => views.and_then(|views| views.iter().find(is_theirs)?.vrf),
		};
		if signature.signer.account != info.transcoder {
			return Err(other("WrongSigner"));
		}
		let signed = openings_hash(GENESIS, claim, OPENING_SEED, &openings);
		self.check(signature, Purpose::Duties, &signed)?;
		let is_proven = openings.iter().all(|opening| {
			let place = VariantPlace {
				genesis: GENESIS,
				stream: info.stream,
				job: info.job,
				assignment: info.assignment,
				seq: info.first + u64::from(opening.index),
			};
			key.as_ref().is_some_and(|key| place.verify(key, &opening.vrf).is_some())
		});
		if let Some(open) = self.claims.get_mut(&claim) {
			open.opening = FakeOpening::Opened(openings);
			if !is_proven {
				open.outcome = Some(Outcome::Missed);
			}
		}
		Ok(())
	}
}
