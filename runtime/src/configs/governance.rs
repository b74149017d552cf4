//! Governance (Root, held by Sudo at launch), the brakes it can pull, and what accounts share.

use crate::{
	constants::{block, money::deposit},
	Balance, Balances, BlockNumber, OriginCaller, Preimage, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeHoldReason, RuntimeOrigin, System,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	parameter_types,
	traits::{
		fungible::HoldConsideration, ConstU32, Contains, EqualPrivilegeOnly, InstanceFilter,
		LinearStoragePrice,
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
	/// The part of a block that scheduled calls may fill.
	pub SchedulerWeight: Weight = Perbill::from_percent(50) * block::MAXIMUM_WEIGHT;
	/// What a noted preimage costs.
	pub const PreimageBaseDeposit: Balance = deposit(2, 64);
	/// What each byte of a preimage costs.
	pub const PreimageByteDeposit: Balance = deposit(0, 1);
	/// Why it is held.
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

/// What passes whatever is paused: the way back for governance, inherents, reports of
/// misbehaviour, and operator duties, since a claim's deadlines do not stop. Multisig is on the way
/// back, for Sudo is held by one; what a multisig dispatches is filtered again by itself.
pub struct AlwaysOpen;

impl Contains<RuntimeCall> for AlwaysOpen {
	fn contains(call: &RuntimeCall) -> bool {
		matches!(
			call,
			RuntimeCall::System(_)
				| RuntimeCall::Timestamp(_)
				| RuntimeCall::Babe(_)
				| RuntimeCall::Grandpa(_)
				| RuntimeCall::Sudo(_)
				| RuntimeCall::Multisig(_)
				| RuntimeCall::SafeMode(_)
				| RuntimeCall::TxPause(_)
				| RuntimeCall::Migrations(_)
				| RuntimeCall::TranscoderElection(
					pallet_transcoder_election::Call::heartbeat { .. }
				) | RuntimeCall::ChallengeLottery(
				pallet_challenge_lottery::Call::reveal_leaf { .. }
					| pallet_challenge_lottery::Call::commit_verdict { .. }
					| pallet_challenge_lottery::Call::reveal_verdict { .. }
			)
		)
	}
}

/// The same by name, which is how TxPause knows calls.
pub struct NeverPaused;

impl Contains<pallet_tx_pause::RuntimeCallNameOf<Runtime>> for NeverPaused {
	fn contains(name: &pallet_tx_pause::RuntimeCallNameOf<Runtime>) -> bool {
		const PALLETS: [&[u8]; 9] = [
			b"System",
			b"Timestamp",
			b"Babe",
			b"Grandpa",
			b"Sudo",
			b"Multisig",
			b"SafeMode",
			b"TxPause",
			b"Migrations",
		];
		const DUTIES: [(&[u8], &[u8]); 4] = [
			(b"TranscoderElection", b"heartbeat"),
			(b"ChallengeLottery", b"reveal_leaf"),
			(b"ChallengeLottery", b"commit_verdict"),
			(b"ChallengeLottery", b"reveal_verdict"),
		];
		let (pallet, call) = (name.0.as_slice(), name.1.as_slice());
		PALLETS.contains(&pallet) || DUTIES.contains(&(pallet, call))
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
	/// How many blocks governance closes the chain for at a time.
	pub const SafeModeDuration: BlockNumber = 14_400;
	/// Nobody can buy the chain's closing.
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
	/// What a multisig operation costs while it waits.
	pub const MultisigDepositBase: Balance = deposit(1, 88);
	/// What each further signatory costs while it waits.
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
	/// What having proxies costs.
	pub const ProxyDepositBase: Balance = deposit(1, 8);
	/// What each proxy costs.
	pub const ProxyDepositFactor: Balance = deposit(0, 37);
	/// What announcing calls costs.
	pub const AnnouncementDepositBase: Balance = deposit(1, 8);
	/// What each announced call costs.
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

/// What a proxy may do for the account it stands for.
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
	/// Bonding and what follows from it.
	Staking,
	/// Running a transcoder or a validator: terms, availability, jobs, claims, session keys. Moves
	/// no stake.
	Operator,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		match self {
			ProxyType::Any => true,
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
	/// What an identity costs while it stands.
	pub const IdentityDeposit: Balance = deposit(1, 17);
	/// What each byte of an identity costs.
	pub const IdentityByteDeposit: Balance = deposit(0, 1);
	/// What a username costs.
	pub const UsernameDeposit: Balance = deposit(0, 32);
	/// What each sub-account costs.
	pub const SubAccountDeposit: Balance = deposit(1, 53);
	/// How many blocks an offered username waits for its taker.
	pub const PendingUsernameExpiration: BlockNumber = 100_800;
	/// How many blocks a username that its authority withdraws stays valid.
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
