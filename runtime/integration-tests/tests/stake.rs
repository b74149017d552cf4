//! Stake over rounds on the real runtime: rewards, moves, and validators that are away.

use livepeer_integration_tests::{keyring, Story, World, HONEST};
use livepeer_primitives::{api::SeatReason, claim::Outcome, Balance, BlockNumber};
use livepeer_runtime::{
	configs::{
		money::CommonPool,
		parameters::{dynamic_params::protocol, RuntimeParameters},
	},
	ChainConfig, Inflation, LptStaking, RuntimeEvent, RuntimeOrigin, Session, TranscoderElection,
};
use pallet_inflation::Event as Minted;
use pallet_lpt_staking::{Call as Stake, Event as Staked};
use sp_keyring::Sr25519Keyring::{
	self, Alice, Bob, BobStash, Charlie, CharlieStash, Dave, Eve, Ferdie,
};
use sp_runtime::transaction_validity::InvalidTransaction;

/// Makes blocks until the next round begins.
fn next_round(world: &mut World) {
	let next = world.round() + 1;
	world.until(31, |world| world.round() == next);
}

/// What the newest round that is over has minted, and what of it the common pool got.
fn newest_paid(world: &World) -> (Balance, Balance, u32) {
	world
		.events
		.iter()
		.rev()
		.find_map(|(_, event)| match event {
			RuntimeEvent::Inflation(Minted::RoundPaid { minted, to_pool, transcoders, .. }) => {
				Some((*minted, *to_pool, *transcoders))
			}
			_ => None,
		})
		.expect("a round was paid")
}

fn stake(world: &mut World, who: Sr25519Keyring) -> Balance {
	world.run(|| LptStaking::stake_of(who.to_account_id()).next_round)
}

fn validators(world: &mut World) -> Vec<Sr25519Keyring> {
	world.run(Session::validators).iter().map(keyring).collect()
}

#[test]
fn rewards_should_reach_all_who_bonded_without_any_transaction() {
	let mut world = World::local();
	let before: Vec<_> = [Alice, Bob, BobStash].map(|who| stake(&mut world, who)).to_vec();
	let pool = world.lpt(&CommonPool::get());
	next_round(&mut world);
	let (minted, to_pool, transcoders) = newest_paid(&world);
	assert_eq!(transcoders, 5);
	assert_eq!(world.lpt(&CommonPool::get()) - pool, to_pool);
	// Ten parts in a hundred, but for rounding.
	assert!(minted / 10 - to_pool < 10);
	let after: Vec<_> = [Alice, Bob, BobStash].map(|who| stake(&mut world, who)).to_vec();
	assert!(before.iter().zip(&after).all(|(before, after)| before < after));
	// Bob cuts a tenth of his rewards; his delegator's stake grows as his own does but for that.
	let growth = |at: usize| (after[at] - before[at]) as f64 / before[at] as f64;
	assert!(growth(2) < growth(1));
	let view = world.run(Inflation::inflation);
	assert_eq!(view.round, 1);
	assert!(view.rate.deconstruct() == 401_000, "{view:?}");
}

#[test]
fn attack_delegates_in_any_order_mint_nothing_of_their_own() {
	// Bonds of nothing, to oneself, to who is not registered, of who left and comes back: whatever
	// they do, a round mints what its active set earns. The world checks each block's issuance.
	let mut world = World::local();
	let (bob, charlie) = (Bob.to_account_id(), Charlie.to_account_id());
	let stranger = CharlieStash.to_account_id();
	for round in 0..6 {
		let all = world.run(|| LptStaking::stake_of(BobStash.to_account_id()));
		let calls = match round {
			0 => vec![
				Stake::bond { amount: 0, to: bob.clone() },
				Stake::bond { amount: 1_000, to: stranger.clone() },
				Stake::unbond { amount: all.next_round },
			],
			1 => vec![Stake::rebond { lock: 0, to: bob.clone() }, Stake::settle {}],
			2 => vec![Stake::move_bond { to: charlie.clone() }],
			3 => vec![Stake::rebond { lock: 0, to: charlie.clone() }],
			4 => vec![Stake::rebond { lock: 0, to: bob.clone() }],
			_ => vec![Stake::transfer_bond { amount: all.next_round, to: stranger.clone() }],
		};
		for call in calls {
			world.submit(BobStash, call);
		}
		world.deliver();
		next_round(&mut world);
		let (minted, _, _) = newest_paid(&world);
		let mint = world.events.iter().rev().find_map(|(_, event)| match event {
			RuntimeEvent::Inflation(Minted::RateSet { mintable, .. }) => Some(*mintable),
			_ => None,
		});
		assert!(minted <= mint.expect("a round began") + mint.expect("a round began") / 1_000);
	}
}

#[test]
fn stake_should_move_when_it_is_liable_no_longer() {
	let mut world = World::local();
	let charlie = Charlie.to_account_id();
	world.ok(BobStash, Stake::move_bond { to: charlie.clone() });
	let lock = world.run(|| LptStaking::stake_of(BobStash.to_account_id()).locks[0].clone());
	assert_eq!(lock.moves_to, Some(charlie.clone()));
	// It earns nothing on the way.
	for _ in 0..lock.liable_until {
		let early = world.call(BobStash, Stake::rebond { lock: 0, to: charlie.clone() });
		assert!(early.expect("the transaction is valid").is_err());
		next_round(&mut world);
	}
	world.ok(BobStash, Stake::rebond { lock: 0, to: charlie.clone() });
	assert_eq!(stake(&mut world, BobStash), lock.value);
	let view = world.run(|| LptStaking::stake_of(BobStash.to_account_id()));
	assert_eq!(view.delegate, Some(charlie));
}

#[test]
fn validator_should_leave_without_a_slash_when_it_is_away_and_come_back() {
	let mut world = World::local();
	world.authors = vec![Alice, Bob, Charlie, Dave];
	let before = stake(&mut world, Eve);
	// Eight blocks of five validators, and two sessions.
	world.until(90, |world| !validators(world).contains(&Eve));
	assert!(stake(&mut world, Eve) >= before, "nothing is taken");
	let pool = world.run(TranscoderElection::pool);
	let eve = pool.iter().find(|seat| seat.account == Eve.to_account_id()).expect("a candidate");
	assert!(eve.reason == SeatReason::Stake && eve.barred && !eve.validates);
	// It earns nothing while it is away.
	next_round(&mut world);
	next_round(&mut world);
	assert_eq!(newest_paid(&world).2, 4);
	world.ok(
		Eve,
		pallet_transcoder_election::Call::set_available {
			capacity: 0,
			profiles: Default::default(),
		},
	);
	world.authors.clear();
	world.until(60, |world| validators(world).contains(&Eve));
}

#[test]
fn leaving_should_pay_for_itself_when_nothing_is_free() {
	let mut world = World::local();
	let (who, ferdie) = (BobStash.to_account_id(), Ferdie.to_account_id());
	let bonded = stake(&mut world, BobStash);
	// All that is free goes, but for what an account keeps.
	let free = world.lpt(&who);
	let fee = Balance::from(livepeer_primitives::UNIT / 100);
	world.ok(
		BobStash,
		pallet_balances::Call::transfer_keep_alive {
			dest: ferdie.clone().into(),
			value: free - fee,
		},
	);
	while world.lpt(&who) > livepeer_primitives::UNIT / 2_000 {
		let value = world.lpt(&who) / 2;
		let rest =
			pallet_balances::Call::transfer_keep_alive { dest: ferdie.clone().into(), value };
		if world.call(BobStash, rest).is_err() {
			break;
		}
	}
	// Whatever frees nothing cannot be paid; nor what asks for more than there is.
	let invalid_payment = || Err(InvalidTransaction::Payment.into());
	let settle = world.call(BobStash, Stake::settle {});
	assert_eq!(settle, invalid_payment());
	let charlie = Charlie.to_account_id();
	assert_eq!(world.call(BobStash, Stake::move_bond { to: charlie }), invalid_payment());
	let more = Stake::unbond { amount: 2 * bonded };
	assert_eq!(world.call(BobStash, more), invalid_payment());
	world.ok(BobStash, Stake::unbond { amount: bonded });
	let view = world.run(|| LptStaking::stake_of(who.clone()));
	assert_eq!(view.next_round, 0);
	let lock = view.locks[0].clone();
	let paid = bonded - lock.value;
	assert!(paid > 0 && paid < fee, "{paid}");
	assert!(world.lpt(&who) >= livepeer_primitives::UNIT / 1_000, "the account stays");
	for _ in 0..lock.release {
		assert_eq!(world.call(BobStash, Stake::withdraw_stake { lock: 0 }), invalid_payment());
		next_round(&mut world);
	}
	world.ok(BobStash, Stake::withdraw_stake { lock: 0 });
	let has = world.lpt(&who);
	assert!(has > lock.value - fee && has < lock.value + fee, "{has}");
}

#[test]
fn delegated_stake_should_stay_when_a_transcoder_resigns_and_returns() {
	let mut world = World::local();
	let bob = Bob.to_account_id();
	let behind = |world: &mut World| {
		let bob = bob.clone();
		world.run(move || LptStaking::transcoder_stake(bob).total)
	};
	let before = behind(&mut world);
	let terms = world.run(|| TranscoderElection::terms_of(bob.clone())).expect("registered");
	world.ok(Bob, pallet_transcoder_election::Call::resign {});
	assert_eq!(behind(&mut world), before);
	// Nobody joins who is not there; who is bonded stays, and can leave.
	let more = Stake::bond { amount: livepeer_primitives::UNIT, to: bob.clone() };
	assert!(world.call(BobStash, more).expect("the transaction is valid").is_err());
	let service = Default::default();
	world.ok(Bob, pallet_transcoder_election::Call::transcoder { terms, service });
	assert_eq!(behind(&mut world), before);
	next_round(&mut world);
	let pool = world.run(TranscoderElection::pool);
	let seat = pool.iter().find(|seat| seat.account == bob).expect("a candidate");
	assert_eq!((seat.reason, seat.stake), (SeatReason::Stake, before));
}

/// Livepeer's transcoder is back in the pool with its stake.
#[test]
fn differs_from_livepeer_rebond_should_register_nobody() {
	let mut world = World::local();
	let eve = Eve.to_account_id();
	let terms_of = |world: &mut World| world.run(|| TranscoderElection::terms_of(eve.clone()));
	let terms = terms_of(&mut world).expect("registered");
	let all = stake(&mut world, Eve);
	world.ok(Eve, Stake::unbond { amount: all });
	next_round(&mut world);
	assert_eq!(terms_of(&mut world), None);
	world.ok(Eve, Stake::rebond { lock: 0, to: eve.clone() });
	next_round(&mut world);
	assert_eq!(stake(&mut world, Eve), all);
	assert_eq!(terms_of(&mut world), None);
	let service = Default::default();
	world.ok(Eve, pallet_transcoder_election::Call::transcoder { terms, service });
	next_round(&mut world);
	let pool = world.run(TranscoderElection::pool);
	let seat = pool.iter().find(|seat| seat.account == eve).expect("a candidate");
	assert_eq!((seat.reason, seat.stake), (SeatReason::Stake, all));
}

#[test]
fn drawn_seat_should_be_paid_for_its_work_and_by_inflation() {
	// One seat by stake less than there are transcoders: whoever waits alone is drawn each round.
	let mut world = World::local();
	world.run(|| {
		let mut election = ChainConfig::parameters().election;
		election.active_size = 4;
		let update = protocol::Parameters::Election(protocol::Election, Some(election.into()));
		ChainConfig::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Protocol(update))
			.expect("the parameters keep every rule");
	});
	let drawn = |world: &mut World| {
		let mut pool = world.run(TranscoderElection::pool).into_iter();
		pool.find(|seat| seat.reason == SeatReason::Drawn).map(|seat| keyring(&seat.account))
	};
	world.until(95, |world| drawn(world).is_some());
	let who = drawn(&mut world).expect("there is one");
	let since = world.number();
	assert!(!validators(&mut world).contains(&who));

	// It alone takes work.
	let mut story = Story::begin_on(Story::working(world, &[who]));
	assert_eq!(story.transcoder, who);
	let claim = story.claim(8);
	story.reveal(&claim);
	story.vote(&claim, HONEST);
	assert_eq!(story.settle(&claim), Some(Outcome::Accepted));
	let earned = story.fees(who);
	assert!(earned > claim.fee / 2, "{earned} of {}", claim.fee);
	story.end();
	next_round(&mut story.world);
	let rewarded = |(block, event): &(BlockNumber, RuntimeEvent)| match event {
		RuntimeEvent::LptStaking(Staked::Rewarded { transcoder, amount, .. }) => {
			*block > since && *transcoder == who.to_account_id() && *amount > 0
		}
		_ => false,
	};
	assert!(story.world.events.iter().any(rewarded));
	assert_eq!(drawn(&mut story.world), Some(who), "it has its seat by the draw, and by no more");
	assert!(!validators(&mut story.world).contains(&who));
	story.close();
}
