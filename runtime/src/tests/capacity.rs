//! What a claim weighs from its call to its settlement, and how many streams fit into a block's
//! weight. `docs/economics.md` shows the curves; `scripts/economics.py` draws them.

use crate::{
	constants::block::Weights, ChallengeLottery, Jobs, Runtime, RuntimeCall, UncheckedExtrinsic,
};
use codec::Encode;
use frame_support::{
	dispatch::{DispatchClass, GetDispatchInfo},
	weights::Weight,
};
use livepeer_primitives::{
	claim::WorkClaim,
	draw::sample_count,
	extension::Extensions,
	keys::{OperatorSignature, Signer},
	params::{LotteryParameters, ProtocolParameters, Timing},
	traits::OnClaim,
	video::SourceLimits,
	AccountId,
};
use pallet_challenge_lottery::WeightInfo as _;
use pallet_jobs::WeightInfo as _;
use sp_runtime::MultiSignature;

type JobsWeights = <Runtime as pallet_jobs::Config>::WeightInfo;
type LotteryWeights = <Runtime as pallet_challenge_lottery::Config>::WeightInfo;

/// The call of a claim with this many segments.
fn claim_of(leaves: u64) -> RuntimeCall {
	let claim = WorkClaim {
		genesis: Default::default(),
		job: 0,
		assignment: 0,
		first: 0,
		last: leaves - 1,
		root: Default::default(),
		total_work: leaves,
		largest_leaf: 1,
		toolchain: Default::default(),
		extensions: Extensions::default(),
	};
	let signer = Signer { account: AccountId::new([1; 32]), generation: 0, key: 0 };
	let signature =
		OperatorSignature { signer, signature: MultiSignature::Sr25519(Default::default()) };
	pallet_jobs::Call::claim_work { claim, signature }.into()
}

/// A claim's call costs the chain the same weight and the same bytes whatever it covers.
#[test]
fn claims_of_one_and_of_800_segments_should_weigh_the_same() {
	sp_io::TestExternalities::default().execute_with(|| {
		let [small, large] = [1, 800].map(|leaves| {
			let call = claim_of(leaves);
			let weight = call.get_dispatch_info().total_weight();
			(weight.ref_time(), UncheckedExtrinsic::new_bare(call).encoded_size() as u64)
		});
		let is_near = |one: u64, other: u64| one.abs_diff(other) * 20 < one.max(other);
		assert!(is_near(small.0, large.0), "{small:?} {large:?}");
		assert!(is_near(small.1, large.1), "{small:?} {large:?}");
	});
}

/// The total weight of a claim with this many segments if nobody errs: its call (which includes its
/// agenda entries), its leaves, the verdicts of its committee and the opening of its variants.
fn whole_claim(leaves: u32, samples: u32, members: u32) -> Weight {
	let base = Weights::get().get(DispatchClass::Normal).base_extrinsic;
	let depth = leaves.next_power_of_two().trailing_zeros();
	let reveal = LotteryWeights::reveal_leaf(depth)
		.saturating_add(LotteryWeights::authorize_reveal_leaf(depth))
		.saturating_add(base);
	let commit = LotteryWeights::commit_verdict()
		.saturating_add(LotteryWeights::authorize_commit_verdict())
		.saturating_add(base);
	let verdict = LotteryWeights::reveal_verdict()
		.saturating_add(LotteryWeights::authorize_reveal_verdict())
		.saturating_add(base);
	// If forced variants are asked for, the transcoder opens once per claim.
	let opening = LotteryWeights::open_variants(samples)
		.saturating_add(LotteryWeights::authorize_open_variants())
		.saturating_add(base);
	Jobs::claim_weight(members)
		.saturating_add(opening)
		.saturating_add(JobsWeights::authorize_claim_work())
		.saturating_add(base)
		.saturating_add(reveal.saturating_mul(samples.into()))
		.saturating_add(commit.saturating_add(verdict).saturating_mul(members.into()))
}

/// Streams that three quarters of each block carry, each with full claims of two-second segments. A
/// block that is full by its limits also counts, as `ahead`, what each claim's call puts on the
/// agenda.
fn streams_by_weight(lottery: &LotteryParameters, ahead: bool) -> u64 {
	let leaves = lottery.leaves_of(lottery.max_samples);
	let samples = sample_count(lottery.verification_rate, leaves, lottery.max_samples);
	let mut weight = whole_claim(leaves, samples, lottery.committee_size);
	if ahead {
		let future = <ChallengeLottery as OnClaim>::future_of_claim(lottery.committee_size);
		weight = weight.saturating_add(future);
	}
	let slot = Timing::production().slot_duration;
	let blocks = u64::from(leaves) * 2_000 / slot;
	let streams = Weights::get().max_block.ref_time() / 4 * 3 * blocks / weight.ref_time();
	println!("a claim of {leaves} segments weighs {weight}: {streams} streams");
	streams
}

/// Streams of 1280×720 at 30 frames a second into 720p, 480p and 360p that this many validators of
/// equal stake can judge. Each validator decodes and encodes the drawn segments, and makes a probe
/// of a quarter of them.
fn streams_by_judges(parameters: &ProtocolParameters, validators: u64) -> u64 {
	let ProtocolParameters { jobs, lottery, .. } = parameters;
	let source = 1_280 * 720;
	let encoded = (source + 854 * 480 + 640 * 360) * u64::from(jobs.factors.profiles[0].encode);
	let decoded = source * u64::from(jobs.factors.decode);
	let slot = Timing::production().slot_duration;
	let block = u128::from(30 * (encoded + decoded) / 1_000 * slot / 1_000);
	let drawn = block * u128::from(lottery.verification_rate.deconstruct()) / 1_000_000_000;
	let judged = drawn * 5 / 4 * u128::from(lottery.committee_size);
	let streams = u128::from(lottery.verify_rate) * u128::from(validators) / judged;
	u64::try_from(streams).unwrap_or(u64::MAX)
}

/// Streams whose claims find places, with as many transcoders.
fn streams_by_places(parameters: &ProtocolParameters, transcoders: u32) -> u32 {
	let ProtocolParameters { jobs, lottery, .. } = parameters;
	let timing = Timing::production();
	let leaves = lottery.leaves_of(lottery.max_samples);
	let limits = SourceLimits::new(1280, 720, 30);
	let life = lottery.longest_judgement(&timing);
	let places = pallet_jobs::decision::places(life, timing.slot_duration, leaves, &limits);
	jobs.max_open_claims / places * transcoders
}

#[test]
fn streams_should_be_carried_by_the_thousand_at_the_presets() {
	let production = ProtocolParameters::production();
	assert!(streams_by_weight(&production.lottery, false) > 4_000);
	assert!(streams_by_judges(&production, 144) > 1_000);
	assert!(streams_by_places(&production, 144) > 1_000);
}

#[test]
fn ten_thousand_streams_should_be_carried_by_the_preset_for_as_many() {
	let large = ProtocolParameters::large();
	for ahead in [false, true] {
		let streams = streams_by_weight(&large.lottery, ahead);
		assert!(streams > 10_000, "{streams} by weight");
	}
	let validators = large.election.active_size;
	let streams = streams_by_judges(&large, validators.into());
	assert!(streams > 10_000, "{streams} by judges");
	let streams = streams_by_places(&large, validators);
	assert!(streams > 10_000, "{streams} by places");
	// At production's rate the same preset cannot carry them, and neither can its judges at
	// production's pace.
	let ProtocolParameters { lottery, .. } = ProtocolParameters::production();
	let rate = LotteryParameters { verification_rate: lottery.verification_rate, ..large.lottery };
	assert!(streams_by_weight(&rate, false) < 10_000);
	let pace = LotteryParameters { verify_rate: lottery.verify_rate, ..large.lottery };
	assert!(streams_by_judges(&ProtocolParameters { lottery: pace, ..large }, 144) < 10_000);
}
