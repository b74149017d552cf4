//! What calls cause later is served as fast as blocks can take in such calls.
//!
//! The weight of a call includes what it causes, so the more calls cause, the fewer of them fit
//! into a block. An agenda that is behind takes its part of each block first, which leaves less
//! room for calls. The work that full blocks cause is therefore bounded by what blocks set aside.

use crate::{
	configs::video::{JobsAgenda, LotteryAgenda},
	constants::block::Weights,
	ChallengeLottery, Jobs, Runtime, RuntimeCall,
};
use frame_support::{dispatch::GetDispatchInfo, traits::Get, weights::Weight};
use livepeer_primitives::{
	agenda::urgent_part, params::ProtocolParameters, video::SourceLimits, MAX_COMMITTEE,
};
use pallet_challenge_lottery::WeightInfo as _;
use pallet_jobs::WeightInfo as _;

type JobsWeights = <Runtime as pallet_jobs::Config>::WeightInfo;
type LotteryWeights = <Runtime as pallet_challenge_lottery::Config>::WeightInfo;

/// Whether the urgent part of `agenda`, which takes `always` of each block, keeps up with full
/// blocks of a call that weighs `call` and causes `urgent`. If each block uses up that part, the
/// calls have the rest of the block.
fn is_served(agenda: Weight, always: Weight, call: Weight, urgent: Weight) -> bool {
	let block = Weights::get().max_block.ref_time();
	let part = urgent_part(agenda).ref_time();
	let room = u128::from(block.saturating_sub(part));
	let served = u128::from(part.saturating_sub(always.ref_time()));
	u128::from(urgent.ref_time()) * room <= u128::from(call.ref_time()) * served
}

#[test]
fn draws_and_decisions_should_keep_up_with_blocks_full_of_claims() {
	for committee_size in 1..=MAX_COMMITTEE {
		let claim = Jobs::claim_weight(committee_size);
		let urgent = ChallengeLottery::urgent_of_claim(committee_size);
		assert!(claim.all_gt(urgent));
		let always = LotteryWeights::agenda_block();
		let is_served = is_served(LotteryAgenda::get(), always, claim, urgent);
		assert!(is_served, "{urgent} of {claim}, for {committee_size} members");
	}
}

#[test]
fn draws_should_keep_up_with_blocks_full_of_new_jobs() {
	let create: RuntimeCall = pallet_jobs::Call::create_job {
		broadcaster: None,
		name: Default::default(),
		ladder: Default::default(),
		limits: SourceLimits::new(1280, 720, 30),
		max_price: 0,
		end: 0,
		budget: 0,
	}
	.into();
	let create = create.get_dispatch_info().call_weight;
	for parameters in [ProtocolParameters::development(), ProtocolParameters::production()] {
		// One more transcoder has a seat by chance.
		let candidates = parameters.election.active_size + 1;
		let interval: u32 = <Runtime as pallet_jobs::Config>::CheckInterval::get();
		// Nobody pays for the checks of transcoders that work, but there are no more of them than
		// seats.
		let checks = JobsWeights::task_check().saturating_mul(candidates.div_ceil(interval).into());
		let always = JobsWeights::agenda_block()
			.saturating_add(JobsWeights::read_candidates(candidates))
			.saturating_add(checks);
		let draw = JobsWeights::task_draw(candidates);
		let is_served = is_served(JobsAgenda::get(), always, create, draw);
		assert!(is_served, "{draw} of {create}, for {candidates} candidates");
	}
}

#[test]
fn claims_should_find_room_when_both_agendas_are_behind() {
	for parameters in [ProtocolParameters::development(), ProtocolParameters::production()] {
		let claim = Jobs::claim_weight(parameters.lottery.committee_size);
		let agendas = JobsAgenda::get().saturating_add(LotteryAgenda::get());
		let left = Weights::get().max_block.saturating_sub(agendas);
		assert!(left.ref_time() > claim.ref_time() * 2, "{left} for {claim}");
	}
}
