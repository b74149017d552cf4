//! Parameters of a chain that stored them without a version, and governance's own way to them.

use codec::Encode;
use frame_support::{dispatch::GetDispatchInfo as _, storage::unhashed, traits::OnRuntimeUpgrade};
use livepeer_integration_tests::World;
use livepeer_primitives::{
	params::{unversioned, JobsParameters, LotteryParameters, ProtocolParameters},
	traits::ProtocolClock as _,
};
use livepeer_runtime::{
	configs::parameters::{
		dynamic_params::protocol::{self, Parameters as Update, ParametersKey as Key},
		GiveVersions, RuntimeParameters, RuntimeParametersKey, Store,
	},
	ChainConfig, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SafeMode,
};
use pallet_chain_config::ParameterStore;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob};
use sp_runtime::{DispatchError, DispatchResult};

fn place(key: Key) -> Vec<u8> {
	pallet_parameters::Parameters::<Runtime>::hashed_key_for(RuntimeParametersKey::Protocol(key))
}

/// What the first chains stored of jobs and lottery.
fn first() -> (unversioned::Jobs, unversioned::Lottery) {
	let ProtocolParameters { jobs, lottery, .. } = ProtocolParameters::development();
	(
		unversioned::Jobs {
			accept_timeout: 7,
			claim_grace: jobs.claim_grace,
			longest_job: jobs.longest_job,
			priority_list: jobs.priority_list,
			allowance_leaves: jobs.allowance_leaves,
			broadcaster_bond: jobs.broadcaster_bond,
			max_open_claims: jobs.max_open_claims,
			factors: unversioned::Factors { preset: 1_500, decode: 300 },
		},
		unversioned::Lottery {
			verification_rate: lottery.verification_rate,
			max_samples: lottery.max_samples,
			committee_size: lottery.committee_size,
			reveal_window: 19,
			missed_grace: lottery.missed_grace,
			commit_base: lottery.commit_base,
			verdict_reveal: lottery.verdict_reveal,
			verify_rate: lottery.verify_rate,
			max_work_blocks: lottery.max_work_blocks,
			dispute_commit_base: lottery.dispute_commit_base,
			dispute_reveal: lottery.dispute_reveal,
			slashing_period: lottery.slashing_period,
			slash_deferral: lottery.slash_deferral,
			failed_slash: lottery.failed_slash,
			missed_slash: lottery.missed_slash,
			false_dissent_slash: lottery.false_dissent_slash,
			no_show_slash: lottery.no_show_slash,
		},
	)
}

/// Stores all parameters as the first chains did, with a round of 44 blocks: they knew neither inflation
/// nor what joins LPT and ETH.
fn store_first() {
	let ProtocolParameters { rounds, staking, election, .. } = ProtocolParameters::development();
	let election = unversioned::Election {
		active_size: election.active_size,
		min_validators: election.min_validators,
		min_self_bond: election.min_self_bond,
		min_validator_stake: election.min_validator_stake,
		heartbeat_interval: election.heartbeat_interval,
	};
	let (jobs, lottery) = first();
	let put = |key: Key, variant: u8, value: Vec<u8>| {
		unhashed::put_raw(&place(key), &[&[0, variant][..], &value].concat());
	};
	put(Key::Rounds(protocol::Rounds), 0, (44u32, rounds.lock_amount).encode());
	put(Key::Staking(protocol::Staking), 1, staking.encode());
	put(Key::Election(protocol::Election), 2, election.encode());
	put(Key::Jobs(protocol::Jobs), 3, jobs.encode());
	put(Key::Lottery(protocol::Lottery), 4, lottery.encode());
	unhashed::kill(&place(Key::Inflation(protocol::Inflation)));
	unhashed::kill(&place(Key::Money(protocol::Money)));
}

fn is_readable() -> bool {
	<Store as ParameterStore<RuntimeParameters>>::is_readable()
}

#[test]
fn parameters_without_a_version_should_be_migrated() {
	let mut world = World::development();
	world.run(|| {
		let before = ChainConfig::parameters();
		store_first();
		assert!(!is_readable());
		GiveVersions::on_runtime_upgrade();
		assert!(is_readable(), "every concern is stored, and none only stood in for");
		let after = ChainConfig::parameters();
		assert_eq!(
			(after.rounds.length, after.rounds.lock_amount),
			(44, before.rounds.lock_amount)
		);
		assert_eq!((after.staking, after.election), (before.staking, before.election));
		let (jobs, lottery) = first();
		assert_eq!((after.inflation, after.money), (before.inflation, before.money));
		assert_eq!(after.jobs, JobsParameters::from(jobs));
		assert_eq!(after.lottery, LotteryParameters::from(lottery));
		assert_eq!((after.jobs.accept_timeout, after.lottery.reveal_window), (7, 19));
		assert_eq!(after.jobs.factors.profiles[0].encode, 1_500);
		assert!(!SafeMode::is_entered());
		// Twice is once.
		GiveVersions::on_runtime_upgrade();
		assert_eq!(ChainConfig::parameters(), after);
		// Governance sets any of them, for all the others can be read.
		let staking = Update::Staking(protocol::Staking, Some(after.staking.into()));
		let update = RuntimeParameters::Protocol(staking);
		assert_eq!(ChainConfig::set_parameter(RuntimeOrigin::root(), update), Ok(()));
	});
	// Every rule is kept, and the chain goes on.
	world.blocks(3);
}

#[test]
fn parameters_that_cannot_be_read_should_stop_the_chain_loudly() {
	let mut world = World::development();
	for (key, variant) in [(Key::Jobs(protocol::Jobs), 3), (Key::Inflation(protocol::Inflation), 5)]
	{
		let key = place(key);
		let good = world.run(|| unhashed::get_raw(&key)).expect("stored");
		for bytes in [vec![], vec![0, variant, 9, 9], [&good[..], &[0]].concat(), vec![0, 4, 1]] {
			let mut world = world.fork();
			world.run(|| {
				unhashed::put_raw(&key, &bytes);
				GiveVersions::on_runtime_upgrade();
				assert!(SafeMode::is_entered(), "{bytes:?} is no preset's");
				assert_eq!(unhashed::get_raw(&key), Some(bytes.clone()), "it stays as it is");
			});
			// Nothing but governance is let in, and the clock stands, until it is mended.
			assert!(world.run(ChainConfig::ensure_open).is_err());
		}
	}
}

/// What governance's own origin is answered: sudo, in a block.
fn sudo(world: &mut World, who: Sr25519Keyring, update: Update) -> Option<DispatchResult> {
	let update = RuntimeParameters::Protocol(update);
	let call: RuntimeCall = pallet_chain_config::Call::set_parameter { update }.into();
	assert!(call.get_dispatch_info().call_weight.ref_time() > 0);
	let sent = world.call(who, pallet_sudo::Call::sudo { call: Box::new(call) });
	let number = world.number();
	sent.expect("valid").ok()?;
	world.events.iter().rev().find_map(|(block, event)| match event {
		RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) if *block == number => {
			Some(*sudo_result)
		}
		_ => None,
	})
}

#[test]
fn what_never_ends_should_be_refused_to_governance_too() {
	let mut world = World::local();
	let before = world.parameters().0;
	let error = |error: pallet_chain_config::Error<Runtime>| Some(Err(DispatchError::from(error)));
	let mut rounds = before.rounds;
	rounds.length = u32::MAX;
	let update = Update::Rounds(protocol::Rounds, Some(rounds.into()));
	let refused = sudo(&mut world, Alice, update);
	assert_eq!(refused, error(pallet_chain_config::Error::RoundLength));
	let mut staking = before.staking;
	staking.unbonding_period = u32::MAX;
	let update = Update::Staking(protocol::Staking, Some(staking.into()));
	let refused = sudo(&mut world, Alice, update);
	assert_eq!(refused, error(pallet_chain_config::Error::UnbondingPeriod));
	let update = Update::Rounds(protocol::Rounds, None);
	assert_eq!(sudo(&mut world, Alice, update), error(pallet_chain_config::Error::ValueMissing));
	assert_eq!(world.parameters().0, before);
	// The longest that is taken can be undone when it has begun.
	rounds.length = 31;
	let longer = Update::Rounds(protocol::Rounds, Some(rounds.into()));
	assert_eq!(sudo(&mut world, Bob, longer.clone()), None, "nobody else may");
	assert_eq!(sudo(&mut world, Alice, longer), Some(Ok(())));
	world.blocks(40);
	let update = Update::Rounds(protocol::Rounds, Some(before.rounds.into()));
	assert_eq!(sudo(&mut world, Alice, update), Some(Ok(())));
	let round = world.round();
	world.until(70, |world| world.round() > round + 1);
}
