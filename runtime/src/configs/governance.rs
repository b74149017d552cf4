//! Governance (Root, held by Sudo at launch), its brakes, and shared accounts.

use crate::{
	constants::{block, money::deposit},
	Balance, Balances, BlockNumber, Migrations, OriginCaller, Preimage, Runtime, RuntimeCall,
	RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, SafeMode, System,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	migrations::{FailedMigrationHandler, FailedMigrationHandling, MultiStepMigrator},
	parameter_types,
	traits::{
		self, fungible::HoldConsideration, CallMetadata, ConstU32, Contains, EqualPrivilegeOnly,
		Get, GetCallMetadata, InstanceFilter, LinearStoragePrice,
	},
	weights::Weight,
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess};
use livepeer_primitives::{AccountId, Signature};
use scale_info::TypeInfo;
use sp_runtime::{
	traits::{BlakeTwo256, Verify},
	Perbill,
};

impl pallet_sudo::Config for Runtime {
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	/// The part of a block that scheduled calls can fill.
	pub SchedulerWeight: Weight = Perbill::from_percent(50) * block::MAXIMUM_WEIGHT;
	/// The deposit for a noted preimage.
	pub const PreimageBaseDeposit: Balance = deposit(2, 64);
	/// The deposit for each byte of a preimage.
	pub const PreimageByteDeposit: Balance = deposit(0, 1);
	/// The reason of the hold.
	pub const PreimageHoldReason: RuntimeHoldReason =
		RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
}

impl pallet_scheduler::Config for Runtime {
	type BlockNumberProvider = System;
	type MaxScheduledPerBlock = ConstU32<50>;
	type MaximumWeight = SchedulerWeight;
	type OriginPrivilegeCmp = EqualPrivilegeOnly;
	type PalletsOrigin = OriginCaller;
	type Preimages = Preimage;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type ScheduleOrigin = EnsureRoot<AccountId>;
	type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
}

impl pallet_preimage::Config for Runtime {
	type Consideration = HoldConsideration<
		AccountId,
		Balances,
		PreimageHoldReason,
		LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
	>;
	type Currency = Balances;
	type ManagerOrigin = EnsureRoot<AccountId>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
}

/// The pallets whose calls both brakes leave open: inherents, reports of misbehaviour, and the way
/// back for governance. Multisig is included because one may hold Sudo; what a multisig dispatches
/// is filtered again.
pub const WAY_BACK: [&str; 10] = [
	"System",
	"Timestamp",
	"Babe",
	"Grandpa",
	"Beefy",
	"Sudo",
	"Multisig",
	"SafeMode",
	"TxPause",
	"Migrations",
];

/// What transcoders and judges owe by a deadline. Both brakes leave it open because the clock
/// continues: work that has begun can always be finished. Claims are included, because an
/// assignment's grace ends whatever is closed.
pub const DUTIES: [(&str, &str); 13] = [
	("TranscoderElection", "set_available"),
	("TranscoderElection", "heartbeat"),
	("TranscoderElection", "announce"),
	// What a lost key can do must end, whatever is closed.
	("OperatorKeys", "revoke_key"),
	// The guardian's brake: a round's earnings are sent to Ethereum whatever is closed.
	("EthBridge", "stop"),
	("Jobs", "accept_job"),
	("Jobs", "claim_work"),
	("ChallengeLottery", "reveal_leaf"),
	("ChallengeLottery", "commit_verdict"),
	("ChallengeLottery", "reveal_verdict"),
	// Variants that are not opened in time are a missed verification, and a judge that could not
	// ask pays for the dispute.
	("ChallengeLottery", "open_variants"),
	("ChallengeLottery", "ask_data"),
	// A judge that did not do the work cannot validate until it attests.
	("ChallengeLottery", "attest"),
];

/// Calls that only dispatch others. The brakes check each of those by itself, so these calls are
/// never paused by name, and safe mode looks inside.
pub const WRAPPERS: [(&str, &str); 5] = [
	("Proxy", "proxy"),
	("Proxy", "proxy_announced"),
	("Utility", "batch"),
	("Utility", "batch_all"),
	("Utility", "force_batch"),
];

/// How many wrappers around a call safe mode looks through. Each dispatched wrapper checks
/// everything inside it again.
const MAX_WRAPPERS: u32 = 4;

/// What safe mode leaves open: the way back, duties, and wrappers that contain nothing else. While
/// the chain waits for repair, the clock stands still and duties are closed too, so that nobody
/// acts on a half-migrated state.
pub struct AlwaysOpen;

impl AlwaysOpen {
	fn is_open(call: &RuntimeCall, wrappers: u32) -> bool {
		let CallMetadata { pallet_name, function_name } = call.get_call_metadata();
		if WAY_BACK.contains(&pallet_name) {
			return true;
		}
		if DUTIES.contains(&(pallet_name, function_name)) {
			return !AwaitsMending::get();
		}
		let Some(wrappers) = wrappers.checked_sub(1) else { return false };
		match call {
			RuntimeCall::Proxy(
				pallet_proxy::Call::proxy { call, .. }
				| pallet_proxy::Call::proxy_announced { call, .. },
			) => Self::is_open(call, wrappers),
			RuntimeCall::Utility(
				pallet_utility::Call::batch { calls }
				| pallet_utility::Call::batch_all { calls }
				| pallet_utility::Call::force_batch { calls },
			) => calls.iter().all(|call| Self::is_open(call, wrappers)),
			_ => false,
		}
	}
}

impl Contains<RuntimeCall> for AlwaysOpen {
	fn contains(call: &RuntimeCall) -> bool {
		Self::is_open(call, MAX_WRAPPERS)
	}
}

/// What TxPause, which identifies calls by name, cannot pause.
pub struct NeverPaused;

impl Contains<pallet_tx_pause::RuntimeCallNameOf<Runtime>> for NeverPaused {
	fn contains(name: &pallet_tx_pause::RuntimeCallNameOf<Runtime>) -> bool {
		let (pallet, call) = (name.0.as_slice(), name.1.as_slice());
		let is_name =
			|listed: &(&str, &str)| (listed.0.as_bytes(), listed.1.as_bytes()) == (pallet, call);
		WAY_BACK.iter().any(|listed| listed.as_bytes() == pallet)
			|| DUTIES.iter().chain(&WRAPPERS).any(is_name)
	}
}

/// Whether a migration has failed and governance has not declared the damage repaired, which it
/// does by leaving safe mode. Nothing else enters safe mode without an end.
pub struct AwaitsMending;

impl Get<bool> for AwaitsMending {
	fn get() -> bool {
		pallet_safe_mode::EnteredUntil::<Runtime>::get() == Some(BlockNumber::MAX)
	}
}

/// A failed migration puts the chain into safe mode until governance leaves it, and admits
/// transactions again: otherwise governance could not act either.
pub struct SafeModeUntilMended;

impl FailedMigrationHandler for SafeModeUntilMended {
	fn failed(_: Option<u32>) -> FailedMigrationHandling {
		let entered = if SafeMode::is_entered() {
			<SafeMode as traits::SafeMode>::extend(BlockNumber::MAX)
		} else {
			<SafeMode as traits::SafeMode>::enter(BlockNumber::MAX)
		};
		match entered {
			Ok(()) => FailedMigrationHandling::ForceUnstuck,
			Err(_) => FailedMigrationHandling::KeepStuck,
		}
	}
}

/// Whether the current block admits only inherents and, at most, governance; this stops the
/// protocol's clock. While a migration runs or is stuck, the executive itself admits no
/// transaction. After a failed migration the brakes close everything but the way back.
pub struct IsClosed;

impl Get<bool> for IsClosed {
	fn get() -> bool {
		<Migrations as MultiStepMigrator>::ongoing() || AwaitsMending::get()
	}
}

impl pallet_tx_pause::Config for Runtime {
	type MaxNameLen = ConstU32<64>;
	type PauseOrigin = EnsureRoot<AccountId>;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type UnpauseOrigin = EnsureRoot<AccountId>;
	type WeightInfo = pallet_tx_pause::weights::SubstrateWeight<Runtime>;
	type WhitelistedCalls = NeverPaused;
}

parameter_types! {
	/// The number of blocks for which governance closes the chain at a time.
	pub const SafeModeDuration: BlockNumber = 14_400;
	/// Nobody can close the chain by paying.
	pub const NoDeposit: Option<Balance> = None;
	/// Without deposits there is nothing to release.
	pub const NoRelease: Option<BlockNumber> = None;
}

impl pallet_safe_mode::Config for Runtime {
	type Currency = Balances;
	type EnterDepositAmount = NoDeposit;
	type EnterDuration = SafeModeDuration;
	type ExtendDepositAmount = NoDeposit;
	type ExtendDuration = SafeModeDuration;
	type ForceDepositOrigin = EnsureRoot<AccountId>;
	type ForceEnterOrigin = EnsureRootWithSuccess<AccountId, SafeModeDuration>;
	type ForceExitOrigin = EnsureRoot<AccountId>;
	type ForceExtendOrigin = EnsureRootWithSuccess<AccountId, SafeModeDuration>;
	type Notify = ();
	type ReleaseDelay = NoRelease;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
	type WhitelistedCalls = AlwaysOpen;
}

parameter_types! {
	/// The deposit for a pending multisig operation.
	pub const MultisigDepositBase: Balance = deposit(1, 88);
	/// The deposit for each further signatory while it is pending.
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
	/// The deposit for having proxies.
	pub const ProxyDepositBase: Balance = deposit(1, 8);
	/// The deposit for each proxy.
	pub const ProxyDepositFactor: Balance = deposit(0, 37);
	/// The deposit for announcing calls.
	pub const AnnouncementDepositBase: Balance = deposit(1, 8);
	/// The deposit for each announced call.
	pub const AnnouncementDepositFactor: Balance = deposit(0, 68);
}

impl pallet_multisig::Config for Runtime {
	type BlockNumberProvider = System;
	type Currency = Balances;
	type DepositBase = MultisigDepositBase;
	type DepositFactor = MultisigDepositFactor;
	type MaxSignatories = ConstU32<100>;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
}

/// What a proxy can do for its account.
#[derive(
	Clone,
	Copy,
	Debug,
	Decode,
	DecodeWithMemTracking,
	Default,
	Encode,
	Eq,
	MaxEncodedLen,
	Ord,
	PartialEq,
	PartialOrd,
	TypeInfo,
)]
pub enum ProxyType {
	/// Everything.
	#[default]
	Any,
	/// Everything that moves no money to another account.
	NonTransfer,
	/// Cancelling announced calls.
	CancelProxy,
	/// Bonding and what follows from it, except giving a bond to another account.
	Staking,
	/// Running a transcoder or a validator: terms, availability, jobs, claims, session keys,
	/// operator keys. Moves no stake.
	Operator,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		// Offering a bond to another account gives it away.
		let gives =
			matches!(call, RuntimeCall::LptStaking(pallet_lpt_staking::Call::transfer_bond { .. }));
		match self {
			ProxyType::Any => true,
			_ if gives => false,
			ProxyType::NonTransfer => matches!(
				call,
				RuntimeCall::System(_)
					| RuntimeCall::Session(_)
					| RuntimeCall::Utility(_)
					| RuntimeCall::Proxy(_)
					| RuntimeCall::Multisig(_)
					| RuntimeCall::Identity(_)
					| RuntimeCall::LptStaking(_)
					| RuntimeCall::TranscoderElection(_)
					| RuntimeCall::OperatorKeys(_)
					| RuntimeCall::ChallengeLottery(_)
					// Creating a job and topping it up pays transcoders.
					| RuntimeCall::Jobs(
						pallet_jobs::Call::accept_job { .. }
							| pallet_jobs::Call::claim_work { .. }
							| pallet_jobs::Call::end_job { .. }
							| pallet_jobs::Call::set_origin { .. }
							| pallet_jobs::Call::clear_origin { .. }
					)
			),
			ProxyType::Staking => {
				matches!(call, RuntimeCall::LptStaking(_) | RuntimeCall::Utility(_))
			}
			ProxyType::Operator => matches!(
				call,
				RuntimeCall::Session(_)
					| RuntimeCall::Utility(_)
					| RuntimeCall::TranscoderElection(_)
					| RuntimeCall::OperatorKeys(_)
					| RuntimeCall::ChallengeLottery(_)
					| RuntimeCall::Jobs(
						pallet_jobs::Call::accept_job { .. }
							| pallet_jobs::Call::claim_work { .. }
							| pallet_jobs::Call::end_job { .. }
					)
			),
			ProxyType::CancelProxy => {
				matches!(call, RuntimeCall::Proxy(pallet_proxy::Call::reject_announcement { .. }))
			}
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		self == other || *self == ProxyType::Any
	}
}

impl pallet_proxy::Config for Runtime {
	type AnnouncementDepositBase = AnnouncementDepositBase;
	type AnnouncementDepositFactor = AnnouncementDepositFactor;
	type BlockNumberProvider = System;
	type CallHasher = BlakeTwo256;
	type Currency = Balances;
	type MaxPending = ConstU32<32>;
	type MaxProxies = ConstU32<32>;
	type ProxyDepositBase = ProxyDepositBase;
	type ProxyDepositFactor = ProxyDepositFactor;
	type ProxyType = ProxyType;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	/// The deposit for an identity.
	pub const IdentityDeposit: Balance = deposit(1, 17);
	/// The deposit for each byte of an identity.
	pub const IdentityByteDeposit: Balance = deposit(0, 1);
	/// The deposit for a username.
	pub const UsernameDeposit: Balance = deposit(0, 32);
	/// The deposit for each sub-account.
	pub const SubAccountDeposit: Balance = deposit(1, 53);
	/// The number of blocks for which an offered username can be accepted.
	pub const PendingUsernameExpiration: BlockNumber = 100_800;
	/// The number of blocks for which a username stays valid after its authority withdraws it.
	pub const UsernameGracePeriod: BlockNumber = 432_000;
}

impl pallet_identity::Config for Runtime {
	type BasicDeposit = IdentityDeposit;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
	type ByteDeposit = IdentityByteDeposit;
	type Currency = Balances;
	type ForceOrigin = EnsureRoot<AccountId>;
	type IdentityInformation = pallet_identity::legacy::IdentityInfo<ConstU32<100>>;
	type MaxRegistrars = ConstU32<20>;
	type MaxSubAccounts = ConstU32<100>;
	type MaxSuffixLength = ConstU32<7>;
	type MaxUsernameLength = ConstU32<32>;
	type OffchainSignature = Signature;
	type PendingUsernameExpiration = PendingUsernameExpiration;
	type RegistrarOrigin = EnsureRoot<AccountId>;
	type RuntimeEvent = RuntimeEvent;
	type SigningPublicKey = <Signature as Verify>::Signer;
	type Slashed = ();
	type SubAccountDeposit = SubAccountDeposit;
	type UsernameAuthorityOrigin = EnsureRoot<AccountId>;
	type UsernameDeposit = UsernameDeposit;
	type UsernameGracePeriod = UsernameGracePeriod;
	type WeightInfo = pallet_identity::weights::SubstrateWeight<Runtime>;
}
