//! Session keys and validator sets.

use super::timing::{ReportLongevity, SessionLength};
use crate::{
	constants::{consensus::MAX_AUTHORITIES, money::deposit},
	AuthorityDiscovery, Babe, Balance, Balances, Beefy, ChallengeLottery, Grandpa, Historical,
	Rounds, Runtime, RuntimeEvent, Session, SessionKeys, TranscoderElection,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
	pallet_prelude::ValueQuery,
	parameter_types,
	storage::{with_transaction_unchecked, TransactionOutcome},
	storage_alias,
	traits::{Get, KeyOwnerProofSystem, UnfilteredDispatchable},
	weights::Weight,
	Blake2_128Concat, Twox64Concat,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	keys::VerifierId,
	traits::{DisableValidator, HasKeys, PurgeKeys, Rounds as _, VerifierKeyOf},
	AccountId, Hash, RoundIndex,
};
use pallet_session::{
	historical::{IdentificationTuple, NoteHistoricalRoot},
	WeightInfo as _,
};
use sp_runtime::{
	traits::{BlakeTwo256, Convert, ConvertInto, Hash as _},
	DispatchResult, KeyTypeId, Perbill,
};
use sp_session::MembershipProof;
use sp_staking::{offence::OffenceSeverity, SessionIndex};

/// The keys that accounts have registered with the session pallet.
pub struct RegisteredKeys;

impl HasKeys for RegisteredKeys {
	fn keys_hash(who: &AccountId) -> Option<Hash> {
		Session::load_keys(who).map(|keys| BlakeTwo256::hash(&keys.encode()))
	}
}

impl VerifierKeyOf for RegisteredKeys {
	fn verifier_key(who: &AccountId) -> Option<VerifierId> {
		Session::load_keys(who).map(|keys| keys.verifier)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_verifier_key(who: &AccountId, key: VerifierId) {
		use codec::Decode;
		let mut zeros = sp_runtime::traits::TrailingZeroInput::zeroes();
		let mut keys = SessionKeys::decode(&mut zeros).expect("zeros are keys");
		keys.verifier = key;
		pallet_session::NextKeys::<Runtime>::insert(who, keys);
	}
}

impl PurgeKeys for RegisteredKeys {
	fn purge_keys(who: &AccountId) -> DispatchResult {
		// Through the call, for the pallet's own way in leaves the deposit held.
		pallet_session::Call::<Runtime>::purge_keys {}
			.dispatch_bypass_filter(RawOrigin::Signed(who.clone()).into())
			.map(|_| ())
			.map_err(|error| error.error)
	}

	fn purge_keys_weight() -> Weight {
		<Runtime as pallet_session::Config>::WeightInfo::purge_keys()
	}
}

/// Takes validators out of the session in force.
///
/// Where as many are out as may be, the session lets one back in whose offence weighs no more than the new one's. So
/// who is jailed for its work as a transcoder weighs least: by its jail nobody comes back who has signed twice.
pub struct Disabling;

impl Disabling {
	/// Takes out who has signed two blocks or two votes, jailed already or not.
	pub fn disable_equivocator(validator: &AccountId) {
		Self::disable_with(validator, OffenceSeverity::max_severity());
	}

	fn disable_with(validator: &AccountId, severity: OffenceSeverity) {
		if Session::validators().contains(validator) {
			Session::report_offence(validator.clone(), severity);
		}
	}
}

impl DisableValidator for Disabling {
	fn disable(validator: &AccountId) {
		Self::disable_with(validator, OffenceSeverity::min_severity());
	}
}

/// In which round the validators of sessions were chosen: a late report of misbehaviour names a
/// session, stake answers by round. They are chosen a session before theirs begins, and stake that
/// leaves in between answers too. Kept as long as a report may be late.
#[storage_alias]
type RoundOfSession = StorageMap<LivepeerRuntime, Twox64Concat, SessionIndex, RoundIndex>;

/// The first session of each session's validator set: the session itself where its validators were
/// chosen anew. Kept as long as its round.
#[storage_alias]
type FirstOfSet = StorageMap<LivepeerRuntime, Twox64Concat, SessionIndex, SessionIndex>;

/// The first session of which anything is remembered.
#[storage_alias]
type FirstRemembered = StorageValue<LivepeerRuntime, SessionIndex, ValueQuery>;

/// The session keys with which the validators of the session in force were planned, and sign until it is over. Not
/// there from an upgrade until the next session begins.
#[storage_alias]
type KeysInForce = StorageValue<LivepeerRuntime, Vec<(AccountId, SessionKeys)>, ValueQuery>;

/// Shows, and sees, whose a session key is: by the keys with which the session was planned, be it over or in force.
///
/// The SDK takes what a validator has registered as its keys of the session in force, and it may have registered
/// others since that session was planned: then it would sign twice with the old ones, and nobody could show that
/// they are its own; or an accomplice with less stake would have registered them, and pay in its place. Nor would
/// what anybody shows in a session in which somebody changes keys hold when that is over.
pub struct KeyOwners;

impl<Key: AsRef<[u8]>> KeyOwnerProofSystem<(KeyTypeId, Key)> for KeyOwners {
	type Proof = MembershipProof;
	type IdentificationTuple = IdentificationTuple<Runtime>;

	fn prove(key: (KeyTypeId, Key)) -> Option<MembershipProof> {
		with_transaction_unchecked(|| {
			for (who, keys) in KeysInForce::get() {
				pallet_session::NextKeys::<Runtime>::insert(who, keys);
			}
			TransactionOutcome::Rollback(Historical::prove(key))
		})
	}

	fn check_proof(
		key: (KeyTypeId, Key),
		proof: MembershipProof,
	) -> Option<IdentificationTuple<Runtime>> {
		with_transaction_unchecked(|| {
			// The root that was stored when the session was planned counts. Of the session in force the SDK would build
			// the tree of all validators' keys again, for each report, wrong ones too, and at no weight.
			pallet_session::CurrentIndex::<Runtime>::put(proof.session.wrapping_add(1));
			TransactionOutcome::Rollback(Historical::check_proof(key, proof))
		})
	}
}

/// How many sessions are forgotten with each that ends: when fewer are to be remembered than
/// before, the rest goes with the next ones.
const FORGOTTEN_AT_A_TIME: SessionIndex = 4;

/// Reads what is remembered of sessions.
pub struct SessionRounds;

impl SessionRounds {
	/// The round in which the validators of `session` were chosen, if that is remembered.
	pub fn get(session: SessionIndex) -> Option<RoundIndex> {
		RoundOfSession::get(session)
	}

	/// The first session of the validator set of `session`, by which the set is known.
	pub fn first_of_set(session: SessionIndex) -> SessionIndex {
		FirstOfSet::get(session).unwrap_or(session)
	}
}

/// What share of its stake a validator has lost for misbehaviour in the sessions of one validator set,
/// by the first of them. Kept as long as the round of the last one.
#[storage_alias]
pub type SlashedShares = StorageDoubleMap<
	LivepeerRuntime,
	Twox64Concat,
	SessionIndex,
	Blake2_128Concat,
	AccountId,
	Perbill,
>;

/// The validator sets of sessions: chosen by the election, remembered for late reports.
pub struct Sessions;

type Elected = NoteHistoricalRoot<Runtime, TranscoderElection>;

impl Sessions {
	/// How many sessions back misbehaviour can be reported.
	fn remembered() -> SessionIndex {
		let sessions = ReportLongevity::get().div_ceil(SessionLength::get().max(1));
		SessionIndex::try_from(sessions).unwrap_or(SessionIndex::MAX).saturating_add(1)
	}

	/// Remembers the round in which the validators of `session` were chosen and the first session of
	/// their set: these, or without a new choice those of the session before, whose validators go on.
	fn note_choice(session: SessionIndex, is_new: bool) {
		let before = session.checked_sub(1).filter(|_| !is_new);
		let round = before.and_then(RoundOfSession::get).unwrap_or_else(Rounds::current);
		RoundOfSession::insert(session, round);
		FirstOfSet::insert(session, before.map_or(session, SessionRounds::first_of_set));
	}

	/// Forgets the sessions before `oldest`, and what was slashed in sets that have no other one.
	fn forget(oldest: SessionIndex) {
		let first = FirstRemembered::get();
		let next = oldest.min(first.saturating_add(FORGOTTEN_AT_A_TIME));
		for session in first..next {
			let set = SessionRounds::first_of_set(session);
			RoundOfSession::remove(session);
			FirstOfSet::remove(session);
			if SessionRounds::first_of_set(session.saturating_add(1)) != set {
				let _ = SlashedShares::clear_prefix(set, MAX_AUTHORITIES, None);
			}
		}
		if next > first {
			FirstRemembered::put(next);
		}
	}
}

impl pallet_session::SessionManager<AccountId> for Sessions {
	fn new_session(session: SessionIndex) -> Option<Vec<AccountId>> {
		let chosen = <Elected as pallet_session::SessionManager<_>>::new_session(session);
		Self::note_choice(session, chosen.is_some());
		chosen
	}

	fn new_session_genesis(session: SessionIndex) -> Option<Vec<AccountId>> {
		let chosen = <Elected as pallet_session::SessionManager<_>>::new_session_genesis(session);
		// Both sessions of genesis have one set.
		Self::note_choice(session, session == 0);
		chosen
	}

	fn start_session(session: SessionIndex) {
		// Those of the next session are queued after this.
		KeysInForce::put(Session::queued_keys());
		<Elected as pallet_session::SessionManager<_>>::start_session(session)
	}

	fn end_session(session: SessionIndex) {
		<Elected as pallet_session::SessionManager<_>>::end_session(session);
		let oldest = session.saturating_sub(Self::remembered());
		Historical::prune_up_to(oldest);
		Self::forget(oldest);
	}
}

/// A validator is identified by its account alone, and anyone who was one can be.
pub struct NothingMore;

impl Convert<AccountId, Option<()>> for NothingMore {
	fn convert(_: AccountId) -> Option<()> {
		Some(())
	}
}

parameter_types! {
	/// What is held while an account has session keys: one entry for the keys, one for the owner
	/// of each.
	pub const KeyDeposit: Balance = deposit(6, 6 * 32 + 33 + 5 * 36);
}

impl pallet_session::Config for Runtime {
	type Currency = Balances;
	/// At most a third is disabled; the worst offenders replace lesser ones.
	type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
	type KeyDeposit = KeyDeposit;
	type Keys = SessionKeys;
	type NextSessionRotation = Babe;
	type RuntimeEvent = RuntimeEvent;
	type SessionHandler = (Babe, Grandpa, AuthorityDiscovery, Beefy, ChallengeLottery);
	type SessionManager = Sessions;
	type ShouldEndSession = Babe;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::historical::Config for Runtime {
	type FullIdentification = ();
	type FullIdentificationOf = NothingMore;
	type RuntimeEvent = RuntimeEvent;
}
