//! Creation and top-up.

use crate::{mock::*, types::Phase, Error, Event, HoldReason, JobOfStream, NextJob};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	traits::Settlement,
	video::{Ladder, Rendition, SourceLimits},
	work::{self, WorkFactors},
	Balance, ETH_MINIMUM, UNIT,
};

const BOND: Balance = UNIT / 1_000;

/// The most that one segment of a typical job costs.
fn one_leaf() -> Balance {
	let factors = Parameters::get().factors;
	work::fee(work::max_leaf_work(&factors, &ladder(), &limits()).unwrap(), PRICE)
}

fn create_format(ladder: Ladder, limits: SourceLimits) -> sp_runtime::DispatchResult {
	Jobs::create_job(
		RuntimeOrigin::signed(BOB),
		None,
		name("cam"),
		ladder,
		limits,
		PRICE,
		now() + LENGTH,
		BUDGET,
	)
}

fn create_until(end: u32) -> sp_runtime::DispatchResult {
	let origin = RuntimeOrigin::signed(BOB);
	Jobs::create_job(origin, None, name("cam"), ladder(), limits(), PRICE, end, BUDGET)
}

#[test]
fn create_should_hold_budget_and_bond() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		assert_eq!(held(&BOB, HoldReason::Budget), BUDGET);
		assert_eq!(held(&BOB, HoldReason::Bond), BOND);
		assert_eq!(free(&BOB), PURSE - BUDGET - BOND);
		let job = job(id);
		assert_eq!((job.unreserved, job.bond), (BUDGET, BOND));
		assert_eq!(job.phase, Phase::Waiting { draw_at: 3, retries: 0 });
		assert_eq!(
			last_event(),
			Event::JobCreated {
				job: 0,
				broadcaster: BOB,
				stream: stream(&BOB, "cam"),
				name: name("cam"),
				max_price: PRICE,
				end: 1 + LENGTH,
				budget: BUDGET,
			}
		);
	});
}

#[test]
fn create_should_freeze_factors_and_max_leaf_work() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		let before = job(id);
		// 76 frames: outputs at factor 1, the source at a quarter.
		let pixels = (1280 * 720 + 640 * 360) * 76 + 1920 * 1080 * 76 / 4;
		assert_eq!(before.max_leaf_work, pixels);
		// The damage of a rejected segment may be in its last picture.
		assert_eq!(before.factors.rejected, 1920 * 1080 * 76 / 4);
		Parameters::mutate(|p| p.factors = WorkFactors::canonical(1, 1, 1));
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		assert_eq!(job(id).max_leaf_work, before.max_leaf_work);
		assert_eq!(job(id).factors, before.factors);
	});
}

#[test]
fn stream_should_belong_to_its_broadcaster_when_names_are_equal() {
	build_and_execute(|| {
		let (bob, bea) = (create(&BOB, "cam"), create(&BEA, "cam"));
		assert_ne!(job(bob).stream, job(bea).stream);
		assert_eq!(JobOfStream::<Test>::get(stream(&BOB, "cam")), Some(bob));
		assert_eq!(JobOfStream::<Test>::get(stream(&BEA, "cam")), Some(bea));
	});
}

#[test]
fn create_should_fail_when_stream_has_a_job() {
	build_and_execute(|| {
		create(&BOB, "cam");
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::StreamHasJob);
		assert_ok!(create_with(&BOB, "cam2", BUDGET));
	});
}

#[test]
fn create_should_succeed_when_the_streams_job_has_ended() {
	build_and_execute(|| {
		let old = running();
		assert_ok!(claim(&TIM, old, 0, 0, 3));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), old));
		let new = create(&BOB, "cam");
		check();
		assert_eq!(JobOfStream::<Test>::get(stream(&BOB, "cam")), Some(new));
		// The old job's closing does not take the stream from the new one.
		assert_ok!(settle(0, Settlement::Pay));
		skip(GONE);
		assert!(!crate::Jobs::<Test>::contains_key(old));
		assert_eq!(JobOfStream::<Test>::get(stream(&BOB, "cam")), Some(new));
	});
}

#[test]
fn create_should_fail_when_name_is_empty_or_not_text() {
	build_and_execute(|| {
		for bad in [vec![], vec![0xff, 0xfe]] {
			let origin = RuntimeOrigin::signed(BOB);
			let bad = bad.try_into().unwrap();
			assert_noop!(
				Jobs::create_job(origin, None, bad, ladder(), limits(), PRICE, 100, BUDGET),
				Error::<Test>::BadStreamName
			);
		}
	});
}

#[test]
fn create_should_name_what_is_wrong_with_the_format() {
	build_and_execute(|| {
		let rendition = rendition(640, 360, 800);
		let one = |r| Ladder::try_from(vec![r]).unwrap();
		assert_noop!(create_format(Ladder::default(), limits()), Error::<Test>::NoRendition);
		let twice = Ladder::try_from(vec![rendition, rendition]).unwrap();
		assert_noop!(create_format(twice, limits()), Error::<Test>::DuplicateRendition);
		let odd = one(Rendition { width: 641, ..rendition });
		assert_noop!(create_format(odd, limits()), Error::<Test>::BadSize);
		let mute = one(Rendition { kbps: 0, ..rendition });
		assert_noop!(create_format(mute, limits()), Error::<Test>::BadBitrate);
		let strange = one(Rendition { profile: 77, ..rendition });
		assert_noop!(create_format(strange, limits()), Error::<Test>::UnknownProfile);
		let long = SourceLimits { longest: 10 * 90_000 + 1, ..limits() };
		assert_noop!(create_format(one(rendition), long), Error::<Test>::BadSegmentLength);
		let still = SourceLimits { fps: 0, ..limits() };
		assert_noop!(create_format(one(rendition), still), Error::<Test>::BadFrameRate);
	});
}

#[test]
fn create_should_fail_when_end_is_too_near_or_too_far() {
	build_and_execute(|| {
		let longest = Parameters::get().longest_job;
		for bad in [0, now(), now() + 2, now() + longest + 1, u32::MAX] {
			assert_noop!(create_until(bad), Error::<Test>::BadEnd);
		}
		assert_ok!(create_until(now() + 3));
	});
	build_and_execute(|| {
		assert_ok!(create_until(now() + Parameters::get().longest_job));
	});
}

#[test]
fn create_should_fail_when_budget_does_not_pay_one_segment() {
	build_and_execute(|| {
		assert_noop!(create_with(&BOB, "cam", one_leaf() - 1), Error::<Test>::BudgetTooSmall);
		assert_ok!(create_with(&BOB, "cam", one_leaf()));
		// However low the price, a budget must cover the smallest fee.
		let at_a_low_price = |budget| {
			let origin = RuntimeOrigin::signed(BEA);
			Jobs::create_job(origin, None, name("cam"), ladder(), limits(), LOW_PRICE, 100, budget)
		};
		assert_noop!(at_a_low_price(ETH_MINIMUM - 1), Error::<Test>::BudgetTooSmall);
		assert_ok!(at_a_low_price(ETH_MINIMUM));
	});
}

#[test]
fn create_should_leave_the_minimum_balance_free() {
	build_and_execute(|| {
		let most = PURSE - BOND - ETH_MINIMUM;
		assert_noop!(create_with(&BOB, "cam", most + 1), Error::<Test>::InsufficientEth);
		assert_noop!(create_with(&BOB, "cam", Balance::MAX), Error::<Test>::InsufficientEth);
		assert_noop!(create_with(&TIM, "cam", BUDGET), Error::<Test>::InsufficientEth);
		assert_ok!(create_with(&BOB, "cam", most));
		assert_eq!(free(&BOB), ETH_MINIMUM);
		assert_noop!(create_with(&BOB, "cam2", one_leaf()), Error::<Test>::InsufficientEth);
	});
}

#[test]
fn create_should_fail_when_numbers_are_used_up() {
	build_and_execute(|| {
		NextJob::<Test>::put(u64::MAX);
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::NoMoreNumbers);
	});
}

#[test]
fn create_should_never_reuse_a_number() {
	build_and_execute(|| {
		let first = create(&BOB, "cam");
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), first));
		assert_eq!(create(&BOB, "cam"), first + 1);
	});
}

#[test]
fn top_up_should_raise_the_unreserved_budget() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, UNIT));
		assert_eq!(job(id).unreserved, BUDGET + UNIT);
		assert_eq!(held(&BOB, HoldReason::Budget), BUDGET + UNIT);
		assert_eq!(last_event(), Event::ToppedUp { job: id, amount: UNIT });
	});
}

#[test]
fn top_up_should_fill_the_current_allowance() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		assert_ok!(create_with(&BOB, "cam", one_leaf()));
		skip(2);
		let (_, index) = accept(0);
		assert_eq!((assignment(0, index).allowance, job(0).unreserved), (one_leaf(), 0));
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), 0, UNIT));
		let target = work::fee(job(0).max_leaf_work * 64, PRICE);
		assert_eq!(assignment(0, index).allowance, target);
		assert_eq!(job(0).unreserved, UNIT + one_leaf() - target);
	});
}

#[test]
fn top_up_should_fail_when_it_is_nothing_too_much_or_anothers() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		let bob = RuntimeOrigin::signed(BOB);
		assert_noop!(Jobs::top_up(bob.clone(), 9, 1), Error::<Test>::NoJob);
		assert_noop!(Jobs::top_up(bob.clone(), id, 0), Error::<Test>::NothingToAdd);
		assert_noop!(Jobs::top_up(bob.clone(), id, PURSE), Error::<Test>::InsufficientEth);
		assert_noop!(
			Jobs::top_up(RuntimeOrigin::signed(BEA), id, 1),
			Error::<Test>::NotBroadcaster
		);
	});
	build_and_execute(|| {
		let id = running();
		let bob = RuntimeOrigin::signed(BOB);
		assert_ok!(Jobs::end_job(bob.clone(), id));
		assert_noop!(Jobs::top_up(bob, id, 1), Error::<Test>::JobEnded);
	});
	build_and_execute(|| {
		let id = running();
		let end = job(id).end;
		run_to(end - 1);
		stall(1);
		let bob = RuntimeOrigin::signed(BOB);
		assert_noop!(Jobs::top_up(bob, id, 1), Error::<Test>::JobEnded);
		skip(1);
	});
}

#[test]
fn create_should_fail_when_nobody_could_judge_the_job() {
	build_and_execute(|| {
		MaxSamples::set(0);
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::CannotBeJudged);
		MaxSamples::set(3);
		assert_ok!(create_with(&BOB, "cam", BUDGET));
		assert_eq!(job(0).max_samples, 3);
		// It is stored: what judges can do later does not change what was promised.
		MaxSamples::set(1);
		register(&TIM, UNIT, PRICE, 1);
		skip(2);
		accept(0);
		assert_ok!(claim(&TIM, 0, 0, 0, 0));
		assert_eq!(Told::get()[0].1.max_samples, 3);
	});
}

/// A job whose largest claim is below the smallest fee only takes places.
#[test]
fn attack_job_of_which_nothing_can_be_claimed_should_be_refused() {
	build_and_execute(|| {
		// Four leaves of the largest size.
		MaxSamples::set(1);
		let factors = Parameters::get().factors;
		let leaf = work::max_leaf_work(&factors, &ladder(), &limits()).unwrap();
		let create_at = |max_price| {
			let origin = RuntimeOrigin::signed(BOB);
			let end = now() + LENGTH;
			Jobs::create_job(origin, None, name("cam"), ladder(), limits(), max_price, end, BUDGET)
		};
		let least = (1u32..)
			.map(|step| Balance::from(step) * ETH_MINIMUM / 1_000)
			.find(|price| work::fee(4 * leaf, *price) >= ETH_MINIMUM)
			.expect("it grows");
		assert_noop!(create_at(least - ETH_MINIMUM / 1_000), Error::<Test>::FullClaimTooSmall);
		assert_noop!(create_at(0), Error::<Test>::FullClaimTooSmall);
		assert_ok!(create_at(least));
	});
}

#[test]
fn job_should_go_to_nobody_who_could_claim_nothing() {
	build_and_execute(|| {
		// Claims have four leaves, and one if the transcoder is new; at this price two leaves make
		// up the smallest fee.
		MaxSamples::set(1);
		MaxLeaves::set(1);
		register(&TIM, UNIT, ETH_MINIMUM / 4, 10);
		let id = create(&BOB, "cam");
		assert!(work::fee(job(id).max_leaf_work, ETH_MINIMUM / 4) < ETH_MINIMUM);
		skip(2);
		assert_eq!(job(id).phase.current(), None);
		// It is no longer new.
		MaxLeaves::set(4);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn small_jobs_should_be_worth_a_claim_under_the_production_preset() {
	use livepeer_primitives::params::ProtocolParameters;
	let ProtocolParameters { jobs, lottery, .. } = ProtocolParameters::production();
	// A stream of one rendition as large as its source, at the preset's price.
	let is_claimable = |width, height, is_new| {
		let ladder = [rendition(width, height, 800)];
		let limits = SourceLimits::new(width, height, 30);
		let leaf = work::max_leaf_work(&jobs.factors, &ladder, &limits).unwrap();
		let samples = lottery.samples_of(leaf);
		let full = crate::decision::full_claim(&lottery.terms(is_new), samples, leaf);
		crate::decision::is_claimable(full, lottery.verify_price, ETH_MINIMUM)
	};
	assert!(is_claimable(640, 360, false));
	assert!(is_claimable(1280, 720, true));
	// Smaller ones need a higher price, and so does a new transcoder, whose claims are shorter.
	assert!(!is_claimable(426, 240, false));
	assert!(!is_claimable(640, 360, true));
}

#[test]
fn jobs_that_the_protocol_names_should_be_judged_under_the_presets() {
	use livepeer_primitives::params::{ProtocolParameters, Timing};
	let ladder: Vec<_> = [(1920, 1080), (1280, 720), (854, 480), (640, 360)]
		.map(|(w, h)| rendition(w, h, 800))
		.into();
	let dev = ProtocolParameters::development();
	let samples = |p: &ProtocolParameters, ladder: &[Rendition], limits: &SourceLimits| {
		let work = work::max_leaf_work(&p.jobs.factors, ladder, limits).unwrap();
		p.lottery.samples_of(work)
	};
	let limits = SourceLimits::new(1920, 1080, 60);
	assert!(samples(&dev, &ladder, &limits) > 0);
	let places = |p: &ProtocolParameters, samples: u32, limits: &SourceLimits, timing: &Timing| {
		let life = p.lottery.longest_claim_life(timing) - p.lottery.slash_deferral;
		let leaves = p.lottery.leaves_of(samples);
		crate::decision::places(life, timing.slot_duration, leaves, limits)
	};
	let needed = places(&dev, samples(&dev, &ladder, &limits), &limits, &Timing::development());
	assert!(needed <= dev.jobs.max_open_claims, "{needed} places");

	let production = ProtocolParameters::production();
	let mut large = ladder;
	large.push(rendition(3840, 2160, 12_000));
	let limits = SourceLimits::new(3840, 2160, 60);
	assert!(samples(&production, &large, &limits) > 0);
	let samples = samples(&production, &large, &limits);
	let needed = places(&production, samples, &limits, &Timing::production());
	assert!(needed <= production.jobs.max_open_claims, "{needed} places");
}
