//! Attacks by volume, by tips, by timing and by less than a third of the stake, on the real runtime:
//! each fails.
#![allow(clippy::expect_used)]

use codec::Encode;
use frame_support::dispatch::{DispatchClass, GetDispatchInfo, Pays};
use frame_system::offchain::CreateAuthorizedTransaction;
use livepeer_integration_tests::{
	create_job, heartbeat, Ballot, Claim, Story, Turn, World, CAPACITY, HONEST, RENDITION,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	verdict::{MismatchKind, NonConformingKind, UnavailableKind, Verdict, DISPUTE},
	video::SourceLimits,
	Hash, JobId, ETH, ETH_MINIMUM, UNIT,
};
use livepeer_runtime::{
	configs::money::CommonPool, tx_extension, Address, Executive, LptStaking, Runtime, RuntimeCall,
	RuntimeEvent, SignedPayload, System, TxExtension, UncheckedExtrinsic,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Charlie, Dave, Eve, EveStash, Ferdie, FerdieStash};
use sp_runtime::{
	generic::Era,
	traits::TransactionExtension,
	transaction_validity::{InvalidTransaction, TransactionSource, ValidTransaction},
};

const MISMATCH: Verdict = Verdict::Mismatch(MismatchKind::Video);
const UNAVAILABLE: Verdict = Verdict::Unavailable(UnavailableKind::Refused);

fn tipped(who: Sr25519Keyring, nonce: u32, tip: u128, call: RuntimeCall) -> UncheckedExtrinsic {
	let extension = tx_extension(Era::Immortal, nonce, tip);
	let payload = SignedPayload::new(call, extension).expect("the implicit part is known");
	let signature = payload.using_encoded(|bytes| who.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	UncheckedExtrinsic::new_signed(
		call,
		Address::Id(who.to_account_id()),
		signature.into(),
		extension,
	)
}

fn validity(extrinsic: UncheckedExtrinsic) -> ValidTransaction {
	let at = System::block_hash(System::block_number());
	Executive::validate_transaction(TransactionSource::External, extrinsic, at)
		.expect("it is valid")
}

/// Whatever is tipped, in whatever class, stands below every duty in the pool and in blocks, and what
/// pays more below that still comes first.
#[test]
fn attack_tips_should_put_no_transaction_before_a_duty() {
	let mut world = Story::network();
	world.blocks(12);
	world.workers.clear();
	world.blocks(8);
	world.run(|| {
		let number = System::block_number();
		let duty: RuntimeCall = heartbeat(Sr25519Keyring::Bob, number).into();
		let duty =
			<Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(
				duty,
			);
		let duty = validity(duty).priority;
		let nonce = System::account_nonce(FerdieStash.to_account_id());
		let of = |call: RuntimeCall, tip| validity(tipped(FerdieStash, nonce, tip, call)).priority;
		let remark =
			|bytes| -> RuntimeCall { frame_system::Call::remark { remark: vec![0; bytes] }.into() };
		// Refused when it is dispatched, and paid for: of a class of its own until then.
		let operational: RuntimeCall = frame_system::Call::set_heap_pages { pages: 64 }.into();
		assert_eq!(operational.get_dispatch_info().class, DispatchClass::Operational);
		for tip in [0, 1, UNIT / 400, UNIT / 2, UNIT * 4, UNIT * 40] {
			for call in [remark(0), remark(10), remark(100_000), operational.clone()] {
				let priority = of(call, tip);
				assert!(priority < duty / 2 + 1, "tip {tip}: {priority}, a duty's {duty}");
			}
		}
		assert!(of(remark(10), 1_000_000) > of(remark(10), 10));
		// Era, nonce, tip, no asset, no metadata hash: wallets and signers see no difference.
		assert_eq!(tx_extension(Era::Immortal, 1, 2).encode(), [0, 1 << 2, 2 << 2, 0, 0]);
		let extensions = <TxExtension as TransactionExtension<RuntimeCall>>::metadata();
		let charge = extensions
			.iter()
			.find(|extension| extension.identifier == "ChargeAssetTxPayment")
			.expect("it is there");
		assert_eq!(
			charge.ty.type_info().path.segments,
			["pallet_asset_tx_payment", "ChargeAssetTxPayment"]
		);
		assert!(of(remark(10), 0) > of(remark(100_000), 0));
	});
}

/// A duty costs nothing. If an account could sign the transaction, the call would fail when it is dispatched,
/// and would have taken room in the pool and in a block for nothing, as often as anybody likes. A claim, for
/// example, weighs as much as everything that it causes.
#[test]
fn attack_duties_that_accounts_sign_should_not_fill_blocks_for_nothing() {
	let mut world = Story::network();
	world.blocks(12);
	let at = world.number() + 1;
	let duty: RuntimeCall = world.run(|| heartbeat(Sr25519Keyring::Bob, at)).into();
	assert_eq!(duty.get_dispatch_info().pays_fee, Pays::No);
	let before = world.lpt(&FerdieStash.to_account_id());
	assert_eq!(world.call(FerdieStash, duty.clone()), Err(InvalidTransaction::Call.into()));
	// Inside a call that is paid for it is still possible.
	let batch = pallet_utility::Call::<Runtime>::force_batch { calls: vec![duty.clone()] };
	world.ok(FerdieStash, batch);
	assert!(world.lpt(&FerdieStash.to_account_id()) < before);
	// The pool asks as of the next block, which these questions begin.
	world.run(|| {
		let number = System::block_number();
		let nonce = System::account_nonce(FerdieStash.to_account_id());
		for tip in [0, UNIT] {
			let signed = tipped(FerdieStash, nonce, tip, duty.clone());
			let at = System::block_hash(number);
			let taken = Executive::validate_transaction(TransactionSource::External, signed, at);
			assert_eq!(taken, Err(InvalidTransaction::Call.into()));
		}
	});
}

/// While the clock stands every pool refuses all duties, and what it had before for half an hour more. A duty is
/// owed again afterwards, so that what is sent then must be another transaction.
#[test]
fn duty_that_is_sent_again_in_another_block_should_be_another_transaction() {
	let mut world = Story::network();
	world.blocks(12);
	let at = world.number() + 1;
	let duty: RuntimeCall = world.run(|| heartbeat(Sr25519Keyring::Bob, at)).into();
	let sent = |world: &mut World| {
		world.run(|| {
			let duty = duty.clone();
			<Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(
				duty,
			)
			.encode()
		})
	};
	let first = sent(&mut world);
	assert_eq!(sent(&mut world), first);
	world.blocks(1);
	assert_ne!(sent(&mut world), first);
}

/// Makes blocks until the claim asks for votes or is decided; true while it asks.
fn asks(story: &mut Story, claim: &Claim) -> bool {
	let id = claim.id;
	story.world.until(200, |world| {
		world.challenge(id).is_none_or(|view| {
			matches!(view.stage, ChallengeStage::Commit | ChallengeStage::Decided)
		})
	});
	story.world.challenge(id).is_some_and(|view| view.stage == ChallengeStage::Commit)
}

/// A transcoder with a job of its own keeps one honest judge of each of its small claims from the bytes,
/// so that each goes to a dispute, and all at once. A dispute has time for all that its judges owe; and
/// should none of them answer, their silence costs once in a round, not by the number of claims.
#[test]
fn attack_many_disputes_at_once_should_not_take_every_honest_judges_stake() {
	const CLAIMS: usize = 40;
	let mut story = Story::begin();
	let thief = story.transcoder;
	let judges: Vec<_> = [Alice, Sr25519Keyring::Bob, Charlie, Dave, Eve]
		.into_iter()
		.filter(|who| *who != thief)
		.collect();
	let stakes: Vec<u128> = judges
		.iter()
		.map(|who| story.world.run(|| LptStaking::transcoder_stake(who.to_account_id()).total))
		.collect();
	let toolchain = story.world.toolchain();
	let mut claims = Vec::new();
	let mut works = Vec::new();
	for _ in 0..CLAIMS {
		let work = story.work(3);
		story.world.submit_authorized(work.claim(toolchain));
		works.push(work);
	}
	story.world.deliver_ok();
	let made: Vec<_> = story
		.world
		.events
		.iter()
		.filter_map(|(_, event)| match event {
			RuntimeEvent::Jobs(pallet_jobs::Event::Claimed { claim, fee, .. }) => {
				Some((*claim, *fee))
			}
			_ => None,
		})
		.collect();
	for ((id, fee), work) in made.into_iter().zip(works) {
		claims.push(Claim { id, fee, transcoder: thief, work });
	}
	assert_eq!(claims.len(), CLAIMS);
	let mut done = std::collections::BTreeMap::<u64, u8>::new();
	let mut most = 0;
	let mut deadlines = std::collections::BTreeSet::new();
	for _ in 0..400 {
		let mut at_dispute = 0;
		for claim in &claims {
			let Some(view) = story.world.challenge(claim.id) else { continue };
			let step = done.entry(claim.id).or_default();
			match view.stage {
				ChallengeStage::LeafReveal if *step == 0 => {
					for index in claim.work.drawn(&view.positions) {
						story.world.submit_authorized(claim.work.reveal(claim.id, index));
					}
					*step = 1;
				}
				ChallengeStage::Commit if view.tranche == DISPUTE => {
					at_dispute += 1;
					let ballot = story
						.world
						.run(|| pallet_challenge_lottery::Ballots::<Runtime>::get(claim.id))
						.expect("it is open");
					deadlines.insert(ballot.deadline - ballot.opened);
				}
				ChallengeStage::Commit if *step == 1 => {
					let ballot = Ballot::open(&mut story.world, claim.id).expect("it is open");
					for member in 0..ballot.members.len() {
						let verdict = if member == 0 { UNAVAILABLE } else { Verdict::Valid };
						let opening = ballot.opening(member, verdict);
						story.world.submit_authorized(ballot.commit(member, &opening));
					}
					*step = 2;
				}
				ChallengeStage::VerdictReveal if *step == 2 => {
					let ballot = Ballot::open(&mut story.world, claim.id).expect("it is open");
					for member in 0..ballot.members.len() {
						let verdict = if member == 0 { UNAVAILABLE } else { Verdict::Valid };
						let opening = ballot.opening(member, verdict);
						story.world.submit_authorized(ballot.reveal(member, &opening));
					}
					*step = 3;
				}
				_ => {}
			}
		}
		most = most.max(at_dispute);
		for result in story.world.next_block() {
			result.expect("valid").expect("taken");
		}
		if claims.iter().all(|claim| story.world.challenge(claim.id).is_none()) {
			break;
		}
	}
	let outcomes: Vec<_> = claims.iter().map(|claim| story.settle(claim)).collect();
	let mut counts = std::collections::BTreeMap::new();
	for outcome in &outcomes {
		*counts.entry(format!("{outcome:?}")).or_insert(0) += 1;
	}
	println!("{counts:?}; at most {most} disputes at once, commit phases of {deadlines:?} blocks");
	assert!(most > CLAIMS / 2, "they stand at once");
	let longest = deadlines.iter().max().expect("some") - deadlines.iter().min().expect("some");
	assert!(longest > 10, "each has time for those before it");
	for (who, stake) in judges.iter().zip(&stakes) {
		let lost = story.lost(*who) * 10_000 / stake;
		assert!(lost <= 100, "{who:?} lost {lost} of 10,000");
	}
}

/// Who contradicts itself leaves with all its stake, has an accomplice report another contradiction
/// that looks later, and comes back into the pool. Whichever is reported, the slash is as of the round
/// of the acceptance, so that it reaches what left, and what came back.
#[test]
fn attack_rebonding_between_two_reports_should_not_escape_the_slash() {
	for reported_first in [100, 3] {
		let mut story = Story::begin();
		let thief = story.transcoder;
		let delegator = Story::delegator_of(thief);
		let turn = story.turn();
		let claim = story.claim(8);
		let stakes = [thief, delegator].map(|who| story.bond(who));
		let first = story.world.round();
		story.reveal(&claim);
		story.vote(&claim, HONEST);
		story.world.until(40, |world| world.round() > first);
		for (who, amount) in [thief, delegator].into_iter().zip(stakes) {
			story.world.ok(who, pallet_lpt_staking::Call::unbond { amount });
		}
		let left = story.world.round();
		story.world.until(40, |world| world.round() > left);
		// Segment 100 is in no claim, segment 3 in one of the first round.
		story.world.ok(FerdieStash, turn.contradiction(reported_first));
		for who in [thief, delegator] {
			let to = thief.to_account_id();
			let _ = story.world.call(who, pallet_lpt_staking::Call::rebond { lock: 0, to });
		}
		let again = story.world.call(EveStash, turn.contradiction(3));
		assert!(again.expect("valid").is_err(), "once in a job");
		let stays = |stake: u128| stake * 7 / 10;
		for (who, stake) in [thief, delegator].into_iter().zip(stakes) {
			let worth = worth(&mut story, who);
			let (least, most) = (stays(stake) * 999 / 1_000, stays(stake) * 1_001 / 1_000);
			assert!((least..=most).contains(&worth), "{who:?} has {worth} of {stake}");
		}
	}
}

/// What an account has bonded and unbonded.
fn worth(story: &mut Story, who: Sr25519Keyring) -> u128 {
	let locks = story.world.run(|| LptStaking::locks(who.to_account_id()));
	story.bond(who) + locks.iter().map(|lock| lock.value).sum::<u128>()
}

/// Empty jobs that take every place of every transcoder: each ends what it cannot earn by, such jobs
/// come back more and more seldom, and the time that they took is paid for.
#[test]
fn attack_empty_jobs_should_not_keep_everybody_else_out() {
	let mut world = Story::network();
	let toolchain = world.toolchain();
	let attacker = FerdieStash;
	let before = world.eth(&attacker.to_account_id());
	let mut jobs: Vec<JobId> = Vec::new();
	for number in 0..12 {
		let call = pallet_jobs::Call::create_job {
			broadcaster: None,
			name: format!("empty {number}").into_bytes().try_into().expect("short"),
			ladder: vec![RENDITION].try_into().expect("one"),
			limits: SourceLimits::new(1280, 720, 30),
			max_price: 2 * UNIT / 100_000,
			end: world.number() + 43_000,
			budget: UNIT / 10_000,
		};
		world.ok(attacker, call);
		jobs.push(created(&world));
		world.blocks(3);
		accept_all(&mut world, &jobs, toolchain);
	}
	let taken: Vec<_> = jobs.iter().filter_map(|job| Turn::current(&mut world, *job)).collect();
	println!("{} empty jobs fill transcoders of {CAPACITY} each", taken.len());
	let honest = create_job(&mut world, Ferdie, "honest", 40_000);
	let mut waited = 0;
	while Turn::current(&mut world, honest).is_none() {
		waited += 1;
		assert!(waited < 200, "nobody ever has room");
		world.blocks(2);
		accept_all(&mut world, &jobs, toolchain);
		// As every worker does with what it cannot earn by.
		for job in &jobs {
			if let Some(turn) = Turn::current(&mut world, *job) {
				let call = pallet_jobs::Call::end_idle { job: *job, assignment: turn.assignment };
				let _ = world.call(turn.transcoder, call);
			}
		}
	}
	println!("an honest job waited {} blocks", waited * 2);
	for job in &jobs {
		world.ok(attacker, pallet_jobs::Call::end_job { job: *job });
	}
	world.blocks(200);
	assert!(world.eth(&attacker.to_account_id()) < before, "what was taken in vain is paid");
}

/// Where nothing was ever claimed, the job pays for the call that ends its assignment: to whoever makes it it is
/// free, and what it costs suffices for the common pool to begin with.
#[test]
fn attack_empty_job_should_cost_nothing_to_whoever_ends_it() {
	let mut world = Story::network();
	let toolchain = world.toolchain();
	let job = create_job(&mut world, Ferdie, "empty", 1_000);
	world.until(10, |world| Turn::current(world, job).is_some());
	accept_all(&mut world, &[job], toolchain);
	let turn = Turn::current(&mut world, job).expect("it runs");
	let (who, pool) = (turn.transcoder.to_account_id(), CommonPool::get());
	world.blocks(20);
	let before = (world.lpt(&who), world.eth(&pool));
	let call = pallet_jobs::Call::end_idle { job, assignment: turn.assignment };
	world.ok(turn.transcoder, call);
	assert_eq!(world.lpt(&who), before.0);
	let paid = world.eth(&pool) - before.1;
	assert!(paid >= ETH_MINIMUM, "{paid}");
}

/// A transcoder without any ETH has everybody judge inputs that it could have refused, again and again:
/// it is neither jailed nor slashed for the failure, but pays each dispute, with its stake.
#[test]
fn attack_disputes_of_a_transcoder_without_eth_should_cost_its_stake_each_time() {
	const INPUT: Verdict = Verdict::NonConforming(NonConformingKind::Input);
	let mut story = Story::begin();
	let thief = story.transcoder;
	let has = story.world.eth(&thief.to_account_id());
	let away = pallet_assets::Call::transfer {
		id: ETH.into(),
		target: EveStash.to_account_id().into(),
		amount: has,
	};
	story.world.ok(thief, RuntimeCall::Assets(away));
	let mut lost = 0;
	for _ in 0..3 {
		let claim = story.claim(8);
		story.reveal(&claim);
		while asks(&mut story, &claim) {
			story.vote(&claim, &|_| Some(INPUT));
		}
		assert_eq!(story.settle(&claim), Some(Outcome::Failed));
		assert!(!story.is_jailed(thief));
		let (charged, slashed) = story
			.find(|event| match event {
				RuntimeEvent::Jobs(pallet_jobs::Event::VerificationCharged {
					amount,
					paid: 0,
					slashed,
					..
				}) => Some((*amount, *slashed)),
				_ => None,
			})
			.expect("charged");
		let rate = story.world.parameters().0.money;
		assert!(slashed > 0 && slashed >= rate.in_lpt(charged) * 999 / 1_000);
		assert_eq!(story.lost(thief), lost + slashed);
		lost += slashed;
		let debt = story.world.run(|| livepeer_runtime::Jobs::debt_of(thief.to_account_id()));
		assert_eq!(debt, 0, "so it owes nothing");
	}
}

/// The number of the newest job.
fn created(world: &World) -> JobId {
	let created = |event: &RuntimeEvent| match event {
		RuntimeEvent::Jobs(pallet_jobs::Event::JobCreated { job, .. }) => Some(*job),
		_ => None,
	};
	world.events.iter().rev().find_map(|(_, event)| created(event)).expect("created")
}

/// Every transcoder accepts what it is offered.
fn accept_all(world: &mut World, jobs: &[JobId], toolchain: Hash) {
	for job in jobs {
		if let Some(turn) = Turn::current(world, *job) {
			if is_offered(world, *job) {
				world.ok_authorized(turn.accept(toolchain));
			}
		}
	}
}

/// Whether a job waits for an acceptance.
fn is_offered(world: &mut World, job: JobId) -> bool {
	world.run(|| {
		pallet_jobs::Jobs::<Runtime>::get(job)
			.is_some_and(|job| matches!(job.phase, pallet_jobs::types::Phase::Offered { .. }))
	})
}

/// A broadcaster's friends with less than a third of all stake name faults in the claims of a large
/// transcoder: its stake does not count, so theirs is a third of the rest, and a claim is void. Each
/// costs them as a false word does in a claim that is accepted.
#[test]
fn attack_less_than_a_third_of_the_stake_should_not_void_claims_for_nothing() {
	let mut world = Story::network();
	let accuser = Eve;
	let own = world.run(|| LptStaking::transcoder_stake(Eve.to_account_id()).total);
	let call = pallet_lpt_staking::Call::bond { amount: own * 7 / 10, to: Eve.to_account_id() };
	world.ok(EveStash, call);
	// The transcoder is a validator as large as any.
	world.blocks(95);
	let total: u128 = world.run(|| {
		[Alice, Sr25519Keyring::Bob, Charlie, Dave, Eve]
			.map(|who| LptStaking::transcoder_stake(who.to_account_id()).active)
			.iter()
			.sum()
	});
	let share =
		world.run(|| LptStaking::transcoder_stake(Eve.to_account_id()).active) * 1_000 / total;
	let mut story = Story::begin_on(world);
	let stake = story.world.run(|| LptStaking::transcoder_stake(accuser.to_account_id()).total);
	let mut outcomes = Vec::new();
	for _ in 0..4 {
		let claim = story.claim(8);
		story.reveal(&claim);
		while asks(&mut story, &claim) {
			story.vote(&claim, &|who| Some(if who == accuser { MISMATCH } else { Verdict::Valid }));
		}
		outcomes.push(story.settle(&claim));
	}
	assert!(share < 333);
	assert!(outcomes.contains(&Some(Outcome::Void)), "{outcomes:?}");
	let voided = outcomes.iter().filter(|outcome| **outcome == Some(Outcome::Void)).count();
	story.world.blocks(30);
	let lost = story.lost(accuser) * 1_000 / stake;
	println!("the accuser has {share} of 1,000; {outcomes:?}; it lost {lost} of 1,000");
	// One in a hundred for each, and no seat in the next round.
	assert!(lost >= 9 * voided as u128, "{lost} of 1,000 for {voided}");
	for honest in [Alice, Sr25519Keyring::Bob, Charlie, Dave] {
		assert_eq!(story.lost(honest), 0);
	}
}
