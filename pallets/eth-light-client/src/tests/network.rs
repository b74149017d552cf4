//! Which Ethereum is followed, its forks, and where to start.

use crate::{
	mock::*, simulator::block, Checkpoint, CurrentCommittee, Error, Event, Finalized, Fork, Forks,
	Layout, Network,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::ethereum::{ClientHealth, EthereumChain};
use sp_core::H256;
use sp_runtime::DispatchError::BadOrigin;

fn forks(list: &[(u64, Option<Layout>)]) -> Forks {
	list.iter()
		.enumerate()
		.map(|(index, (epoch, layout))| Fork {
			version: [index as u8, 0, 0, 0],
			epoch: *epoch,
			layout: *layout,
		})
		.collect::<Vec<_>>()
		.try_into()
		.unwrap()
}

#[test]
fn only_governance_should_say_what_is_trusted() {
	build_and_execute(|| {
		let network = crate::simulator::network(VERSION, Layout::GLOAS);
		let signed = RuntimeOrigin::signed(1);
		assert_noop!(EthLightClient::set_network(signed.clone(), network), BadOrigin);
		assert_noop!(EthLightClient::set_checkpoint(signed, H256::zero()), BadOrigin);
	});
}

#[test]
fn network_should_be_refused_when_its_forks_do_not_ascend() {
	build_and_execute(|| {
		let good = crate::simulator::network(VERSION, Layout::GLOAS);
		let none = Layout { finality: 1, ..Layout::GLOAS };
		let bad = [
			Network { forks: forks(&[(5, None), (5, None)]), ..good.clone() },
			Network { forks: forks(&[(5, None), (4, None)]), ..good.clone() },
			Network { forks: forks(&[(5, Some(none))]), ..good.clone() },
			Network { forks: forks(&[]), ..good.clone() },
			Network { seconds_per_slot: 0, ..good },
		];
		for network in bad {
			assert_noop!(
				EthLightClient::set_network(RuntimeOrigin::root(), network),
				Error::<Test>::InvalidNetwork
			);
		}
	});
}

#[test]
fn client_should_go_on_when_only_forks_change() {
	build_and_execute(|| {
		let (mut network, _) = started(Layout::GLOAS, 64, 10);
		let heze = Fork { version: [8, 0, 0, 0], epoch: 50, layout: Some(Layout::GLOAS) };
		network.forks.try_push(heze).unwrap();
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network.clone()));
		assert_eq!(events(), [Event::NetworkSet { newest_fork: 50, kept: true }]);
		assert!(CurrentCommittee::<Test>::exists());
		// Another network starts from nothing.
		network.genesis_time = 1;
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		assert_eq!(events(), [Event::NetworkSet { newest_fork: 50, kept: false }]);
		assert!(!CurrentCommittee::<Test>::exists() && Finalized::<Test>::get().is_empty());
	});
}

#[test]
fn forks_should_be_followed_by_data_alone() {
	build_and_execute(|| {
		let mut network = crate::simulator::network([5, 0, 0, 0], Layout::ELECTRA);
		network.forks = vec![
			Fork { version: [5, 0, 0, 0], epoch: 0, layout: Some(Layout::ELECTRA) },
			Fork { version: [7, 0, 0, 0], epoch: 4, layout: Some(Layout::GLOAS) },
			// A possible Heze: a different index everywhere.
			Fork {
				version: [8, 0, 0, 0],
				epoch: 8,
				layout: Some(Layout {
					finality: 800,
					current_committee: 3_000,
					next_committee: 3_001,
					execution_hash: 3_100,
				}),
			},
		]
		.try_into()
		.unwrap();
		let (network, mut last) = start_on(&network, 0, 1_000);
		// Around each fork: updates before it, across it (the final block is still of the old
		// fork), and after it.
		for (finalized, attested) in [(64, 120), (100, 128), (140, 200), (230, 256), (260, 300)] {
			let finalized = block(&network, finalized, [0, 1], last.root());
			let attested = block(&network, attested, [0, 1], finalized.root());
			assert_ok!(submit(attested.update(&network, &finalized, 0, 342, None)));
			assert_ok!(EthLightClient::execution_block(&finalized.proof()));
			last = finalized;
		}
	});
}

#[test]
fn client_should_halt_visibly_when_a_fork_is_unknown() {
	build_and_execute(|| {
		let (mut network, first) = started(Layout::GLOAS, 64, 10);
		network.forks.try_push(Fork { version: [8, 0, 0, 0], epoch: 4, layout: None }).unwrap();
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network.clone()));
		// The client reports the unknown fork in advance.
		assert_eq!(EthLightClient::status().next_fork, Some((4, false)));
		assert_eq!(EthLightClient::health(), ClientHealth::Following);
		let finalized = block(&network, 80, [0, 1], first.root());
		Seconds::set(128);
		assert_eq!(EthLightClient::health(), ClientHealth::UnknownFork { epoch: 4 });
		assert_noop!(EthLightClient::execution_block(&first.proof()), Error::<Test>::UnknownFork);
		// No update from the fork's time is accepted, whoever signs it.
		let mut known = network.clone();
		known.forks.last_mut().unwrap().layout = Some(Layout::GLOAS);
		let attested = block(&known, 128, [0, 1], finalized.root());
		Seconds::set(200);
		let update = attested.update(&known, &finalized, 0, 512, None);
		assert_noop!(submit(update.clone()), Error::<Test>::UnknownFork);
		// Neither is a signature made after the fork for a block before it.
		let before = block(&known, 128 - 1, [0, 1], finalized.root());
		let mut signed = before.update(&known, &finalized, 0, 512, None);
		signed.signature_slot = 130;
		assert_noop!(submit(signed), Error::<Test>::UnknownFork);
		// Once the fork is known, the client continues.
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), known));
		assert_ok!(submit(update));
		assert_eq!(EthLightClient::health(), ClientHealth::Following);
	});
}

#[test]
fn bootstrap_should_be_refused_when_it_is_not_what_governance_trusts() {
	build_and_execute(|| {
		let network = crate::simulator::network(VERSION, Layout::GLOAS);
		let trusted = block(&network, 64, [0, 1], H256::zero());
		let other = block(&network, 65, [0, 1], H256::zero());
		let send = |message: crate::Bootstrap| {
			EthLightClient::bootstrap(RuntimeOrigin::signed(1), Box::new(message))
				.map(|_| ())
				.map_err(|error| error.error)
		};
		Seconds::set(100);
		assert_noop!(send(trusted.bootstrap(0)), Error::<Test>::NoNetwork);
		assert_noop!(
			EthLightClient::set_checkpoint(RuntimeOrigin::root(), trusted.root()),
			Error::<Test>::NoNetwork
		);
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		assert_noop!(send(trusted.bootstrap(0)), Error::<Test>::NoCheckpoint);
		assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), trusted.root()));
		assert_noop!(send(other.bootstrap(0)), Error::<Test>::NotTheCheckpoint);
		// The right block with another committee.
		assert_noop!(send(trusted.bootstrap(1)), Error::<Test>::WrongCommitteeBranch);
		assert_ok!(send(trusted.bootstrap(0)));
		assert!(!Checkpoint::<Test>::exists());
	});
}

#[test]
fn committee_should_be_refused_when_a_key_is_no_point_of_the_curve() {
	build_and_execute(|| {
		let network = crate::simulator::network(VERSION, Layout::GLOAS);
		let mut committee = crate::simulator::committee(0);
		committee.keys[511] = [0xff; 48];
		let mut trusted = block(&network, 64, [0, 1], H256::zero());
		for (place, leaf) in &mut trusted.state {
			if *place == Layout::GLOAS.current_committee {
				*leaf = committee.root();
			}
		}
		trusted.header.state_root = crate::simulator::node(1, &trusted.state);
		let bootstrap = crate::Bootstrap { committee, ..trusted.bootstrap(0) };
		Seconds::set(100);
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), trusted.root()));
		assert_noop!(
			EthLightClient::bootstrap(RuntimeOrigin::signed(1), Box::new(bootstrap))
				.map(|_| ())
				.map_err(|error| error.error),
			Error::<Test>::InvalidKey
		);
	});
}
