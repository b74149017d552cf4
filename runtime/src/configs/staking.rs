//! Stake, rounds and election, and what misbehaving in consensus costs.

use super::{
	money::CommonPool,
	parameters::dynamic_params::protocol::{Election, Rounds as RoundsParameters, Staking},
	session::{Disabling, RegisteredKeys, SessionRounds},
};
use crate::{
	constants::consensus::EQUIVOCATION_SLASH, Assets, Balances, Jobs, LptStaking, Rounds, Runtime,
	Session, TranscoderElection,
};
use frame_support::{parameter_types, traits::ConstU32, weights::Weight, PalletId};
use livepeer_primitives::{
	traits::{Jail, Rounds as _, Slash},
	AccountId,
};
use sp_runtime::Perbill;
use sp_staking::{
	offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
	SessionIndex,
};

impl pallet_rounds::Config for Runtime {
	/// Staking folds the finished round before the election reads what counts in the new one.
	type OnNewRound = (LptStaking, TranscoderElection);
	type Parameters = RoundsParameters;
	type WeightInfo = pallet_rounds::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	/// Names the account that holds bonded LPT and owed ETH.
	pub const StakingPot: PalletId = PalletId(*b"lpt/stak");
}

impl pallet_lpt_staking::Config for Runtime {
	type AcceptsStake = TranscoderElection;
	type Assets = Assets;
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxLiabilityRounds = ConstU32<64>;
	type MaxLocks = ConstU32<32>;
	type MaxSlashedRounds = ConstU32<64>;
	type PalletId = StakingPot;
	type Parameters = Staking;
	type Rounds = Rounds;
	type WeightInfo = pallet_lpt_staking::weights::SubstrateWeight<Runtime>;
}

impl pallet_transcoder_election::Config for Runtime {
	type DisableValidator = Disabling;
	type MaxCandidates = ConstU32<1_000>;
	type OnTranscoderLost = Jobs;
	type Parameters = Election;
	type Rounds = Rounds;
	type SessionKeys = RegisteredKeys;
	type Stake = LptStaking;
	type WeightInfo = pallet_transcoder_election::weights::SubstrateWeight<Runtime>;
}

/// What a validator that signed two blocks or two votes loses.
///
/// The SDK's share grows with the number of offenders and is harsh in small sets (56 % for one of
/// four), so ours caps it. The stake that answers is that of the round in which the session began;
/// the reporter gets the finder's fee. The offender leaves consensus at once and the validator set
/// until it asks to be let out of jail.
pub struct Equivocations;

impl<Reporter, Identification> OnOffenceHandler<Reporter, (AccountId, Identification), Weight>
	for Equivocations
where
	Reporter: Clone + Into<AccountId>,
{
	fn on_offence(
		offenders: &[OffenceDetails<Reporter, (AccountId, Identification)>],
		slash_fraction: &[Perbill],
		session: SessionIndex,
	) -> Weight {
		let round = SessionRounds::get(session).unwrap_or_else(Rounds::current);
		let mut weight = <Runtime as frame_system::Config>::DbWeight::get().reads(1);
		for (offence, fraction) in offenders.iter().zip(slash_fraction) {
			let (offender, _) = &offence.offender;
			let finders: alloc::vec::Vec<AccountId> =
				offence.reporters.iter().cloned().map(Into::into).collect();
			let share = (*fraction).min(EQUIVOCATION_SLASH);
			TranscoderElection::detain(offender);
			LptStaking::slash(offender, round, share, &finders);
			TranscoderElection::resolve(offender);
			Session::report_offence(offender.clone(), OffenceSeverity(*fraction));
			weight = weight.saturating_add(LptStaking::slash_weight(round, finders.len() as u32));
		}
		weight
	}
}
