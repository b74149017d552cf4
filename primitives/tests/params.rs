//! Presets, bounds and relations of the parameters.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use codec::{DecodeAll, Encode};
use livepeer_primitives::{
	draw::sample_count,
	job_format::check_format,
	params::{
		Bounds, JobsStored, LotteryParameters, LotteryStored, MoneyParameters, Parameter,
		ParameterError, ProtocolParameters, Relation, RoundsStored, Timing, Unit,
		VerificationTerms, BOUNDS,
	},
	video::{Rendition, SourceLimits, CANONICAL_PROFILE, CAPPED_QUALITY, LONGEST_SEGMENT},
	work::{max_leaf_work, ProfileFactor, STANDARD_SEGMENT_WORK},
	MAX_COMMITTEE, MAX_SLASHED_ROUNDS, MAX_TREE_DEPTH, UNIT,
};
use proptest::prelude::*;
use serde_json::Value;
use sp_runtime::Perbill;

const PRODUCTION: ProtocolParameters = ProtocolParameters::production();
const DEV: ProtocolParameters = ProtocolParameters::development();

fn presets() -> [(ProtocolParameters, Timing); 3] {
	[
		(PRODUCTION, Timing::production()),
		(ProtocolParameters::large(), Timing::production()),
		(DEV, Timing::development()),
	]
}

/// Governance sets one concern at a time, so every single step must keep every rule.
#[test]
fn production_should_grow_large_in_any_order() {
	let large = ProtocolParameters::large();
	let jobs = ProtocolParameters { jobs: large.jobs, ..PRODUCTION };
	let lottery = ProtocolParameters { lottery: large.lottery, ..PRODUCTION };
	for step in [jobs, lottery] {
		assert_eq!(step.check(&Timing::production()), Ok(()));
	}
	assert_eq!(ProtocolParameters { jobs: large.jobs, ..lottery }, large);
}

#[test]
fn presets_should_keep_every_rule() {
	for (preset, timing) in presets() {
		assert_eq!(preset.check(&timing), Ok(()));
	}
}

/// A ballot lasts as long as the work that a claim states. At most as many leaves are drawn as one
/// verifier can judge in `max_work_blocks`. Whatever work is stated, a tranche has at least half of
/// these blocks and the dispute has all of them.
#[test]
fn disputes_should_leave_time_for_all_that_can_be_drawn_whatever_work_is_claimed() {
	for (preset, _) in presets() {
		let LotteryParameters { commit_base, dispute_commit_base, max_work_blocks, .. } =
			preset.lottery;
		assert!(commit_base >= max_work_blocks / 2, "{commit_base}");
		assert!(dispute_commit_base >= max_work_blocks, "{dispute_commit_base}");
	}
}

#[test]
fn presets_should_keep_every_rule_with_every_number_of_tranches() {
	for (mut preset, timing) in presets() {
		let most = preset.lottery.tranches;
		for tranches in 1..=most {
			preset.lottery.tranches = tranches;
			assert_eq!(preset.check(&timing), Ok(()), "{tranches} tranches");
		}
	}
}

#[test]
fn longest_claim_life_should_be_the_worked_number() {
	// Windows + leaf reveal + tranches + dispute + opening + deferral or slashing period +
	// penalties, 16 per block. Each ballot: commit + work + reveal + crowded blocks. Each tranche
	// is followed by the wait for the seed of the next one, or of the dispute. Leaf reveal and
	// opening allow for crowded blocks.
	let production =
		7 * 100
			+ 2 * 100 + 3 * (50 + 100 + 20 + 100 + 2)
			+ (200 + 100 + 50 + 100)
			+ 2 * 100 + 28_800
			+ 20;
	assert_eq!(PRODUCTION.lottery.longest_claim_life(&Timing::production()), production);
	assert_eq!(production, 31_186);
	let dev =
		7 * 10 + 2 * 20 + 2 * (20 + 20 + 10 + 20 + 2) + (40 + 20 + 10 + 20) + 2 * 20 + 12 + 20;
	assert_eq!(DEV.lottery.longest_claim_life(&Timing::development()), dev);
	assert_eq!(dev, 416);
	// (LiabilityWindow − 1) × RoundLength: 43,200 and 420 blocks.
	assert!(production < 3 * 14_400 && dev < 14 * 30);
	// When many fail under one toolchain, a slash waits seven rounds; in the development preset
	// two.
	let deferred = PRODUCTION.lottery.longest_deferred_life(&Timing::production());
	assert_eq!(deferred, production - 28_800 + 7 * 14_400);
	let deferred = DEV.lottery.longest_deferred_life(&Timing::development());
	assert_eq!(deferred, dev - 12 + 2 * 30);
	// A long deferral below the usual one shortens nothing.
	let shorter = LotteryParameters { long_deferral: 1, ..PRODUCTION.lottery };
	assert_eq!(shorter.longest_deferred_life(&Timing::production()), production);
}

/// A claim either ends as missed or goes through its ballots: the longer path counts.
#[test]
fn longest_judgement_should_hold_at_the_bounds() {
	let (mut lottery, timing) = (DEV.lottery, Timing::development());
	(lottery.committee_size, lottery.tranches, lottery.missed_grace) = (MAX_COMMITTEE / 8, 8, 1);
	let ballots = 8 * (20 + 20 + 10 + 20 + 2) + (40 + 20 + 10 + 20) + 2 * 20;
	assert_eq!(lottery.longest_judgement(&timing), 7 * 10 + 2 * 20 + ballots);
	lottery.missed_grace = ballots + 1;
	assert_eq!(lottery.longest_judgement(&timing), 7 * 10 + 2 * 20 + ballots + 1);
}

#[test]
fn claims_should_be_short_enough_for_the_rate() {
	let leaves = |per_mille: u32, samples: u32| {
		let mut lottery = PRODUCTION.lottery;
		lottery.verification_rate = Perbill::from_rational(per_mille, 1_000);
		lottery.leaves_of(samples)
	};
	// Production: 2 %, and 5 % for new transcoders; development: 25 % and 62.5 %.
	assert_eq!(leaves(20, 16), 800);
	assert_eq!(leaves(50, 16), 320);
	assert_eq!(leaves(250, 16), 64);
	assert_eq!(leaves(625, 16), 25);
	assert_eq!(leaves(1_000, 16), 16);
	assert_eq!(leaves(0, 16), 1 << MAX_TREE_DEPTH);
	// A job of which fewer leaves can be judged has shorter claims.
	assert_eq!(leaves(20, 3), 150);
	assert_eq!(leaves(250, 1), 4);
	assert_eq!(leaves(1_000, 0), 1);
}

/// A ladder of 16:9 pictures of these heights.
fn ladder(heights: &[u16]) -> Vec<Rendition> {
	let rendition = |height: &u16| Rendition {
		width: (height * 16 / 9).next_multiple_of(2),
		height: *height,
		profile: CANONICAL_PROFILE,
		kbps: 3_000,
		cap_kbps: 4_500,
	};
	heights.iter().map(rendition).collect()
}

/// How many leaves are drawn at most from a claim of this job.
fn samples(preset: &ProtocolParameters, ladder: &[Rendition], limits: &SourceLimits) -> u32 {
	let factors = &preset.jobs.factors;
	check_format(ladder, limits, factors).unwrap();
	preset.lottery.samples_of(max_leaf_work(factors, ladder, limits).unwrap())
}

#[test]
fn jobs_that_the_protocol_names_should_be_possible() {
	let hd = (ladder(&[1080, 720, 480, 360]), SourceLimits::new(1920, 1080, 60));
	let uhd = (ladder(&[2160, 1440, 1080, 720, 480]), SourceLimits::new(3840, 2160, 60));
	// With the usual segments, and with the longest segments that any encoder makes.
	for (profile, preset, (ladder, limits), usual, longest) in [
		(CANONICAL_PROFILE, DEV, &hd, 4, 1),
		(CANONICAL_PROFILE, PRODUCTION, &hd, 16, 16),
		(CANONICAL_PROFILE, PRODUCTION, &uhd, 15, 3),
		(CAPPED_QUALITY, DEV, &hd, 4, 1),
		(CAPPED_QUALITY, PRODUCTION, &hd, 16, 14),
		(CAPPED_QUALITY, PRODUCTION, &uhd, 13, 3),
	] {
		let ladder: Vec<_> = ladder.iter().map(|r| Rendition { profile, ..*r }).collect();
		assert_eq!(samples(&preset, &ladder, limits), usual);
		let limits = SourceLimits { longest: LONGEST_SEGMENT, ..*limits };
		assert_eq!(samples(&preset, &ladder, &limits), longest);
	}
}

#[test]
fn jobs_that_cannot_be_judged_should_have_no_sample() {
	// Eight renditions of the largest picture at the highest rate.
	let mut largest = ladder(&[2304; 8]);
	(0u32..).zip(&mut largest).for_each(|(i, rendition)| {
		(rendition.width, rendition.height, rendition.kbps) = (4096, 4096, 1_000 + i);
	});
	for preset in [PRODUCTION, DEV] {
		assert_eq!(samples(&preset, &largest, &SourceLimits::new(4096, 4096, 120)), 0);
	}
	// Never more leaves are drawn than one verifier can judge in time: exactly as many as fit.
	let lottery = DEV.lottery;
	let can = lottery.verify_rate * u64::from(lottery.max_work_blocks);
	assert_eq!(lottery.samples_of(can), 1);
	assert_eq!(lottery.samples_of(can + 1), 0);
	assert_eq!(lottery.samples_of(can / 16), 16);
	assert_eq!(lottery.samples_of(0), 16);
	assert_eq!(lottery.samples_of(u64::MAX), 0);
}

#[test]
fn whitepapers_verification_rate_should_be_permitted() {
	let mut parameters = PRODUCTION;
	parameters.lottery.verification_rate = Perbill::from_rational(1u32, 500);
	assert_eq!(parameters.check(&Timing::production()), Ok(()));
	assert_eq!(parameters.lottery.leaves_of(16), 1 << MAX_TREE_DEPTH);
}

#[test]
fn work_blocks_should_be_rounded_up_and_capped() {
	let lottery = DEV.lottery;
	assert_eq!(lottery.work_blocks(0), 0);
	assert_eq!(lottery.work_blocks(1), 1);
	assert_eq!(lottery.work_blocks(150_000_000), 1);
	assert_eq!(lottery.work_blocks(150_000_001), 2);
	assert_eq!(lottery.work_blocks(u64::MAX), 20);
}

/// Unlike any preset's: five members at 40 per standard segment; a claim is worth three times what
/// judging it costs.
const TERMS: VerificationTerms = VerificationTerms {
	rate: Perbill::from_percent(4),
	committee_size: 5,
	verify_price: 40,
	fee_ratio: 3,
	variant_rate: Perbill::from_percent(3),
};

#[test]
fn claims_should_prepay_and_be_worth_what_their_terms_say() {
	let segment = STANDARD_SEGMENT_WORK;
	assert_eq!(TERMS.leaves_of(16), 400);
	// Sixteen leaves of at most two standard segments.
	assert_eq!(TERMS.prepayment(16, 2 * segment), 16 * 5 * 2 * 40);
	// A hundred leaves that average half a standard segment.
	assert_eq!(TERMS.mean_cost(16, 50 * segment, 100), 16 * 5 * 40 / 2);
	assert_eq!(TERMS.mean_cost(1, 1, 1), 1, "against who claims");
	// The judged work never exceeds the work of the claim.
	assert_eq!(TERMS.most_cost(16, 50 * segment, 2 * segment), 16 * 5 * 2 * 40);
	assert_eq!(TERMS.most_cost(16, 20 * segment, 2 * segment), 20 * 5 * 40);
	// Three times the average cost, but never less than the highest cost.
	assert_eq!(TERMS.least_fee(16, 50 * segment, 100, segment / 2), 3 * 16 * 5 * 40 / 2);
	assert_eq!(TERMS.least_fee(16, 50 * segment, 100, 2 * segment), 16 * 5 * 2 * 40);
	let free = VerificationTerms { fee_ratio: 0, ..TERMS };
	assert_eq!(free.least_fee(16, 50 * segment, 100, 2 * segment), 0);
	// 4 % of three times the cost of five members.
	assert_eq!(TERMS.least_price(), 24);
	assert_eq!(PRODUCTION.lottery.full_claim(), 16 * segment);
}

#[test]
fn claims_should_be_judged_by_the_terms_of_their_assignments() {
	let lottery = PRODUCTION.lottery;
	let (known, new) = (lottery.terms(false), lottery.terms(true));
	assert_eq!((known.rate, new.rate), (Perbill::from_percent(2), Perbill::from_percent(5)));
	assert_eq!(new, VerificationTerms { rate: new.rate, ..known });
	assert_eq!(lottery.under(&known), lottery);
	let under = lottery.under(&TERMS);
	assert_eq!(under.terms(false), TERMS);
	assert_eq!(under.slashing_period, lottery.slashing_period);
	// The largest committee that three tranches can hold.
	let many = VerificationTerms { committee_size: MAX_COMMITTEE, ..TERMS };
	assert_eq!(lottery.under(&many).committee_size, 21);
}

#[test]
fn stake_should_back_claims_with_half_of_its_exposure() {
	let money = MoneyParameters { lpt_per_eth: 500 * UNIT, ..PRODUCTION.money };
	assert_eq!(money.in_lpt(2 * UNIT), 1_000 * UNIT);
	assert_eq!(money.in_eth(1_000 * UNIT), 2 * UNIT);
	assert_eq!(money.in_eth(499), 0, "rounded down");
	// Of 1,000 LPT, 50 are exposed: worth a tenth of an ether. Half of it backs claims.
	assert_eq!(money.backing(1_000 * UNIT, Perbill::from_percent(5)), UNIT / 20);
}

fn leaves_of(value: &Value, path: &str, into: &mut BTreeSet<String>) {
	let Value::Object(fields) = value else {
		into.insert(path.into());
		return;
	};
	for (name, field) in fields {
		let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
		leaves_of(field, &path, into);
	}
}

#[test]
fn every_parameter_should_have_bounds() {
	let mut paths = BTreeSet::new();
	let text = serde_json::to_string(&DEV).unwrap();
	leaves_of(&serde_json::from_str(&text).unwrap(), "", &mut paths);
	leaves_of(&serde_json::to_value(Timing::development()).unwrap(), "timing", &mut paths);
	let bounded: BTreeSet<_> = BOUNDS.iter().map(|bounds| bounds.path.to_string()).collect();
	assert_eq!(paths, bounded);
	assert_eq!(bounded.len(), BOUNDS.len());
	for bounds in BOUNDS {
		assert!(bounds.lowest <= bounds.highest && bounds.highest < u128::MAX, "{bounds:?}");
		let share = bounds.unit == Unit::Share;
		assert!(!share || bounds.highest <= 1_000_000_000, "{bounds:?}");
	}
}

/// `preset` with one parameter set to `value` by way of JSON; `None` if its type cannot hold the
/// value.
fn with(
	preset: &ProtocolParameters,
	timing: &Timing,
	bounds: &Bounds,
	value: u128,
) -> Option<(ProtocolParameters, Timing)> {
	let (mut all, mut time) =
		(serde_json::to_string(preset).unwrap(), serde_json::to_string(timing).unwrap());
	let (concern, field) = bounds.path.split_once('.').unwrap();
	let field = match bounds.parameter {
		Parameter::EncodeFactor => "encode",
		_ => field.rsplit('.').next().unwrap(),
	};
	let text = if concern == "timing" { &mut time } else { &mut all };
	let concern = text.find(&format!("\"{concern}\":")).unwrap_or(0);
	let key = format!("\"{field}\":");
	let start = concern + text[concern..].find(&key).unwrap() + key.len();
	let end = start + text[start..].find([',', '}']).unwrap();
	text.replace_range(start..end, &value.to_string());
	Some((serde_json::from_str(&all).ok()?, serde_json::from_str(&time).ok()?))
}

#[test]
fn every_bound_should_be_checked_and_named() {
	for (preset, timing) in presets() {
		for bounds in BOUNDS {
			let Bounds { parameter, lowest, highest, .. } = *bounds;
			let check = |value| {
				with(&preset, &timing, bounds, value).map(|(all, timing)| all.check(&timing))
			};
			if let Some(below) = lowest.checked_sub(1) {
				let error = ParameterError::TooSmall { parameter, lowest };
				assert_eq!(check(below), Some(Err(error)));
				assert_eq!(check(0), Some(Err(error)));
			}
			// The type itself refuses a share above one.
			if bounds.unit != Unit::Share || highest < 1_000_000_000 {
				let error = ParameterError::TooLarge { parameter, highest };
				assert_eq!(check(highest + 1), Some(Err(error)), "{bounds:?}");
			}
			// Within the bounds, only relations can refuse the value.
			for value in [lowest, highest] {
				let checked = check(value).unwrap();
				assert!(matches!(checked, Ok(()) | Err(ParameterError::Broken(_))), "{bounds:?}");
			}
		}
	}
}

#[test]
fn every_relation_should_be_checked_and_named() {
	use Relation as R;
	type Change = fn(&mut ProtocolParameters, &mut Timing);
	let cases: &[(R, Change)] = &[
		(R::WindowWithinRound, |p, t| p.rounds.length = t.beacon_window - 1),
		(R::RoundEnds, |p, t| {
			p.rounds.length = 28 * 1_440 + 1;
			t.slot_duration = 60_000;
		}),
		(R::UnbondingEnds, |p, t| {
			p.rounds.length = 14_401;
			p.staking.unbonding_period = 180;
			t.slot_duration = 6_000;
		}),
		(R::UnbondingWithinLiability, |p, _| {
			p.staking.unbonding_period = p.staking.liability_window - 1;
		}),
		(R::LiabilityOutlivesClaims, |p, _| p.staking.liability_window = 1),
		(R::LiabilityOutlivesClaims, |p, _| p.lottery.slash_deferral = 403_200),
		(R::LiabilityOutlivesClaims, |p, _| p.lottery.slashing_period = 100_800),
		(R::ValidatorsWithinActiveSet, |p, _| {
			p.election.min_validators = p.election.active_size + 1;
		}),
		(R::SelfBondIsBond, |p, _| p.election.min_self_bond = p.staking.min_bond - 1),
		(R::MissedCostsFailed, |p, _| p.lottery.missed_slash = Perbill::from_percent(4)),
		(R::TranchesWithinCommittee, |p, _| {
			(p.lottery.committee_size, p.lottery.tranches) = (33, 2);
		}),
		(R::JudgesKeepUp, |p, _| {
			(p.lottery.verify_rate, p.lottery.max_work_blocks) = (STANDARD_SEGMENT_WORK - 1, 1);
		}),
		(R::ProfilesKnown, |p, _| p.jobs.factors.profiles[0].profile = 2),
		(R::ProfilesKnown, |p, _| p.jobs.factors.profiles[2].encode = 5),
		(R::ProfilesKnown, |p, _| p.jobs.factors.profiles[7] = p.jobs.factors.profiles[0]),
		(R::ProfilesKnown, |p, _| {
			p.jobs.factors.profiles[3] = ProfileFactor { profile: 7, encode: 1 };
			p.jobs.factors.profiles[5] = ProfileFactor { profile: 7, encode: 2 };
		}),
		(R::NewcomersAreVerified, |p, _| {
			p.lottery.verification_rate = p.lottery.new_verification_rate + Perbill::from_parts(1);
		}),
		(R::VariantCostsDissent, |p, _| {
			p.lottery.false_dissent_slash = p.lottery.variant_slash + Perbill::from_parts(1);
		}),
		(R::VariantCostsDissent, |p, _| p.lottery.variant_slash = Perbill::zero()),
		(R::SlashReachesDeferral, |p, _| {
			p.rounds.length = 1_000;
			(p.lottery.slash_deferral, p.lottery.slashing_period) = (1, 1);
			p.lottery.long_deferral = 403_200;
		}),
	];
	for (preset, timing) in presets() {
		for (number, (relation, change)) in cases.iter().enumerate() {
			let (mut parameters, mut timing) = (preset, timing);
			change(&mut parameters, &mut timing);
			let error = ParameterError::Broken(*relation);
			assert_eq!(parameters.check(&timing), Err(error), "case {number}");
		}
	}
}

#[test]
fn relations_should_be_kept_at_their_limits() {
	let mut parameters = PRODUCTION;
	parameters.jobs.factors.profiles[5] = ProfileFactor { profile: 7, encode: 100_000 };
	(parameters.lottery.committee_size, parameters.lottery.tranches) = (MAX_COMMITTEE / 8, 8);
	parameters.lottery.missed_slash = parameters.lottery.failed_slash;
	parameters.lottery.variant_slash = parameters.lottery.false_dissent_slash;
	parameters.election.min_self_bond = parameters.staking.min_bond;
	parameters.election.min_validators = parameters.election.active_size;
	parameters.staking.unbonding_period = 180;
	parameters.staking.liability_window = MAX_SLASHED_ROUNDS - 1;
	assert_eq!(parameters.check(&Timing::production()), Ok(()));
	parameters.staking.unbonding_period = MAX_SLASHED_ROUNDS - 1;
	parameters.rounds.length = 14_400 * 180 / (MAX_SLASHED_ROUNDS - 1);
	assert_eq!(parameters.check(&Timing::production()), Ok(()));
	parameters.rounds.length += 1;
	let error = ParameterError::Broken(Relation::UnbondingEnds);
	assert_eq!(parameters.check(&Timing::production()), Err(error));
}

/// A round of u32::MAX blocks could never be undone.
#[test]
fn no_round_should_outlast_four_weeks() {
	for (preset, timing) in presets() {
		let taken = |length| {
			let mut parameters = preset;
			parameters.rounds.length = length;
			parameters.staking.unbonding_period = parameters.staking.liability_window;
			parameters.check(&timing).is_ok()
		};
		let longest = (1..=403_200u32).rev().find(|length| taken(*length)).unwrap();
		let days = u64::from(longest) * timing.slot_duration / (24 * 3_600 * 1_000);
		assert!(days <= 28, "{days}");
		assert!(!taken(403_201) && !taken(u32::MAX));
	}
}

#[test]
fn stake_should_stay_until_the_longest_claim_of_its_last_round_is_executed() {
	// A claim in the last block of round r, from which stake left in round r, must be executed
	// while the liability window of r still runs. That window lasts at least `liability_window − 1`
	// whole rounds.
	let timing = Timing::development();
	let life = DEV.lottery.longest_claim_life(&timing);
	let mut parameters = DEV;
	parameters.rounds.length = life / 14;
	let error = ParameterError::Broken(Relation::LiabilityOutlivesClaims);
	assert_eq!(parameters.check(&timing), Err(error));
	parameters.rounds.length = life / 14 + 1;
	assert_eq!(parameters.check(&timing), Ok(()));
}

#[test]
fn parameters_should_read_back_from_json() {
	for (mut preset, timing) in presets() {
		// Amounts of any size.
		preset.election.min_validator_stake = 123_456_789 * UNIT + 1;
		let json = serde_json::to_string(&(preset, timing)).unwrap();
		let back: (ProtocolParameters, Timing) = serde_json::from_str(&json).unwrap();
		assert_eq!(back, (preset, timing));
	}
}

#[test]
fn stored_concerns_should_say_their_version() {
	let stored = RoundsStored::from(PRODUCTION.rounds);
	assert_eq!(stored.encode(), [&[1][..], &PRODUCTION.rounds.encode()].concat());
	// Bytes without a known version are refused: the bare struct as well as a later version.
	assert!(JobsStored::decode_all(&mut &PRODUCTION.jobs.encode()[..]).is_err());
	let mut later = LotteryStored::from(PRODUCTION.lottery).encode();
	later[0] = 2;
	assert!(LotteryStored::decode_all(&mut &later[..]).is_err());
	later[0] = 1;
	let back = LotteryStored::decode_all(&mut &later[..]).unwrap();
	assert_eq!(livepeer_primitives::params::LotteryParameters::from(back), PRODUCTION.lottery);
}

proptest! {
	#[test]
	fn claims_of_allowed_length_should_keep_the_rate(parts in 1u32..=1_000_000_000, max in 1u32..=16) {
		let mut lottery = PRODUCTION.lottery;
		lottery.verification_rate = Perbill::from_parts(parts);
		let leaves = lottery.leaves_of(max);
		let k = sample_count(lottery.verification_rate, leaves, max);
		// Either the rate decides how many leaves are drawn, or the claim has the one leaf that it
		// must have.
		prop_assert!(u64::from(k) * 1_000_000_000 >= u64::from(parts) * u64::from(leaves));
	}

	#[test]
	fn samples_should_fit_the_time_that_judges_have(
		work in any::<u64>(),
		rate in 1u64..,
		blocks in 1u32..,
		most in 1u32..=16,
	) {
		let mut lottery = PRODUCTION.lottery;
		lottery.verify_rate = rate;
		lottery.max_work_blocks = blocks;
		lottery.max_samples = most;
		let samples = lottery.samples_of(work);
		prop_assert!(samples <= most);
		let can = u128::from(rate) * u128::from(blocks);
		prop_assert!(u128::from(samples) * u128::from(work) <= can);
		prop_assert!(samples == most || u128::from(samples + 1) * u128::from(work) > can);
	}

	#[test]
	fn check_should_not_overflow_whatever_it_is_given(
		numbers in prop::collection::vec(prop_oneof![any::<u32>(), 0u32..5_000], 14),
		rate in any::<u64>(),
	) {
		let mut parameters = DEV;
		parameters.rounds.length = numbers[0];
		let window = numbers[1] % (2 * MAX_SLASHED_ROUNDS);
		parameters.staking.liability_window = window;
		parameters.staking.unbonding_period = numbers[12].max(window);
		let l = &mut parameters.lottery;
		l.reveal_window = numbers[2];
		l.missed_grace = numbers[3];
		l.commit_base = numbers[4];
		l.verdict_reveal = numbers[5];
		l.max_work_blocks = numbers[6];
		l.dispute_commit_base = numbers[7];
		l.dispute_reveal = numbers[8];
		l.slashing_period = numbers[9];
		l.slash_deferral = numbers[10];
		l.tranches = numbers[13];
		l.verify_rate = rate;
		let _ = l.work_blocks(rate);
		let timing = Timing { beacon_window: numbers[11], ..Timing::development() };
		if parameters.check(&timing).is_ok() {
			// Then the relation holds in exact numbers too.
			let ballot = |base: u32, reveal: u32| -> u64 {
				[base, reveal, numbers[6], numbers[2]].into_iter().map(u64::from).sum()
			};
			let ballots = u64::from(numbers[13]) * (ballot(numbers[4], numbers[5]) + 2)
				+ ballot(numbers[7], numbers[8])
				+ 2 * u64::from(numbers[2]);
			let life = 7 * u64::from(numbers[11])
				+ 2 * u64::from(numbers[2])
				+ ballots.max(numbers[3].into())
				+ u64::from(numbers[9].max(numbers[10]))
				+ 20;
			prop_assert!(u64::from(window - 1) * u64::from(numbers[0]) > life);
			prop_assert!(window < MAX_SLASHED_ROUNDS);
		}
	}
}
