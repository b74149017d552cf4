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
		// Through the call, because the pallet's own function keeps the deposit held.
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
/// When a third of the set is disabled, the session enables one again whose offence is no more severe than
/// the new one. Therefore a validator that is jailed for its work as a transcoder has the lowest severity:
/// its jail enables no validator that has signed twice.
pub struct Disabling;

impl Disabling {
	/// Takes out a validator that has signed two blocks or two votes, whether it was jailed before or not.
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

/// The rounds in which the validators of sessions were chosen. A late report of misbehaviour names
/// a session, but stake is liable by round. Validators are chosen a session before theirs begins,
/// and stake that leaves in between is liable too. Kept for the greatest age of a report.
#[storage_alias]
type RoundOfSession = StorageMap<LivepeerRuntime, Twox64Concat, SessionIndex, RoundIndex>;

/// The first session of each session's validator set: the session itself if its validators were
/// chosen anew. Kept as long as its round.
#[storage_alias]
type FirstOfSet = StorageMap<LivepeerRuntime, Twox64Concat, SessionIndex, SessionIndex>;

/// The first session of which anything is remembered.
#[storage_alias]
type FirstRemembered = StorageValue<LivepeerRuntime, SessionIndex, ValueQuery>;

/// The session keys with which the validators of the session in force were planned, and which sign
/// until it is over. Absent from an upgrade until the next session begins.
#[storage_alias]
type KeysInForce = StorageValue<LivepeerRuntime, Vec<(AccountId, SessionKeys)>, ValueQuery>;

/// Proves, and checks, the owner of a session key: by the keys with which the session was planned,
/// whether it is over or in force.
///
/// The SDK uses the keys that a validator has currently registered as its keys of the session in
/// force, and these may have changed since that session was planned. A validator could then sign
/// twice with the old keys, and nobody could prove that they are its own; or an accomplice with
/// less stake could register them, and pay in its place. Also, a proof made in a session in which
/// somebody changes keys would not hold when the session is over.
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
			// The root that was stored when the session was planned counts. For the session in
			// force the SDK would rebuild the tree of all validators' keys for each report,
			// including wrong ones, without any weight.
			pallet_session::CurrentIndex::<Runtime>::put(proof.session.wrapping_add(1));
			TransactionOutcome::Rollback(Historical::check_proof(key, proof))
		})
	}
}

/// How many sessions are forgotten with each that ends. If fewer are to be remembered than before,
/// the rest follows with the next ones.
const FORGOTTEN_AT_A_TIME: SessionIndex = 4;

/// Reads the remembered data of sessions.
pub struct SessionRounds;

impl SessionRounds {
	/// The round in which the validators of `session` were chosen, if it is remembered.
	pub fn get(session: SessionIndex) -> Option<RoundIndex> {
		RoundOfSession::get(session)
	}

	/// The first session of the validator set of `session`, which identifies the set.
	pub fn first_of_set(session: SessionIndex) -> SessionIndex {
		FirstOfSet::get(session).unwrap_or(session)
	}
}

/// The share of its stake that a validator has lost for misbehaviour in the sessions of one
/// validator set, by the set's first session. Kept as long as the round of the last one.
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
	/// For how many sessions back misbehaviour can be reported.
	fn remembered() -> SessionIndex {
		let sessions = ReportLongevity::get().div_ceil(SessionLength::get().max(1));
		SessionIndex::try_from(sessions).unwrap_or(SessionIndex::MAX).saturating_add(1)
	}

	/// Records the round in which the validators of `session` were chosen and the first session of
	/// their set: the current ones, or, without a new choice, those of the previous session, whose
	/// validators continue.
	fn note_choice(session: SessionIndex, is_new: bool) {
		let before = session.checked_sub(1).filter(|_| !is_new);
		let round = before.and_then(RoundOfSession::get).unwrap_or_else(Rounds::current);
		RoundOfSession::insert(session, round);
		FirstOfSet::insert(session, before.map_or(session, SessionRounds::first_of_set));
	}

	/// Forgets the sessions before `oldest`, and the slashed shares of sets that have no later one.
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
		// The keys of the next session are queued after this.
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

/// A validator is identified by its account alone, and any former validator can be identified.
pub struct NothingMore;

impl Convert<AccountId, Option<()>> for NothingMore {
	fn convert(_: AccountId) -> Option<()> {
		Some(())
	}
}

parameter_types! {
	/// The deposit while an account has session keys: one entry for the keys, and one for the owner
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
