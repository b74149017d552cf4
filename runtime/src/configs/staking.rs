//! Stake, rounds and election, and the penalties for misbehaviour in consensus.

use super::{
	money::{AllLpt, CommonPool},
	parameters::{Election, Inflation as InflationParameters, Rounds as RoundsParameters, Staking},
	session::{Disabling, RegisteredKeys, SessionRounds, SlashedShares},
	video::DutyPriority,
};
use crate::{
	constants::consensus::EQUIVOCATION_SLASH, Assets, Balances, Beacon, BlockNumber, ChainConfig,
	Inflation, Jobs, LptStaking, Offences, OperatorKeys, Rounds, Runtime, TranscoderElection,
};
use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::{parameter_types, traits::ConstU32, weights::Weight, PalletId};
use livepeer_primitives::{
	traits::{Jail, Slash},
	AccountId, RoundIndex, MAX_SLASHED_ROUNDS,
};
use pallet_session::historical::HistoricalSessions;
use sp_runtime::{AccountId32, Perbill};
use sp_staking::{
	offence::{Offence, OffenceDetails, OffenceError, OnOffenceHandler, ReportOffence},
	SessionIndex,
};

impl pallet_rounds::Config for Runtime {
	type Clock = ChainConfig;
	/// The finished round is paid by its own active set, then the next set is elected, and then
	/// what that round can mint is fixed. Staking need not be told, because its pools are updated
	/// when they are touched.
	type OnNewRound = (Inflation, TranscoderElection, pallet_inflation::BeginRound<Runtime>);
	type Parameters = RoundsParameters;
	type WeightInfo = pallet_rounds::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	/// Determines the account that holds bonded LPT and owed ETH.
	pub const StakingPot: PalletId = PalletId(*b"lpt/stak");
}

impl pallet_lpt_staking::Config for Runtime {
	type AcceptsStake = TranscoderElection;
	type Assets = Assets;
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxLiabilityRounds = ConstU32<MAX_SLASHED_ROUNDS>;
	type MaxLocks = ConstU32<32>;
	type MaxSlashedRounds = ConstU32<MAX_SLASHED_ROUNDS>;
	type PalletId = StakingPot;
	type Parameters = Staking;
	type Rounds = Rounds;
	type WeightInfo = pallet_lpt_staking::weights::SubstrateWeight<Runtime>;
}

impl pallet_inflation::Config for Runtime {
	type CommonPool = CommonPool;
	type Currency = Balances;
	type MaxSeats = ConstU32<{ pallet_transcoder_election::MAX_SEATS }>;
	type Parameters = InflationParameters;
	type Rewards = LptStaking;
	type Rounds = Rounds;
	type Seats = TranscoderElection;
	type Supply = AllLpt;
	type WeightInfo = pallet_inflation::weights::SubstrateWeight<Runtime>;
}

impl pallet_transcoder_election::Config for Runtime {
	type Beacon = Beacon;
	type Clock = ChainConfig;
	type DisableValidator = Disabling;
	type MaxCandidates = ConstU32<1_000>;
	type MayBeOffered = super::video::InGoodStanding;
	type DutyPriority = DutyPriority;
	type OnAvailable = Jobs;
	type OnTranscoderLost = super::video::Lost;
	type PurgeKeys = RegisteredKeys;
	type OperatorKeys = OperatorKeys;
	type Parameters = Election;
	type Rounds = Rounds;
	type SessionKeys = RegisteredKeys;
	type Stake = LptStaking;
	type StillServes = super::video::StillServes;
	type WeightInfo = pallet_transcoder_election::weights::SubstrateWeight<Runtime>;
}

/// The penalty of a validator that signed two blocks or two votes.
///
/// The SDK's share grows with the number of offenders and is harsh in small sets (56 % for one of
/// four). Ours caps it, except when the SDK takes everything: then a third or more of the set
/// signed twice, which is an attack on finality itself. Offenders are counted over all sessions of
/// the validator set, whatever was signed twice and in whatever time slots; an offender that was
/// reported earlier pays with the others. The liable stake is that of the round in which the
/// session's validators were chosen. The reporter gets the finder's fee. The offender leaves
/// consensus at once, and the validator set until it asks to leave jail.
///
/// With each new offender of a time slot the SDK reports all of them again, at a share that has
/// grown. A validator pays the largest of its shares in a set, once: a later report takes only what
/// is still missing, and one that adds nothing does nothing. A report of a session that is not
/// remembered does nothing either; its validators could not be proved.
///
/// The set counts, not the session: a vote belongs to a set, and a reporter can name any session
/// that the set has lasted for.
pub struct Equivocations;

/// The part to take of the remaining stake so that `due` of the whole is gone, if `taken` of the
/// whole already was.
pub fn missing_share(due: Perbill, taken: Perbill) -> Perbill {
	let (due, taken) = (due.deconstruct(), taken.deconstruct());
	let left = Perbill::one().deconstruct().saturating_sub(taken);
	match due.saturating_sub(taken) {
		0 => Perbill::zero(),
		missing => Perbill::from_rational(missing, left),
	}
}

impl Equivocations {
	/// The SDK's share if all that have signed twice in the set of `session`, including these, had
	/// done so at once.
	fn share_of_set<'a>(
		session: SessionIndex,
		named: impl Iterator<Item = &'a AccountId>,
	) -> Perbill {
		let Some((_, validators)) = HistoricalSessions::<Runtime>::get(session) else {
			return Perbill::zero();
		};
		let set = SessionRounds::first_of_set(session);
		let mut offenders: BTreeSet<AccountId> = SlashedShares::iter_key_prefix(set).collect();
		offenders.extend(named.cloned());
		Self::sdk_share(offenders.len() as u64, validators)
	}

	/// The SDK's share for this number of offenders among this number of validators.
	fn sdk_share(offenders: u64, validators: u32) -> Perbill {
		Perbill::from_rational(offenders.saturating_mul(3), u64::from(validators)).square()
	}

	/// Whether all of these have paid at least `due`, of the SDK's share, in the validator set of
	/// `session`.
	fn have_paid<'a>(
		session: SessionIndex,
		mut offenders: impl Iterator<Item = &'a Validator>,
		due: Perbill,
	) -> bool {
		let (set, due) = (SessionRounds::first_of_set(session), Self::capped(due));
		offenders.all(|(who, ())| SlashedShares::get(set, who).is_some_and(|taken| taken >= due))
	}

	/// The SDK's share, capped by ours except for an attack.
	fn capped(share: Perbill) -> Perbill {
		if share.is_one() {
			share
		} else {
			share.min(EQUIVOCATION_SLASH)
		}
	}

	/// Takes from `offender` what is still missing of `due`, the largest of its shares, and pays
	/// `finders`. Records nothing if nothing is due.
	fn take(
		set: SessionIndex,
		round: RoundIndex,
		offender: &AccountId,
		due: Perbill,
		finders: &[AccountId],
	) -> Weight {
		let db = <Runtime as frame_system::Config>::DbWeight::get();
		let before = SlashedShares::get(set, offender);
		let share = missing_share(due, before.unwrap_or_default());
		if before.is_some() && share.is_zero() {
			return db.reads(1);
		}
		SlashedShares::insert(set, offender, due);
		TranscoderElection::detain(offender);
		// Jail disables it too, but not if it was jailed before, and others could take its place.
		Disabling::disable_equivocator(offender);
		LptStaking::slash(offender, round, share, finders);
		TranscoderElection::resolve(offender);
		// Reads the slashed share, the validators and the disabled ones; writes the first and the last.
		db.reads_writes(3, 2).saturating_add(LptStaking::slash_weight(round, finders.len() as u32))
	}
}

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
		let db = <Runtime as frame_system::Config>::DbWeight::get();
		let mut weight = db.reads(3);
		// Nothing is recorded for a forgotten session, because it would never be deleted.
		let Some(round) = SessionRounds::get(session) else { return weight };
		let set = SessionRounds::first_of_set(session);
		let of_all =
			Self::share_of_set(session, offenders.iter().map(|offence| &offence.offender.0));
		for (offence, fraction) in offenders.iter().zip(slash_fraction) {
			let finders: Vec<AccountId> =
				offence.reporters.iter().cloned().map(Into::into).collect();
			weight = weight.saturating_add(Self::take(
				set,
				round,
				&offence.offender.0,
				Self::capped((*fraction).max(of_all)),
				&finders,
			));
		}
		// Offenders that were reported earlier pay as much as the rest, by the number of all of
		// them.
		let earlier: Vec<AccountId> = SlashedShares::iter_key_prefix(set).collect();
		for offender in earlier {
			weight = weight.saturating_add(db.reads(1)).saturating_add(Self::take(
				set,
				round,
				&offender,
				Self::capped(of_all),
				&[],
			));
		}
		weight
	}
}

/// A validator, as offences name it. The account is given by its type and not by its derivation
/// from the chain's signatures, because the compiler does not see through that in a bound of a
/// bound.
type Validator = (AccountId32, ());

/// How an offence relates to a validator set.
pub trait OfSet {
	/// A session of the set; `None` if it need not be known.
	fn session(&self) -> Option<SessionIndex>;

	/// The SDK's share for a single offender among this number of validators.
	fn share_of_one(&self, validators: u32) -> Perbill {
		Equivocations::sdk_share(1, validators)
	}
}

/// There are few of these: a block takes a slot, and an offender that has paid gets no other slot
/// in its session.
impl OfSet for sp_consensus_babe::Slot {
	fn session(&self) -> Option<SessionIndex> {
		None
	}
}

impl OfSet for pallet_grandpa::TimeSlot {
	fn session(&self) -> Option<SessionIndex> {
		pallet_grandpa::SetIdSession::<Runtime>::get(self.set_id)
	}
}

impl OfSet for pallet_beefy::Slot<BlockNumber> {
	fn session(&self) -> Option<SessionIndex> {
		pallet_beefy::SetIdSession::<Runtime>::get(self.set_id)
	}

	fn share_of_one(&self, validators: u32) -> Perbill {
		// This is for two votes in one round; a vote for a fork has its own share.
		const DOUBLE_VOTE: u8 = 1;
		if self.equivocation_type == DOUBLE_VOTE {
			Equivocations::sdk_share(1, validators)
		} else {
			EQUIVOCATION_SLASH
		}
	}
}

/// Accepts an offence of a validator in a validator set once, and again only if it costs more of
/// its stake. Everything else that it has signed twice there costs it nothing, but each report is
/// kept for ever, and there can be as many double votes as there are round numbers.
///
/// This is checked before such a report gets into a block. Every node creates a report for whatever
/// it sees, and each author would otherwise put those of all rounds since its last block into the
/// next one, before everything else and without a fee.
pub struct OncePerSet;

impl<O: Offence<Validator, Slot: OfSet>> ReportOffence<AccountId, Validator, O> for OncePerSet {
	fn report_offence(reporters: Vec<AccountId>, offence: O) -> Result<(), OffenceError> {
		// What each has already paid accounts for the number of other offenders.
		let (session, due) = (offence.session_index(), offence.slash_fraction(1));
		if Equivocations::have_paid(session, offence.offenders().iter(), due) {
			return Err(OffenceError::DuplicateReport);
		}
		<Offences as ReportOffence<AccountId, Validator, O>>::report_offence(reporters, offence)
	}

	fn is_known_offence(offenders: &[Validator], slot: &O::Slot) -> bool {
		let has_cost_enough = |session: SessionIndex| {
			HistoricalSessions::<Runtime>::get(session).is_some_and(|(_, validators)| {
				Equivocations::have_paid(session, offenders.iter(), slot.share_of_one(validators))
			})
		};
		slot.session().is_some_and(has_cost_enough)
			|| <Offences as ReportOffence<AccountId, Validator, O>>::is_known_offence(
				offenders, slot,
			)
	}
}
