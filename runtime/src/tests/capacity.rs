//! What a claim weighs from its call to its settlement, and how many streams a block's weight carries.
//! `docs/economics.md` has the curves, by `scripts/economics.py`.

use crate::{constants::block::Weights, Jobs, Runtime, RuntimeCall, UncheckedExtrinsic};
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
	params::{ProtocolParameters, Timing},
	AccountId,
};
use pallet_challenge_lottery::WeightInfo as _;
use pallet_jobs::WeightInfo as _;
use sp_runtime::MultiSignature;

type JobsWeights = <Runtime as pallet_jobs::Config>::WeightInfo;
type LotteryWeights = <Runtime as pallet_challenge_lottery::Config>::WeightInfo;

/// The call of a claim of so many segments.
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

/// A claim's call costs the chain the same whatever it covers, in weight and in bytes.
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

/// All that a claim of so many segments weighs where nobody errs: its call, which weighs what its agenda
/// entries do, its leaves, the verdicts of its committee and the opening of its variants.
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
	// Where forced variants are asked for, the transcoder opens once for each claim.
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

/// Streams that three quarters of each block carry in production, each with full claims of two-second
/// segments.
#[test]
fn streams_should_be_carried_by_the_thousand_at_the_presets() {
	let ProtocolParameters { lottery, .. } = ProtocolParameters::production();
	let leaves = lottery.leaves_of(lottery.max_samples);
	let samples = sample_count(lottery.verification_rate, leaves, lottery.max_samples);
	let weight = whole_claim(leaves, samples, lottery.committee_size);
	let slot = Timing::production().slot_duration;
	let blocks = u64::from(leaves) * 2_000 / slot;
	let streams = Weights::get().max_block.ref_time() / 4 * 3 * blocks / weight.ref_time();
	println!("a claim of {leaves} segments weighs {weight}: {streams} streams");
	assert!(streams > 4_000, "{streams}");
}
