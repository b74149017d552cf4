//! What a call does to the chain, and when it is refused.

use std::collections::BTreeMap;

use livepeer_primitives::{
	api::{AssignmentView, ClaimTerms, JobView, KeysView, TranscoderView},
	claim::{ClaimInfo, Outcome},
	draw,
	duty::Profiles,
	keys::Purpose,
	segment::stream_id,
	sum_tree::{self, Commitment},
	variant::{openings_hash, VariantPlace},
	work::{fee, max_leaf_work},
	AccountId,
};

use super::{FakeChain, FakeClaim, FakeOpening, GENESIS, OPENING_SEED};
use crate::ports::{
	chain::{Call, ChainError, Refused},
	stakes::StakeCall,
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
		match call.clone() {
			Call::CreateJob { broadcaster, name, ladder, limits, max_price, end, budget } => {
				let who = who()?;
				if who != broadcaster && state.spending.get(&who) != Some(&broadcaster) {
					return Err(refuse(Refused::NoSpendingKey));
				}
				let stream = stream_id(&broadcaster, &name);
				let factors = state.parameters.jobs.factors;
				let max_leaf_work = max_leaf_work(&factors, &ladder, &limits)
					.ok_or_else(|| refuse(Refused::WorkOverflow))?;
				let chosen =
					state.transcoders.values().find(|t| t.capacity > 0 && t.price <= max_price);
				let allowance = chosen.map_or(0, |t| {
					fee(max_leaf_work, t.price)
						.saturating_mul(state.parameters.jobs.allowance_leaves.into())
				});
				let max_samples = state.parameters.lottery.max_samples;
				let current = chosen.map(|t| AssignmentView {
					index: 0,
					transcoder: t.account.clone(),
					price: t.price,
					toolchain: None,
					broadcaster_keys: 0,
					transcoder_keys: 0,
					max_leaves: state.parameters.lottery.leaves_of(max_samples),
					variant_rate: state.terms.terms.variant_rate,
					claimable_until: None,
					next_seq: 0,
					allowance,
				});
				let id = state.next_job;
				state.next_job += 1;
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
				state.jobs.insert(id, view);
			}
			Call::SetOrigin { name, record } => {
				state.origins.insert(stream_id(&who()?, &name), record);
			}
			Call::AcceptJob(acceptance, signature) => {
				state.check(&signature, Purpose::Duties, &acceptance.hash(), name)?;
				let theirs = state.jobs.get(&acceptance.job).map(|view| view.broadcaster.clone());
				let theirs = theirs.ok_or_else(|| refuse(Refused::NoJob))?;
				let broadcaster_keys = state.newest(&theirs, Purpose::Segments);
				let transcoder_keys = state.newest(&signature.signer.account, Purpose::Duties);
				let view = state.jobs.get_mut(&acceptance.job);
				let current = view
					.and_then(|view| view.current.as_mut())
					.filter(|current| current.index == acceptance.assignment)
					.ok_or_else(|| refuse(Refused::NotOffered))?;
				if current.transcoder != signature.signer.account {
					return Err(refuse(Refused::NotTranscoder));
				}
				let named = (acceptance.broadcaster_keys, acceptance.transcoder_keys);
				if named != (broadcaster_keys, transcoder_keys)
					|| signature.signer.generation != transcoder_keys
				{
					return Err(refuse(Refused::WrongGeneration));
				}
				(current.broadcaster_keys, current.transcoder_keys) = named;
				current.toolchain = Some(acceptance.toolchain);
			}
			Call::ClaimWork(claim, signature) => {
				state.check(&signature, Purpose::Duties, &claim.hash(), name)?;
				let view = state.jobs.get_mut(&claim.job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view
					.current
					.as_mut()
					.filter(|current| current.index == claim.assignment)
					.ok_or_else(|| refuse(Refused::NoAssignment))?;
				if current.transcoder != signature.signer.account {
					return Err(refuse(Refused::NotTranscoder));
				}
				if current.transcoder_keys != signature.signer.generation {
					return Err(refuse(Refused::WrongGeneration));
				}
				if claim.first < current.next_seq || claim.last < claim.first {
					return Err(refuse(Refused::ClaimNotAscending));
				}
				let count = claim.last - claim.first + 1;
				if count > u64::from(current.max_leaves) {
					return Err(refuse(Refused::TooManyLeaves));
				}
				if claim.total_work > claim.largest_leaf.saturating_mul(count) {
					return Err(refuse(Refused::WorkTooLarge));
				}
				let price = fee(claim.total_work, current.price);
				let ClaimTerms { terms, exposed, backing, .. } = state.terms;
				let samples = draw::sample_count(terms.rate, count as u32, view.max_samples);
				let least =
					terms.least_fee(samples, claim.total_work, count as u32, claim.largest_leaf);
				if current.claimable_until.is_none() && !view.ended && price < least {
					return Err(refuse(Refused::FeeBelowVerification));
				}
				if exposed.saturating_add(price) > backing {
					return Err(refuse(Refused::NotBacked));
				}
				current.allowance = current
					.allowance
					.checked_sub(price)
					.ok_or_else(|| refuse(Refused::AllowanceExceeded))?;
				current.next_seq = claim.last + 1;
				let commitment = Commitment {
					root: claim.root,
					total_work: claim.total_work,
					leaf_count: count as u32,
				};
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
				let id = state.next_claim;
				state.next_claim += 1;
				let open = FakeClaim {
					info,
					positions: Vec::new(),
					revealed: BTreeMap::new(),
					outcome: None,
					judges: Vec::new(),
					opening: FakeOpening::Early,
				};
				state.claims.insert(id, open);
			}
			Call::TopUp { job, amount } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				view.unreserved = view.unreserved.saturating_add(amount);
			}
			Call::EndJob { job } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				view.ended = true;
				if let Some(current) = &mut view.current {
					current.claimable_until = Some(best + state.parameters.jobs.claim_grace);
				}
			}
			Call::EndIdle { job, assignment } => {
				who()?;
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view.current.as_ref().filter(|current| current.index == assignment);
				current.ok_or_else(|| refuse(Refused::NoAssignment))?;
				if best < state.idle_from {
					return Err(refuse(Refused::NotIdle));
				}
				view.current = None;
			}
			Call::NextTranscoder { job, assignment } => {
				let view = state.jobs.get_mut(&job).ok_or_else(|| refuse(Refused::NoJob))?;
				let current = view.current.as_mut().filter(|current| current.index == assignment);
				let current = current.ok_or_else(|| refuse(Refused::NoAssignment))?;
				let next = state
					.transcoders
					.values()
					.find(|t| t.active && !t.jailed && t.account != current.transcoder);
				current.index += 1;
				if let Some(next) = next {
					current.transcoder = next.account.clone();
				}
				current.toolchain = None;
				current.transcoder_keys = 0;
				current.next_seq = 0;
			}
			Call::Transcoder { price, reward_cut, fee_share, service } => {
				let who = who()?;
				if state.locked {
					return Err(refuse(Refused::named("TranscoderElection", "TermsLocked")));
				}
				let capacity = state.transcoders.get(&who).map_or(0, |t| t.capacity);
				let view = TranscoderView {
					account: who.clone(),
					stake: 1_000,
					price,
					reward_cut,
					fee_share,
					capacity,
					profiles: Profiles::default(),
					active: true,
					jailed: false,
					service,
				};
				state.transcoders.insert(who, view);
			}
			Call::Announce(availability, signature) => {
				state.check(&signature, Purpose::Duties, &availability.hash(), name)?;
				let transcoder = state
					.transcoders
					.get_mut(&signature.signer.account)
					.ok_or_else(|| refuse(Refused::NotRegistered))?;
				transcoder.capacity = availability.capacity;
				transcoder.profiles = availability.profiles;
			}
			Call::Heartbeat(heartbeat, signature) => {
				state.check(&signature, Purpose::Duties, &heartbeat.hash(), name)?;
				if !state.transcoders.contains_key(&signature.signer.account) {
					return Err(refuse(Refused::NotRegistered));
				}
			}
			Call::RevealLeaf { claim, reveal } => {
				let info = state.claims.get(&claim).map(|open| open.info.clone());
				let info = info.ok_or_else(|| refuse(Refused::NoChallenge))?;
				let range =
					sum_tree::verify(&info.commitment, reveal.index, &reveal.leaf, &reveal.proof)
						.map_err(|_| refuse(Refused::BadProof))?;
				let hash = reveal.leaf.header_hash(info.place(GENESIS, reveal.index));
				let signature = &reveal.broadcaster_signature;
				let is_signed = signature.signer.account == info.broadcaster
					&& signature.signer.generation == info.broadcaster_keys
					&& hash.is_some_and(|hash| {
						state.check(signature, Purpose::Segments, &hash, name).is_ok()
					});
				let open = state.claims.get_mut(&claim);
				let open = open.ok_or_else(|| refuse(Refused::NoChallenge))?;
				if !open.positions.iter().any(|position| range.contains(position)) {
					return Err(refuse(Refused::NothingToAnswer));
				}
				if !is_signed {
					return Err(refuse(Refused::BadSignature));
				}
				open.revealed.insert(reveal.index, *reveal);
			}
			Call::OpenVariants { claim, openings, signature } => {
				let open = state.claims.get(&claim).ok_or_else(|| refuse(Refused::NoChallenge))?;
				let other = |name| refuse(Refused::named("ChallengeLottery", name));
				match open.opening {
					FakeOpening::Early => return Err(other("TooEarly")),
					FakeOpening::Opened(_) => return Err(other("NotOpening")),
					FakeOpening::Awaited { deadline, .. } if best >= deadline => {
						return Err(other("TooLate"));
					}
					FakeOpening::Awaited { .. } => {}
				}
				let indices = openings.iter().map(|opening| &opening.index);
				if !indices.eq(open.revealed.keys()) {
					return Err(other("WrongOpenings"));
				}
				let info = &open.info;
				let views = state.keys.get(&(info.transcoder.clone(), Purpose::Duties));
				let is_theirs = |view: &&KeysView| view.generation == info.transcoder_keys;
				let key = match info.transcoder_keys {
					0 => Some(<[u8; 32]>::from(info.transcoder.clone()).into()),
					_ => views.and_then(|views| views.iter().find(is_theirs)?.vrf),
				};
				if signature.signer.account != info.transcoder {
					return Err(other("WrongSigner"));
				}
				let signed = openings_hash(GENESIS, claim, OPENING_SEED, &openings);
				state.check(&signature, Purpose::Duties, &signed, name)?;
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
				if let Some(open) = state.claims.get_mut(&claim) {
					open.opening = FakeOpening::Opened(openings);
					if !is_proven {
						open.outcome = Some(Outcome::Missed);
					}
				}
			}
			Call::Bond { amount, to } => state.stakes.bond(&who()?, amount, &to).map_err(refuse)?,
			Call::Stake(StakeCall::Unjail) => {
				let view = state.transcoders.get_mut(&who()?);
				let view = view.filter(|view| view.jailed);
				view.ok_or_else(|| refuse(Refused::named("TranscoderElection", "NotJailed")))?
					.jailed = false;
			}
			Call::Stake(StakeCall::Resign) => {
				let left = state.transcoders.remove(&who()?);
				left.ok_or_else(|| refuse(Refused::NotRegistered))?;
			}
			Call::Stake(call) => state.stakes.execute(&who()?, call).map_err(refuse)?,
			Call::SetKeys { purpose, keys, vrf } => {
				state.add_keys(&who()?, purpose, keys.into_inner(), vrf);
			}
			Call::RevokeKey { purpose, generation, key } => {
				let views = state.keys.entry((who()?, purpose)).or_default();
				let view = views.iter_mut().find(|view| view.generation == generation);
				if let Some(revoked) = view.and_then(|view| view.revoked.get_mut(usize::from(key)))
				{
					*revoked = true;
				}
			}
			Call::SetSpending { key, .. } => {
				state.spending.insert(key, who()?);
			}
			Call::RemoveSpending { key, .. } => {
				state.spending.remove(&key);
			}
		}
		state.calls.push(call.clone());
		Ok(())
	}
}
