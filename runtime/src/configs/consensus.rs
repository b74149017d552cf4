//! Time, block production (BABE), finality (GRANDPA) and the discovery of validators.

use super::{
	session::KeyOwners,
	staking::OncePerSet,
	timing::{MinimumPeriod, ReportLongevity, SessionLength, SlotDuration},
};
use crate::{
	constants::consensus::MAX_AUTHORITIES, Babe, Runtime, RuntimeEvent, Session, TranscoderElection,
};
use frame_support::{parameter_types, traits::ConstU32};
use sp_runtime::traits::Get;
use sp_session::MembershipProof;

impl pallet_timestamp::Config for Runtime {
	type MinimumPeriod = MinimumPeriod;
	type Moment = u64;
	type OnTimestampSet = Babe;
	type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_babe::Config for Runtime {
	type DisabledValidators = Session;
	type EpochChangeTrigger = pallet_babe::ExternalTrigger;
	type EpochDuration = SessionLength;
	type EquivocationReportSystem =
		pallet_babe::EquivocationReportSystem<Self, OncePerSet, KeyOwners, ReportLongevity>;
	type ExpectedBlockTime = SlotDuration;
	type KeyOwnerProof = MembershipProof;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type WeightInfo = ();
}

parameter_types! {
	/// The number of sessions for which GRANDPA remembers the authority set: the greatest age of a
	/// report about it.
	pub MaxSetIdSessionEntries: u64 =
		ReportLongevity::get() / SessionLength::get().max(1) + 1;
}

impl pallet_grandpa::Config for Runtime {
	type EquivocationReportSystem =
		pallet_grandpa::EquivocationReportSystem<Self, OncePerSet, KeyOwners, ReportLongevity>;
	type KeyOwnerProof = MembershipProof;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
}

impl pallet_authority_discovery::Config for Runtime {
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
}

impl pallet_authorship::Config for Runtime {
	type EventHandler = TranscoderElection;
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
}

impl pallet_offences::Config for Runtime {
	type IdentificationTuple = pallet_session::historical::IdentificationTuple<Self>;
	type OnOffenceHandler = super::staking::Equivocations;
	type RuntimeEvent = RuntimeEvent;
}
