//! What the brakes leave open, and what a closed chain asks of nobody.

use frame_support::{
	migrations::{FailedMigrationHandler, FailedMigrationHandling},
	traits::{
		fungible::{Inspect, Mutate},
		tokens::{Fortitude, Preservation},
	},
};
use livepeer_integration_tests::{
	canonical, heartbeat, Applied, Claim, Story, World, CAPACITY, HONEST,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	refusal::NOT_YET,
	traits::{Beacon as _, ProtocolClock as _, Rounds as _},
	BlockNumber, RoundIndex, WindowIndex, UNIT,
};
use livepeer_runtime::{
	configs::governance::ProxyType, Balances, Beacon, ChainConfig, Jobs, LptStaking, Migrations,
	Rounds, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SafeMode, TxPause,
};
use pallet_migrations::MigrationCursor;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, BobStash, Dave, Eve};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionSource};

type Handler = <Runtime as pallet_migrations::Config>::FailedMigrationHandler;
type Cursor = pallet_migrations::Cursor<Runtime>;

const FILTERED: Applied = Ok(Err(sp_runtime::DispatchError::Module(sp_runtime::ModuleError {
	index: 0,
	error: [5, 0, 0, 0],
	message: Some("CallFiltered"),
})));

/// The protocol's block, round and window.
fn clock(world: &mut World) -> (BlockNumber, RoundIndex, WindowIndex) {
	world.run(|| (ChainConfig::clock(), Rounds::current(), Beacon::current_window()))
}

/// What a wallet, or a proxy for it, does in a heartbeat's place.
fn announcement() -> RuntimeCall {
	let profiles = canonical();
	pallet_transcoder_election::Call::set_available { capacity: CAPACITY, profiles }.into()
}

fn transfer() -> RuntimeCall {
	let dest = Eve.to_account_id().into();
	pallet_balances::Call::transfer_keep_alive { dest, value: UNIT }.into()
}

fn through_proxy(real: Sr25519Keyring, call: RuntimeCall) -> RuntimeCall {
	let real = real.to_account_id().into();
	pallet_proxy::Call::proxy { real, force_proxy_type: None, call: Box::new(call) }.into()
}

fn batch(calls: Vec<RuntimeCall>) -> RuntimeCall {
	pallet_utility::Call::batch_all { calls }.into()
}

/// A local network on which Dave is the operator of Bob, who is a transcoder.
fn operated() -> World {
	let mut world = Story::network();
	world.workers.clear();
	let add = pallet_proxy::Call::add_proxy {
		delegate: Dave.to_account_id().into(),
		proxy_type: ProxyType::Operator,
		delay: 0,
	};
	world.ok(Bob, add);
	world
}

fn last_seen(world: &mut World, who: Sr25519Keyring) -> BlockNumber {
	let who = who.to_account_id();
	world
		.run(|| pallet_transcoder_election::Available::<Runtime>::get(who))
		.expect("available")
		.last_seen
}

/// Every call that carries its own authorization is owed by a deadline: the brakes close none of them.
#[test]
fn attack_brakes_should_close_no_call_that_is_owed_by_a_deadline() {
	use livepeer_runtime::configs::governance::DUTIES;
	let mut found = Vec::new();
	for pallet in std::fs::read_dir("../../pallets").expect("the workspace's pallets") {
		let path = pallet.expect("readable").path();
		let Ok(text) = std::fs::read_to_string(path.join("src/lib.rs")) else { continue };
		let folder = path.file_name().expect("named").to_string_lossy().into_owned();
		let name: String = folder
			.split('-')
			.map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]))
			.collect();
		for after in text.split("#[pallet::authorize(").skip(1) {
			let call = after.split("pub fn ").nth(1).and_then(|rest| rest.split('(').next());
			found.push((name.clone(), call.expect("an attribute stands before a call").to_owned()));
		}
	}
	assert!(found.len() >= 9, "{found:?}");
	for (pallet, call) in found {
		assert!(
			DUTIES.contains(&(pallet.as_str(), call.as_str())),
			"{pallet}.{call} can be closed"
		);
	}
	let mut world = Story::network();
	let pause = |pallet: &str, call: &str| {
		let name = |name: &str| name.as_bytes().to_vec().try_into().expect("short");
		TxPause::pause(RuntimeOrigin::root(), (name(pallet), name(call)))
	};
	world.run(|| {
		for (pallet, call) in DUTIES {
			pause(pallet, call).expect_err("a duty cannot be paused");
		}
	});
}

/// A story in which a claim's drawn leaves are to be revealed.
fn revealing() -> (Story, Claim) {
	let mut story = Story::begin();
	let claim = story.claim(8);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	(story, claim)
}

/// The story's transcoder answers, and nobody has lost anything.
fn finish_well(mut story: Story, claim: &Claim) {
	let transcoder = story.transcoder;
	story.reveal(claim);
	story.vote(claim, HONEST);
	assert_eq!(story.settle(claim), Some(Outcome::Accepted));
	assert!(!story.is_jailed(transcoder));
	assert_eq!(story.slashes(), vec![]);
	story.close();
}

#[test]
fn operator_duties_should_stay_open_through_wrappers_in_safe_mode() {
	let mut world = operated();
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	for open in [
		through_proxy(Bob, announcement()),
		batch(vec![through_proxy(Bob, announcement())]),
		through_proxy(Bob, batch(vec![announcement()])),
	] {
		world.blocks(12);
		world.ok(Dave, open.clone());
		assert_eq!(last_seen(&mut world, Bob), clock(&mut world).0, "{open:?}");
	}
	world.blocks(12);
	let seen = last_seen(&mut world, Bob);
	let deep = (0..5).fold(through_proxy(Bob, announcement()), |call, _| batch(vec![call]));
	for closed in [
		transfer(),
		through_proxy(Dave, transfer()),
		batch(vec![through_proxy(Bob, announcement()), transfer()]),
		deep,
	] {
		assert_eq!(world.call(Dave, closed.clone()), FILTERED, "{closed:?}");
	}
	assert_eq!(last_seen(&mut world, Bob), seen);
}

#[test]
fn operator_duties_should_stay_open_through_a_proxy_when_calls_are_paused() {
	let mut world = operated();
	let pause = |pallet: &str, call: &str| {
		let name = |name: &str| name.as_bytes().to_vec().try_into().expect("short");
		TxPause::pause(RuntimeOrigin::root(), (name(pallet), name(call)))
	};
	world.run(|| {
		pause("Proxy", "proxy").expect_err("a wrapper cannot be paused");
		pause("TranscoderElection", "set_available").expect_err("a duty cannot be paused");
		pause("Balances", "transfer_keep_alive").expect("anything else can");
	});
	world.blocks(12);
	world.ok(Dave, through_proxy(Bob, announcement()));
	assert_eq!(last_seen(&mut world, Bob), clock(&mut world).0);
	// What is paused is paused through a proxy too.
	world.ok(
		Dave,
		pallet_proxy::Call::add_proxy {
			delegate: Eve.to_account_id().into(),
			proxy_type: ProxyType::Any,
			delay: 0,
		},
	);
	world.ok(Eve, through_proxy(Dave, transfer()));
	let executed = world.events.iter().rev().find_map(|(_, event)| match event {
		RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(*result),
		_ => None,
	});
	assert_eq!(executed.map(Ok), Some(FILTERED));
}

/// Who has nothing free is paid out of what leaves before the call runs, and the brakes refuse it only then: a lock
/// that is free would leave a closed chain all the same.
#[test]
fn attack_leaving_that_pays_for_itself_should_not_pass_the_brakes() {
	let mut world = World::local();
	let who = BobStash.to_account_id();
	let empty = |world: &mut World| {
		let (who, to) = (BobStash.to_account_id(), Eve.to_account_id());
		world.run(|| {
			let kept = Preservation::Preserve;
			let free = Balances::reducible_balance(&who, kept, Fortitude::Polite);
			<Balances as Mutate<_>>::transfer(&who, &to, free, kept).expect("it is free");
		});
	};
	let bonded = world.run(|| LptStaking::stake_of(who.clone())).next_round;
	let refused = || -> Applied { Err(InvalidTransaction::Payment.into()) };
	let unbond = pallet_lpt_staking::Call::<Runtime>::unbond { amount: bonded };
	let withdraw = pallet_lpt_staking::Call::<Runtime>::withdraw_stake { lock: 0 };

	empty(&mut world);
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	assert_eq!(world.call(BobStash, unbond.clone()), refused());
	assert!(world.run(|| LptStaking::stake_of(who.clone())).next_round >= bonded);
	world.run(|| SafeMode::force_exit(RuntimeOrigin::root())).expect("root");
	world.ok(BobStash, unbond);
	let release = world.run(|| LptStaking::locks(who.clone()))[0].release;
	let patience = 31 * (release + 1);
	world.until(patience, |world| world.round() == release);

	empty(&mut world);
	let has = world.lpt(&who);
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	assert_eq!(world.call(BobStash, withdraw.clone()), refused());
	world.run(|| SafeMode::force_exit(RuntimeOrigin::root())).expect("root");
	let name = |name: &str| name.as_bytes().to_vec().try_into().expect("short");
	let paused = || (name("LptStaking"), name("withdraw_stake"));
	world.run(|| TxPause::pause(RuntimeOrigin::root(), paused())).expect("it can be paused");
	assert_eq!(world.call(BobStash, withdraw.clone()), refused());
	assert_eq!(world.lpt(&who), has);
	world.run(|| TxPause::unpause(RuntimeOrigin::root(), paused())).expect("it is paused");
	world.ok(BobStash, withdraw);
	assert!(world.lpt(&who) > has);
}

#[test]
fn a_stream_should_go_on_in_safe_mode_and_its_clock_with_it() {
	let mut world = Story::network();
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	let refused = livepeer_integration_tests::job(&world, "new", 600, 100 * UNIT);
	assert_eq!(world.call(Story::BROADCASTER, refused), FILTERED, "nothing new begins");
	world.run(|| SafeMode::force_exit(RuntimeOrigin::root())).expect("root");

	let job = livepeer_integration_tests::create_job(&mut world, Story::BROADCASTER, "s", 600);
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	let before = clock(&mut world).0;
	let number = world.number();
	let mut story = Story::resume(world, job);
	story.accept();
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	assert_eq!(clock(&mut story.world).0 - before, story.world.number() - number);
}

#[test]
fn deadlines_should_stop_while_blocks_take_inherents_only() {
	let (mut story, claim) = revealing();
	let before = clock(&mut story.world);
	let deadline = story.challenge(&claim).deadline;
	story.world.run(|| Cursor::put(MigrationCursor::Stuck));
	// More than a round and than any deadline that is open.
	for _ in 0..40 {
		story.world.next_block();
		assert_eq!(clock(&mut story.world), before);
		assert!(!story.world.run(ChainConfig::is_open));
	}
	assert_eq!(story.challenge(&claim).deadline, deadline);
	story.world.run(Cursor::kill);
	story.world.next_block();
	assert_eq!(clock(&mut story.world).0, before.0 + 1);
	finish_well(story, &claim);
}

#[test]
fn who_cannot_answer_any_more_should_still_be_missed_after_the_chain_was_closed() {
	let (mut story, claim) = revealing();
	story.world.run(|| Cursor::put(MigrationCursor::Stuck));
	story.world.blocks(40);
	story.world.run(Cursor::kill);
	assert_eq!(story.settle(&claim), Some(Outcome::Missed));
	assert!(story.lost(claim.transcoder) > 0, "the clock goes on when the chain is open again");
}

#[test]
fn an_offer_should_wait_while_blocks_take_inherents_only() {
	let mut world = Story::network();
	let job = livepeer_integration_tests::create_job(&mut world, Story::BROADCASTER, "s", 600);
	let offered = |world: &mut World| world.run(|| Jobs::job(job)).and_then(|view| view.current);
	world.until(20, |world| offered(world).is_some());
	let before = offered(&mut world).expect("offered").index;
	world.run(|| Cursor::put(MigrationCursor::Stuck));
	world.blocks(20);
	world.run(Cursor::kill);
	let mut story = Story::resume(world, job);
	story.accept();
	assert_eq!(offered(&mut story.world).expect("accepted").index, before);
}

#[test]
fn the_last_block_of_a_migration_should_not_count() {
	let mut world = Story::network();
	let (before, ..) = clock(&mut world);
	world
		.run(|| Migrations::force_set_active_cursor(RuntimeOrigin::root(), 0, None, None))
		.expect("root");
	world.submit(Alice, transfer());
	// Nothing is left to migrate, so the migration ends in this block, after its inherents.
	assert_eq!(world.next_block(), vec![]);
	assert!(!world.run(Cursor::exists));
	assert_eq!(clock(&mut world).0, before);
	assert_eq!(world.next_block(), vec![Ok(Ok(()))]);
	assert_eq!(clock(&mut world).0, before + 1);
}

#[test]
fn a_failed_migration_should_leave_the_chain_to_governance_and_stop_the_clock() {
	let (mut story, claim) = revealing();
	let workers = std::mem::take(&mut story.world.workers);
	let (before, deadline) = (clock(&mut story.world), story.challenge(&claim).deadline);
	let handling = story.world.run(|| Handler::failed(Some(0)));
	assert_eq!(handling, FailedMigrationHandling::ForceUnstuck, "transactions are let in");
	story.world.blocks(40);
	let index = claim.work.drawn(&story.challenge(&claim).positions)[0];
	for (who, closed) in
		[(Bob, announcement()), (Alice, transfer()), (Bob, batch(vec![announcement()]))]
	{
		assert_eq!(story.world.call(who, closed.clone()), FILTERED, "{closed:?}");
	}
	// What is free is refused before any weight is spent on it: by the pool, too, which asks as of the
	// next block.
	let reveal = claim.work.reveal(claim.id, index);
	let at = story.world.number() + 1;
	let duties: [RuntimeCall; 2] =
		[reveal.into(), story.world.run(|| heartbeat(claim.transcoder, at)).into()];
	for duty in duties {
		let refused = Err(NOT_YET.into());
		assert_eq!(story.world.call_authorized(duty.clone()), refused, "{duty:?}");
		let validity = story.world.run(|| {
			use frame_support::traits::Authorize as _;
			duty.authorize(TransactionSource::External).expect("a duty").map(|_| ())
		});
		assert_eq!(validity, Err(NOT_YET.into()));
	}
	assert_eq!(clock(&mut story.world), before);
	assert_eq!(story.challenge(&claim).deadline, deadline);

	let mended: RuntimeCall = pallet_safe_mode::Call::force_exit {}.into();
	story.world.ok(Alice, pallet_sudo::Call::sudo { call: Box::new(mended) });
	assert!(!story.world.run(SafeMode::is_entered));
	story.world.workers = workers;
	story.world.next_block();
	assert_eq!(clock(&mut story.world).0, before.0 + 1);
	finish_well(story, &claim);
}

#[test]
fn a_migration_that_fails_in_safe_mode_should_keep_the_chain_in_it() {
	let mut world = Story::network();
	world.run(|| SafeMode::force_enter(RuntimeOrigin::root())).expect("root");
	assert!(world.run(ChainConfig::is_open));
	let handling = world.run(|| Handler::failed(None));
	assert_eq!(handling, FailedMigrationHandling::ForceUnstuck);
	world.next_block();
	assert!(!world.run(ChainConfig::is_open));
	assert_eq!(world.call(Bob, announcement()), FILTERED);
}
