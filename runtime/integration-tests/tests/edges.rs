//! Stories at an edge: a budget one unit short, a toolchain that retires under open claims, forced variants
//! opened in the last block and in the next, verdicts and jobs by the ten thousand.

use frame_support::storage::{with_transaction, TransactionOutcome};
use frame_system::offchain::CreateAuthorizedTransaction;
use livepeer_integration_tests::{
	create_job, refused, Ballot, Claim, Story, Turn, Work, World, HONEST, RENDITION,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	leaf::Leaf,
	params::ProtocolParameters,
	receipt::RejectReason,
	traits::Settlement,
	verdict::{MismatchKind, Verdict},
	video::SourceLimits,
	Balance, Hash, JobId, UNIT,
};
use livepeer_runtime::{
	ChainConfig, ChallengeLottery, Executive, Jobs, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeOrigin, System,
};
use pallet_challenge_lottery::Call as Lottery;
use sp_keyring::Sr25519Keyring::{Bob, Charlie, Dave, Ferdie, FerdieStash};
use sp_runtime::{transaction_validity::TransactionSource, DispatchError, Perbill};

/// A job of one rendition with this budget, at the price that transcoders ask.
fn with_budget(world: &mut World, name: &str, max_price: Balance, budget: Balance) -> JobId {
	let end = world.number() + 600;
	world.ok(
		Story::BROADCASTER,
		pallet_jobs::Call::create_job {
			broadcaster: None,
			name: name.as_bytes().to_vec().try_into().expect("a short name"),
			ladder: vec![RENDITION].try_into().expect("one rendition"),
			limits: SourceLimits::new(1280, 720, 30),
			max_price,
			end,
			budget,
		},
	);
	world.run(pallet_jobs::NextJob::<Runtime>::get) - 1
}

/// What is left of a budget is claimed for as a whole or not at all: a claim whose fee is one unit more is
/// refused and changes nothing, and is taken as it is once that unit is there.
#[test]
fn claim_should_be_all_or_nothing_when_the_budget_is_one_unit_short() {
	// One alone works, so that the price is the same.
	let network = || Story::working(World::local().without_inflation(), &[Bob]);
	// What such a claim costs, and what of a budget is kept back for the verification of a last one.
	let mut rich = Story::begin_on(network());
	let turn = rich.turn();
	let view = rich.world.run(|| Jobs::job(turn.job)).expect("it runs");
	let current = view.current.expect("it is assigned");
	let reserve = 100 * UNIT - view.unreserved - current.allowance;
	let fee = rich.claim(8).fee;
	assert!(fee > 1 && fee < current.allowance);

	let mut world = network();
	let job = with_budget(&mut world, "short", current.price, reserve + fee - 1);
	let mut story = Story::resume(world, job);
	story.accept();
	let allowance = |story: &mut Story| {
		let view = story.world.run(|| Jobs::job(job)).expect("it runs");
		view.current.map(|current| (current.allowance, current.next_seq))
	};
	assert_eq!(allowance(&mut story), Some((fee - 1, 0)));
	let work = story.work(8);
	let call = work.claim(story.world.toolchain());
	let exceeded = refused(pallet_jobs::Error::<Runtime>::AllowanceExceeded);
	assert_eq!(story.world.call_authorized(call.clone()), exceeded);
	assert_eq!(allowance(&mut story), Some((fee - 1, 0)));
	story.world.ok(Story::BROADCASTER, pallet_jobs::Call::top_up { job, amount: 1 });
	let claim = story.make_claim(work, call);
	assert_eq!(claim.fee, fee);
	assert_eq!(allowance(&mut story), Some((0, 8)));
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	story.close();
}

/// Claims that name a toolchain on its way out are judged and paid, also one that is made in the grace of an
/// assignment which it has ended; it is forgotten when none can be open.
#[test]
fn claims_should_be_judged_and_paid_when_their_toolchain_retires_meanwhile() {
	let mut story = Story::begin();
	let toolchain = story.world.toolchain();
	let turn = story.turn();
	let first = story.claim(8);
	let later = story.work(8);
	let notice = story.world.parameters().0.rounds.length;
	story.world.run(|| {
		let at = ChainConfig::clock() + notice;
		ChallengeLottery::retire_toolchain(RuntimeOrigin::root(), toolchain, at)
			.expect("it is listed and the notice is long enough");
	});
	story.reveal(&first);
	story.vote(&first, HONEST);
	let (job, assignment) = (turn.job, turn.assignment);
	story.world.until(80, |world| {
		let view = world.run(|| Jobs::assignment(job, assignment));
		view.is_some_and(|view| view.claimable_until.is_some())
	});
	let call = later.claim(toolchain);
	let second = story.make_claim(later, call);
	story.reveal(&second);
	story.vote(&second, HONEST);
	for claim in [&first, &second] {
		assert_eq!(story.settle(claim), Some(Outcome::Accepted));
		let settled = story.find(|event| match event {
			RuntimeEvent::Jobs(pallet_jobs::Event::ClaimSettled {
				claim: id, settlement, ..
			}) if *id == claim.id => Some(*settlement),
			_ => None,
		});
		assert_eq!(settled, Some(Settlement::Pay));
	}
	assert!(story.slashes().is_empty());
	story.world.until(600, |world| world.run(ChallengeLottery::retiring_toolchains).is_empty());
	story.close();
}

/// A broadcaster spoils one segment in fifty. Its transcoder rejects these, is paid a little for that, and all for
/// the others: no claim fails, whichever leaves are drawn.
#[test]
fn attack_spoiling_one_segment_in_fifty_should_fail_no_claim() {
	let mut story = Story::begin();
	let turn = story.turn();
	let factors = story.world.run(|| Jobs::job(story.job)).expect("it runs").factors;
	let toolchain = story.world.toolchain();
	let whole = turn.work(0, 20).tree.commitment().total_work;
	for first in (0..100u64).step_by(20) {
		let made = turn.work(first, 20);
		let spoiled = |(leaf, seq): (Leaf, u64)| match seq % 50 {
			24 => Leaf::Rejected {
				segment: turn.segment(seq),
				reason: RejectReason::Undecodable { reason: 7, packet: 3 },
				work: factors.rejected,
				extensions: Default::default(),
			},
			_ => leaf,
		};
		let leaves: Vec<_> = made.leaves.into_iter().zip(first..).map(spoiled).collect();
		let work = Work::new(&turn, first, leaves, made.signatures);
		let has_spoiled = (first..first + 20).any(|seq| seq % 50 == 24);
		assert_eq!(work.tree.commitment().total_work < whole, has_spoiled);
		let call = work.claim(toolchain);
		let claim = story.make_claim(work, call);
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	}
	assert!(story.slashes().is_empty() && story.fees(story.transcoder) > 0);
	story.close();
}

/// Three transcoders fail one after the other: each slash falls when it is due, however many have failed before,
/// so nobody buys another's escape with accomplices that he sacrifices.
#[test]
fn attack_three_sacrificed_transcoders_should_pause_nobodys_slash() {
	let mut world = World::local().without_inflation();
	let wrong = Verdict::Mismatch(MismatchKind::Video);
	for who in [Bob, Charlie, Dave] {
		world = Story::working(world, &[who]);
		let job = create_job(&mut world, Story::BROADCASTER, &format!("of {who:?}"), 600);
		let mut story = Story::resume(world, job);
		story.accept();
		assert_eq!(story.transcoder, who);
		let claim = story.claim(8);
		story.reveal(&claim);
		story.vote(&claim, &|_| Some(wrong));
		story.vote(&claim, &|_| Some(wrong));
		story.until_stage(&claim, ChallengeStage::Decided);
		let due = story.challenge(&claim).deadline;
		assert_eq!(story.settle(&claim), Some(Outcome::Failed));
		assert!(story.world.number() <= due + 1, "it is executed when it is due");
		assert!(story.lost(who) > 0);
		story.end();
		world = story.world;
		// It waits out its jail, and takes no more work.
		world.ok(who, pallet_transcoder_election::Call::unjail {});
		let profiles = Default::default();
		world.ok(who, pallet_transcoder_election::Call::set_available { capacity: 0, profiles });
	}
}

/// Half of all segments are forced.
const HALF: Perbill = Perbill::from_percent(50);

/// A claim with forced variants whose members have all revealed what is true, so that its transcoder has to
/// open; with the leaves that were drawn and the ballot.
fn to_be_opened() -> (Story, Claim, Vec<u32>, Ballot) {
	let mut world = Story::network();
	world.set_lottery(|lottery| lottery.variant_rate = HALF);
	let mut story = Story::begin_on(world);
	let claim = story.claim(16);
	story.reveal(&claim);
	let (drawn, ballot) = story.vote_variants(&claim, HALF);
	(story, claim, drawn, ballot)
}

#[test]
fn attack_forced_variant_opened_late_should_be_a_missed_verification() {
	let (mut story, claim, drawn, ballot) = to_be_opened();
	// The first block that is too late.
	let until = story.challenge(&claim).deadline;
	story.world.until(100, |world| world.number() + 2 >= until);
	let open = claim.work.open(claim.id, ballot.seed, &drawn);
	// In the last block it is in time.
	let mut in_time = story.fork();
	in_time.world.ok_authorized(open.clone());
	assert_eq!(in_time.settle(&claim), Some(Outcome::Accepted));
	assert!(in_time.slashes().is_empty());
	// In the next it is not, and the claim is missed: no judge pays.
	story.world.next_block();
	assert!(story.world.call_authorized(open).is_err());
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	let (claimed_by, slashes) = (claim.transcoder, story.slashes());
	assert!(!slashes.is_empty() && slashes.iter().all(|(_, who, _)| *who == claimed_by));
	story.close();
}

/// Whether the pool takes a call. Nothing is left of asking.
fn is_taken(call: RuntimeCall) -> bool {
	let asked = with_transaction(|| {
		let at = System::block_hash(System::block_number());
		let extrinsic =
			<Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(
				call,
			);
		let validity = Executive::validate_transaction(TransactionSource::External, extrinsic, at);
		TransactionOutcome::Rollback(Ok::<_, DispatchError>(validity.is_ok()))
	});
	asked.expect("it is rolled back")
}

/// Ten thousand verdicts that nobody owes: another commitment under a true signature, numbers, tranches and
/// claims that there are not, the key of a fellow, and a word before its time. The pool refuses each; honest
/// verdicts are taken as before.
#[test]
fn attack_ten_thousand_invalid_verdicts_should_be_refused_by_the_pool() {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.reveal(&claim);
	let ballot = story.ballot(&claim);
	let opening = ballot.opening(0, Verdict::Valid);
	let honest = ballot.commit(0, &opening);
	let Lottery::commit_verdict { commitment, signature, .. } = honest.clone() else {
		panic!("it is a commitment")
	};
	let of_a_fellow = match ballot.commit_to(1, commitment) {
		Lottery::commit_verdict { signature, .. } => signature,
		_ => panic!("it is a commitment"),
	};
	let (id, tranche) = (claim.id, ballot.tranche);
	let early = ballot.reveal(0, &opening);
	story.world.run(|| {
		for number in 0..10_000u64 {
			let kind = number % 6;
			let call = match kind {
				5 => early.clone(),
				_ => Lottery::commit_verdict {
					claim: if kind == 0 { id + 1 + number } else { id },
					tranche: if kind == 1 { 1 + (number % 250) as u8 } else { tranche },
					member: if kind == 2 { 100 + (number % 60_000) as u16 } else { 0 },
					commitment: match kind {
						3 => Hash::from_low_u64_be(number),
						_ => commitment,
					},
					signature: if kind == 4 { of_a_fellow.clone() } else { signature.clone() },
				},
			};
			assert!(!is_taken(call.into()), "{number}");
		}
		assert!(is_taken(honest.clone().into()));
	});
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert!(story.slashes().is_empty());
	story.close();
}

/// More jobs in each block than a block has room for, with hardly more than their bonds, and at a price that
/// nobody takes: an honest one is drawn two blocks after it was created all the same, and offered within four.
#[test]
fn attack_ten_thousand_bond_only_jobs_should_not_keep_an_honest_one_waiting() {
	let mut world = Story::network();
	let end = world.number() + 400;
	for batch in 0..10u32 {
		world.run(|| {
			for number in 0..1_000u32 {
				Jobs::create_job(
					RuntimeOrigin::signed(FerdieStash.to_account_id()),
					None,
					format!("empty {batch} {number}").into_bytes().try_into().expect("short"),
					vec![RENDITION].try_into().expect("one"),
					SourceLimits::new(1280, 720, 30),
					ProtocolParameters::development().lottery.terms(false).least_price(),
					end,
					UNIT / 10_000,
				)
				.expect("created");
			}
		});
		world.next_block();
	}
	let job = create_job(&mut world, Ferdie, "honest", 200);
	let created = world.number();
	world.until(20, |world| Turn::current(world, job).is_some());
	assert!(world.number() - created <= 4, "it waited {} blocks", world.number() - created);
	// And it is served to its end.
	let mut story = Story::resume(world, job);
	story.accept();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
}

/// The last claim of a job is made in the last block of its grace, its leaves are revealed in the last block in
/// which they can be, and nobody judges it. The job is closed in the block after the last thing that waits for it,
/// and within the time that the parameters promise. It fails where an assignment is looked at later, or kept longer.
#[test]
fn job_should_be_closed_in_the_block_after_its_last_claim_and_within_its_bound() {
	let mut world = Story::network();
	let job = create_job(&mut world, Story::BROADCASTER, "short", 40);
	let mut story = Story::resume(world, job);
	story.accept();
	let end = story.world.run(|| Jobs::job(job)).expect("it runs").end;
	let (parameters, _) = story.world.parameters();
	let work = story.work(8);
	let call = work.claim(story.world.toolchain());
	let last = end + parameters.jobs.claim_grace;
	story.world.until(100, |world| world.number() + 1 == last);
	let claim = story.make_claim(work, call);
	assert_eq!(story.world.number(), last);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let until = story.challenge(&claim).deadline;
	story.world.until(40, |world| world.number() + 2 >= until);
	story.reveal(&claim);
	assert_eq!(story.settle(&claim), Some(Outcome::Void));
	story.world.until(100, |world| world.run(|| Jobs::job(job)).is_none());
	let block_of = |is: &dyn Fn(&RuntimeEvent) -> bool| {
		let found = story.world.events.iter().find(|(_, event)| is(event));
		found.expect("it happened").0
	};
	let decided = block_of(&|event| {
		matches!(
			event,
			RuntimeEvent::ChallengeLottery(pallet_challenge_lottery::Event::Decided { .. })
		)
	});
	let settled = block_of(&|event| {
		matches!(event, RuntimeEvent::Jobs(pallet_jobs::Event::ClaimSettled { .. }))
	});
	let closed = block_of(&|event| {
		matches!(event, RuntimeEvent::Jobs(pallet_jobs::Event::JobClosed { .. }))
	});
	// What was signed for the claim can be reported for so long.
	let reportable = decided + parameters.lottery.slashing_period;
	assert_eq!(closed, settled.max(reportable) + 1);
	let longest = story.world.longest_after_end();
	assert!(closed - end <= longest, "{} of {longest} blocks", closed - end);
	assert_eq!(story.world.leftovers(), Vec::<String>::new());
}
