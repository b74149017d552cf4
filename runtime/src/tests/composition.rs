//! The order of pallets, and the calls that nobody or everybody may make.

use crate::{
	configs::governance::{AlwaysOpen, NeverPaused, DUTIES, WAY_BACK, WRAPPERS},
	AllPalletsWithSystem, RuntimeCall,
};
use frame_support::traits::{Contains, PalletsInfoAccess};

fn order() -> Vec<(usize, &'static str)> {
	AllPalletsWithSystem::infos().into_iter().map(|info| (info.index, info.name)).collect()
}

#[test]
fn pallets_should_keep_their_index_when_others_are_added() {
	let expected = [
		(0, "System"),
		(1, "ChainConfig"),
		(2, "Timestamp"),
		(3, "Babe"),
		(4, "Authorship"),
		(5, "Balances"),
		(6, "TransactionPayment"),
		(7, "Assets"),
		(8, "AssetsHolder"),
		(9, "Beacon"),
		(10, "Rounds"),
		(11, "LptStaking"),
		(12, "Inflation"),
		(13, "TranscoderElection"),
		(14, "Jobs"),
		(15, "ChallengeLottery"),
		(16, "Offences"),
		(17, "Historical"),
		(18, "Session"),
		(19, "Grandpa"),
		(20, "AuthorityDiscovery"),
		(21, "Beefy"),
		(22, "Mmr"),
		(23, "BeefyMmr"),
		(24, "AssetTxPayment"),
		(25, "OperatorKeys"),
		(26, "EthLightClient"),
		(27, "EthBridge"),
		(30, "Utility"),
		(31, "Proxy"),
		(32, "Multisig"),
		(33, "Scheduler"),
		(34, "Preimage"),
		(35, "Identity"),
		(36, "Migrations"),
		(37, "Parameters"),
		(38, "TxPause"),
		(39, "SafeMode"),
		(40, "Sudo"),
	];
	assert_eq!(order(), expected);
}

#[test]
fn pallets_should_begin_with_the_version_of_their_storage() {
	use frame_support::traits::{GetStorageVersion, StorageVersion};
	super::presets::genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		macro_rules! say_their_version {
			($($pallet:ident)*) => {$(
				let version = crate::$pallet::in_code_storage_version();
				assert!(version >= StorageVersion::new(1), stringify!($pallet));
				assert_eq!(crate::$pallet::on_chain_storage_version(), version);
			)*};
		}
		say_their_version!(
			ChainConfig Beacon Rounds LptStaking Inflation TranscoderElection Jobs
			ChallengeLottery OperatorKeys EthLightClient EthBridge
		);
	});
}

#[test]
fn inherents_and_the_way_back_should_stay_open_when_the_chain_is_closed() {
	let open: [RuntimeCall; 3] = [
		pallet_timestamp::Call::set { now: 1 }.into(),
		pallet_safe_mode::Call::force_exit {}.into(),
		pallet_sudo::Call::remove_key {}.into(),
	];
	for call in open {
		assert!(AlwaysOpen::contains(&call), "{call:?}");
	}
	let transfer: RuntimeCall = pallet_balances::Call::transfer_all {
		dest: crate::AccountId::new([1; 32]).into(),
		keep_alive: true,
	}
	.into();
	assert!(!AlwaysOpen::contains(&transfer));
}

#[test]
fn multisig_should_leave_safe_mode_when_it_holds_sudo() {
	use crate::{Multisig, Runtime, RuntimeOrigin, SafeMode, System};
	use frame_support::{assert_noop, assert_ok, weights::Weight};
	use sp_keyring::Sr25519Keyring::{Alice, Bob};
	use sp_runtime::traits::Dispatchable;
	super::presets::genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		System::set_block_number(1);
		let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
		let mut both = vec![alice.clone(), bob.clone()];
		both.sort();
		let holder = Multisig::multi_account_id(&both, 2);
		pallet_sudo::Key::<Runtime>::put(holder);
		assert_ok!(SafeMode::force_enter(RuntimeOrigin::root()));

		let pay: RuntimeCall =
			pallet_balances::Call::transfer_all { dest: alice.clone().into(), keep_alive: true }
				.into();
		// Everything else that a multisig could call stays just as closed.
		let alone: RuntimeCall = pallet_multisig::Call::as_multi_threshold_1 {
			other_signatories: vec![bob.clone()],
			call: Box::new(pay),
		}
		.into();
		let filtered = frame_system::Error::<Runtime>::CallFiltered;
		assert_noop!(
			alone.dispatch(RuntimeOrigin::signed(alice.clone())).map_err(|error| error.error),
			filtered
		);

		let exit: RuntimeCall = pallet_safe_mode::Call::force_exit {}.into();
		let exit: RuntimeCall = pallet_sudo::Call::sudo { call: Box::new(exit) }.into();
		let agree = |other: &crate::AccountId, timepoint| -> RuntimeCall {
			pallet_multisig::Call::as_multi {
				threshold: 2,
				other_signatories: vec![other.clone()],
				maybe_timepoint: timepoint,
				call: Box::new(exit.clone()),
				max_weight: Weight::MAX,
			}
			.into()
		};
		assert_ok!(agree(&bob, None).dispatch(RuntimeOrigin::signed(alice.clone())));
		assert!(SafeMode::is_entered());
		let asked = Some(Multisig::timepoint());
		assert_ok!(agree(&alice, asked).dispatch(RuntimeOrigin::signed(bob)));
		assert!(!SafeMode::is_entered());
	});
}

#[test]
fn the_brakes_should_agree_on_what_stays_open_when_they_are_pulled() {
	use frame_support::traits::GetCallMetadata;
	let paused = |pallet: &str, call: &str| {
		!NeverPaused::contains(&(
			pallet.as_bytes().to_vec().try_into().unwrap(),
			call.as_bytes().to_vec().try_into().unwrap(),
		))
	};
	let names: Vec<(&str, &str)> = RuntimeCall::get_module_names()
		.iter()
		.flat_map(|pallet| {
			RuntimeCall::get_call_names(pallet).iter().map(move |call| (*pallet, *call))
		})
		.collect();
	let open = [
		// A paused inherent would stop the chain.
		("Timestamp", "set"),
		// The way back.
		("Sudo", "sudo"),
		("Multisig", "as_multi"),
		("Multisig", "approve_as_multi"),
		("SafeMode", "force_exit"),
		("TxPause", "unpause"),
	];
	for pallet in WAY_BACK {
		assert!(names.iter().any(|name| name.0 == pallet), "{pallet} is no pallet any more");
	}
	for open in open.into_iter().chain(DUTIES).chain(WRAPPERS) {
		assert!(names.contains(&open), "{open:?} is no call any more");
		assert!(!paused(open.0, open.1), "{open:?} can be paused");
	}
	for (pallet, call) in names {
		if DUTIES.contains(&(pallet, call)) {
			continue;
		}
		if ["Balances", "Assets", "Jobs", "LptStaking"].contains(&pallet) {
			assert!(paused(pallet, call), "{pallet}.{call} cannot be paused");
		}
	}
}

#[test]
fn proxies_should_not_spend_when_they_are_operators() {
	use crate::configs::governance::ProxyType;
	use frame_support::traits::InstanceFilter;
	let transfer: RuntimeCall = pallet_balances::Call::transfer_all {
		dest: crate::AccountId::new([1; 32]).into(),
		keep_alive: true,
	}
	.into();
	let top_up: RuntimeCall = pallet_jobs::Call::top_up { job: 0, amount: 1 }.into();
	let announcement: RuntimeCall = pallet_transcoder_election::Call::set_available {
		capacity: 1,
		profiles: Default::default(),
	}
	.into();
	let to = crate::AccountId::new([1; 32]);
	let gift: RuntimeCall =
		pallet_lpt_staking::Call::transfer_bond { amount: 1, to: to.clone() }.into();
	let bond: RuntimeCall = pallet_lpt_staking::Call::bond { amount: 1, to }.into();
	assert!(ProxyType::Staking.filter(&bond) && ProxyType::NonTransfer.filter(&bond));
	for kind in [ProxyType::NonTransfer, ProxyType::Operator, ProxyType::Staking] {
		assert!(!kind.filter(&gift), "{kind:?}");
		assert!(!kind.filter(&transfer) && !kind.filter(&top_up), "{kind:?}");
		assert!(!kind.is_superset(&ProxyType::Any));
	}
	assert!(ProxyType::Operator.filter(&announcement));
}

#[cfg(feature = "runtime-benchmarks")]
#[test]
fn every_pallet_of_ours_should_be_measured() {
	let (list, _) = crate::benchmarks::metadata(false);
	for entry in std::fs::read_dir("../pallets").unwrap() {
		let name = entry.unwrap().file_name().into_string().unwrap();
		let pallet = format!("pallet_{}", name.replace('-', "_"));
		assert!(list.iter().any(|one| one.pallet == pallet.as_bytes()), "{pallet}");
	}
}
