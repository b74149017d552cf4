#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::{
	ActiveTranscoders, Availability, ChilledAccounts, ChosenSet, ChosenValidator, Duty, Meter,
	Presence, Registration, Seat, Terms, WaitingList, MAX_CHILLED, MAX_DROPPED, MAX_SEATS,
	MAX_SETS, OFFLINE_AFTER, OFFLINE_ROUNDS, ONE_BLOCK, PART_OF_BLOCKS, SNAPSHOT_WEIGHS_FROM,
};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod choice;
mod clock_impls;
mod duty_impls;
mod election_impls;
mod jail_impls;
#[cfg(test)]
mod mock;
mod presence_impls;
mod registry_impls;
mod session_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
mod view_impls;
pub mod weights;

/// Where this pallet logs.
pub(crate) const LOG_TARGET: &str = "runtime::transcoder-election";

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::{DutyView, PoolSeat, TranscoderView, ValidatorView},
		duty::{self, Profiles},
		keys::OperatorSignature,
		params::ElectionParameters,
		service::ServiceRecord,
		traits::{
			Beacon, DisableValidator, HasKeys, OnAvailable, OnTranscoderLost, OperatorKeysOf,
			ProtocolClock, PurgeKeys, Rounds, Stake,
		},
		AccountId, Balance, Hash, RoundIndex,
	};
	use sp_staking::SessionIndex;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// What the runtime provides. `frame_system::AuthorizeCall` must be among its transaction
	/// extensions.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
	{
		/// Stake by which transcoders are elected.
		type Stake: Stake;
		/// Counts the blocks by which heartbeats are due.
		type Clock: ProtocolClock;
		/// Randomness for the drawn seat.
		type Beacon: Beacon;
		/// The round clock. It must also tell this pallet of each new round.
		type Rounds: Rounds;
		/// Sizes and minima. Read when needed, so a change takes effect at once.
		type Parameters: Get<ElectionParameters>;
		/// The keys that sign a transcoder's duties.
		type OperatorKeys: OperatorKeysOf;
		/// Tells who has session keys.
		type SessionKeys: HasKeys;
		/// Withdraws session keys.
		type PurgeKeys: PurgeKeys;
		/// Takes a jailed validator out of consensus.
		type DisableValidator: DisableValidator;
		/// Is told of each transcoder that leaves at once.
		type OnTranscoderLost: OnTranscoderLost;
		/// Is told of each transcoder that takes more work than before.
		type OnAvailable: OnAvailable;
		/// Whether a transcoder may be offered jobs at all in a round: it is neither suspended nor in
		/// debt.
		type MayBeOffered: frame_support::traits::Contains<(AccountId, RoundIndex)>;
		/// Whether a transcoder has assignments that it can still claim for, or open claims.
		/// Judges, and anybody who judges again, must be able to find it, whether it is registered
		/// or not.
		type StillServes: frame_support::traits::Contains<AccountId>;
		/// The pool's priority of a duty.
		#[pallet::constant]
		type DutyPriority: Get<TransactionPriority>;
		/// The largest number of registered transcoders.
		#[pallet::constant]
		type MaxCandidates: Get<u32>;
		/// Weights of the calls and of the election.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The candidate list: every registered transcoder. At most `MaxCandidates`.
	#[pallet::storage]
	pub type Transcoders<T: Config> =
		CountedStorageMap<_, Blake2_128Concat, AccountId, Registration>;

	/// Where a transcoder is reached. Has the same keys as `Transcoders` and `Departed` together.
	#[pallet::storage]
	pub type Services<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ServiceRecord>;

	/// Transcoders that have left the candidate list while judges may still need them. Their
	/// service record is kept until an election finds that nothing of theirs is left to judge.
	#[pallet::storage]
	pub type Departed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ()>;

	/// The order of the next registration.
	#[pallet::storage]
	pub type NextOrder<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// What registered transcoders have announced, and when they were last seen. None of them is
	/// jailed.
	#[pallet::storage]
	pub type Available<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Availability>;

	/// The active set of this round. A transcoder that resigns loses its seat at once; one that is
	/// jailed keeps it, marked as jailed.
	#[pallet::storage]
	pub type ActiveSet<T: Config> = StorageValue<_, ActiveTranscoders, ValueQuery>;

	/// Jailed accounts, with the number of verdicts that await execution. An entry outlives
	/// registration as long as that number is above 0. With 0 only a registered transcoder stays
	/// listed, until its own call.
	#[pallet::storage]
	pub type Jailed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32>;

	/// Accounts that are not chosen as validators, and from which round they can be again. The next
	/// election deletes those whose time is over.
	#[pallet::storage]
	pub type Chilled<T: Config> = StorageValue<_, ChilledAccounts, ValueQuery>;

	/// The validator sets in force, queued and planned, by session. A set never changes; it is
	/// deleted when its session is over.
	#[pallet::storage]
	pub type Sets<T: Config> = StorageMap<_, Twox64Concat, SessionIndex, ChosenSet, ValueQuery>;

	/// The newest planned session.
	#[pallet::storage]
	pub type NewestSet<T: Config> = StorageValue<_, SessionIndex>;

	/// A hash of the round, members, keys and standing of the last set that the session was given.
	#[pallet::storage]
	pub type PlannedHash<T: Config> = StorageValue<_, Hash>;

	/// Transcoders that were not elected in this round, with the stakes by which one is drawn for
	/// the next round. Absent when nobody waits.
	#[pallet::storage]
	pub type WaitList<T: Config> = StorageValue<_, WaitingList<T::MaxCandidates>>;

	/// How many blocks were expected of each validator so far.
	#[pallet::storage]
	pub type Meters<T: Config> = StorageValue<_, Meter, ValueQuery>;

	/// The newest block of each validator of a stored set that has been in force.
	#[pallet::storage]
	pub type Present<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Presence>;

	/// Validators that are not chosen, because they make no blocks and send no heartbeats, and
	/// until which round at most. All are registered.
	#[pallet::storage]
	pub type Offline<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, RoundIndex>;

	/// Registers transcoders and elects round 0. The genesis of stake and parameters must be built
	/// before, the session's after.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Account, terms, service record, capacity in work per second (0 takes no work) and
		/// profiles of each transcoder, the oldest registration first.
		pub transcoders: Vec<(AccountId, Terms, ServiceRecord, u64, Profiles)>,
		/// Carries the type parameter.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			for (account, terms, service, capacity, profiles) in &self.transcoders {
				Pallet::<T>::register_at_genesis(
					account,
					*terms,
					service.clone(),
					*capacity,
					profiles.clone(),
				);
			}
			Pallet::<T>::elect(T::Rounds::current(), true);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account joined the candidate list.
		TranscoderRegistered {
			/// The account.
			transcoder: AccountId,
			/// Its terms, from the next round on.
			terms: Terms,
		},
		/// A transcoder changed its terms.
		TermsChanged {
			/// The transcoder.
			transcoder: AccountId,
			/// Its terms, from the next round on.
			terms: Terms,
		},
		/// A transcoder changed where it is reached.
		ServiceChanged {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A transcoder left the candidate list and the active set.
		TranscoderResigned {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A transcoder whose own bond is below the minimum left the candidate list.
		TranscoderDropped {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A transcoder announced how much work it takes.
		AvailabilityChanged {
			/// The transcoder.
			transcoder: AccountId,
			/// Work per second that its machine does; with 0 it takes no new assignment.
			capacity: u64,
		},
		/// A transcoder continues to take work.
		HeartbeatReceived {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A transcoder let an assignment pass without accepting it.
		AssignmentNotAccepted {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A verdict against a transcoder awaits execution. The transcoder receives no work and no
		/// stake, and leaves the validator set as soon as it can be replaced.
		TranscoderJailed {
			/// The transcoder.
			transcoder: AccountId,
			/// Verdicts against it that await execution, including this one.
			open_verdicts: u32,
		},
		/// A verdict against a jailed transcoder was executed or cancelled.
		VerdictResolved {
			/// The transcoder.
			transcoder: AccountId,
			/// Verdicts against it that still await execution. At 0 it can leave jail.
			open_verdicts: u32,
		},
		/// A validator did not do its duty as a judge and is not chosen for a while. Also emitted
		/// when it has attested golden vectors and its chill gets an end again.
		ValidatorChilled {
			/// The validator.
			validator: AccountId,
			/// The round from which it can be chosen again. The largest number means that there is
			/// no such round until it attests golden vectors.
			until: RoundIndex,
		},
		/// A transcoder left jail.
		TranscoderUnjailed {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// An account that does not validate withdrew its session keys.
		SessionKeysPurged {
			/// The account.
			account: AccountId,
		},
		/// The active set of a round was elected.
		ActiveSetElected {
			/// The round.
			round: RoundIndex,
			/// How many transcoders it has.
			transcoders: u32,
			/// Their total stake, in units of 10^-18 LPT.
			stake: Balance,
		},
		/// The validators of a coming session were chosen anew.
		ValidatorsChosen {
			/// The session.
			session: SessionIndex,
			/// How many validators it has.
			validators: u32,
		},
		/// A seat of a round was drawn from the waiting list.
		SeatDrawn {
			/// The round.
			round: RoundIndex,
			/// The transcoder that got it.
			transcoder: AccountId,
		},
		/// A transcoder left the full candidate list, because another one has more stake.
		TranscoderEvicted {
			/// The transcoder.
			transcoder: AccountId,
			/// The transcoder that took its place.
			by: AccountId,
		},
		/// A validator made no blocks and sent no heartbeats. It loses nothing, and is not chosen
		/// until it shows itself.
		ValidatorOffline {
			/// The validator.
			validator: AccountId,
			/// The round in which it can be chosen again in any case.
			until: RoundIndex,
		},
		/// A validator that was offline can be chosen again.
		ValidatorBack {
			/// The validator.
			validator: AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The account is not a registered transcoder: register it with `transcoder`.
		NotRegistered,
		/// The account's bond to itself is below a transcoder's minimum: bond more to the account
		/// itself, with `bond`.
		NotEnoughSelfBond,
		/// The candidate list is full, and every transcoder on it without a seat in this round has
		/// at least as much stake: bond more, or wait for the next round.
		TooManyCandidates,
		/// In the lock period nobody can register, and of the terms only the price can change, and
		/// only downwards: try again in the next round.
		TermsLocked,
		/// In the lock period a price cannot be lowered below the lowest registered one: give a
		/// higher price, or wait for the next round.
		PriceBelowLowest,
		/// The account is jailed: send `unjail` when every verdict has been executed or cancelled.
		Jailed,
		/// The account is not jailed.
		NotJailed,
		/// A verdict against the account still awaits execution: try again when it has been
		/// executed or cancelled.
		VerdictOpen,
		/// The transcoder has not announced a capacity, so there is nothing to keep alive. An
		/// authorized call never fails with this error.
		NotAvailable,
		/// The account is in a validator set that is in force, queued or planned, and needs its
		/// session keys until that is over: resign first, and try again afterwards.
		Validating,
		/// The profiles are not in ascending order without duplicates: sort them.
		ProfilesNotAscending,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			// The weight of what authorship, which counts none itself, had this pallet do.
			T::WeightInfo::note_author()
		}

		fn integrity_test() {
			assert!(
				T::MaxCandidates::get() >= livepeer_primitives::MAX_VALIDATORS,
				"every permitted active set can be filled from the candidate list",
			);
			let block = <T as frame_system::Config>::BlockWeights::get().max_block;
			let most = T::MaxCandidates::get();
			let election = T::WeightInfo::elect(most, most).saturating_add(
				T::WeightInfo::drop_registration().saturating_mul(MAX_DROPPED.into()),
			);
			assert!(
				election.ref_time() <= block.ref_time() / 2,
				"an election of the full candidate list takes at most half of a block",
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers the signer as a transcoder, or changes its terms and where it is reached. If
		/// the list is full, it replaces the transcoder with the least stake, if that is less than
		/// its own.
		///
		/// Who: an account with the minimum bond to itself.
		///
		/// - `terms`: the price of a standard segment (2 s of 1280×720 at 30 frames per second) in
		///   units of 10^-18 ETH, and the shares of rewards and fees in parts of 10^9. They take
		///   effect with the active set of the next round. In the lock period nobody can register,
		///   and a registered transcoder can only lower its price, but not below the lowest
		///   registered one.
		/// - `service`: where it is reached; takes effect at once.
		///
		/// Emits `TranscoderRegistered`, `TermsChanged` or `ServiceChanged`. Costs the
		/// transaction's fee, which depends on how many registrations were looked up.
		#[pallet::call_index(0)]
		#[pallet::weight(
			T::WeightInfo::transcoder()
				.saturating_add(T::WeightInfo::weakest(T::MaxCandidates::get()))
				.saturating_add(T::WeightInfo::drop_registration())
		)]
		pub fn transcoder(
			origin: OriginFor<T>,
			terms: Terms,
			service: ServiceRecord,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let looked_up = Self::do_transcoder(&who, terms, service)?;
			Ok(Some(T::WeightInfo::transcoder().saturating_add(looked_up)).into())
		}

		/// Changes where the signer is reached.
		///
		/// Who: a registered transcoder's account, or that of one that has left and still serves
		/// judges.
		///
		/// - `service`: peer id, addresses and URL; takes effect at once.
		///
		/// Emits `ServiceChanged`. Costs the transaction's fee.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_service())]
		pub fn set_service(origin: OriginFor<T>, service: ServiceRecord) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_service(&who, service)
		}

		/// Leaves the candidate list and the active set at once. Assignments are handed on. Stake
		/// stays bonded, and verdicts that await execution still reach it. The service record is
		/// kept until its claims are closed, because it must serve their judges.
		///
		/// Who: a registered transcoder's account.
		///
		/// Emits `TranscoderResigned`. Costs the transaction's fee.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::resign())]
		pub fn resign(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_resign(&who)
		}

		/// `TranscodeAvailability`: announces how much work the signer takes, from a wallet. With
		/// `announce` its duties key does the same for free. Whatever that key signed before
		/// becomes void. Counts as a heartbeat.
		///
		/// Who: a registered transcoder's account, not jailed.
		///
		/// - `capacity`: units of work that the machine does in a second. With 0 it gets no new
		///   assignments, and keeps its current ones as long as heartbeats arrive.
		/// - `profiles`: the numbers of the profiles that it serves, ascending.
		///
		/// Emits `AvailabilityChanged`. Costs the transaction's fee.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::set_available())]
		pub fn set_available(
			origin: OriginFor<T>,
			capacity: u64,
			profiles: Profiles,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_available(&who, capacity, profiles)
		}

		/// Shows that a transcoder still works. Due once per heartbeat interval; refused within
		/// half an interval after it was last seen.
		///
		/// Who: anyone, without an account; signed by a duties key of the transcoder.
		///
		/// - `heartbeat`: the chain, and the block at which it was made, which must be at most 32
		///   blocks old and newer than that of the newest accepted one.
		/// - `signature`: by an unrevoked key of the current duties keys of a registered transcoder
		///   that is not jailed.
		///
		/// Emits `HeartbeatReceived`. Costs nothing.
		#[pallet::call_index(4)]
		#[pallet::weight((T::WeightInfo::heartbeat(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_heartbeat())]
		#[pallet::authorize(Self::authorize_heartbeat)]
		pub fn heartbeat(
			origin: OriginFor<T>,
			heartbeat: duty::Heartbeat,
			signature: OperatorSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			Self::do_heartbeat(&signature.signer.account, heartbeat.at)
		}

		/// Leaves jail when every verdict against the signer has been executed or cancelled. It
		/// must announce its capacity again, and can validate again from a later session on.
		///
		/// Who: a jailed transcoder's account.
		///
		/// Emits `TranscoderUnjailed`. Costs the transaction's fee.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::unjail())]
		pub fn unjail(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unjail(&who)
		}

		/// Announces how much work a transcoder takes, with its duties key. Counts as a heartbeat;
		/// refused within half an interval after the previous announcement.
		///
		/// Who: anyone, without an account; signed by a duties key of the transcoder.
		///
		/// - `availability`: the chain, the block at which it was made (as for a heartbeat), units
		///   of work in a second, and the numbers of the profiles that are served, ascending.
		/// - `signature`: as for a heartbeat.
		///
		/// Emits `AvailabilityChanged`. Costs nothing.
		#[pallet::call_index(6)]
		#[pallet::weight((T::WeightInfo::announce(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_announce())]
		#[pallet::authorize(Self::authorize_announce)]
		pub fn announce(
			origin: OriginFor<T>,
			availability: duty::Availability,
			signature: OperatorSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			Self::do_announce(&signature.signer.account, availability);
			Ok(())
		}

		/// Withdraws the signer's session keys and releases their deposit.
		///
		/// Who: an account with session keys that is in no validator set in force, queued or
		/// planned. A validator must first resign, or no longer be chosen, and wait until its last
		/// session is over.
		///
		/// Emits `SessionKeysPurged`. Costs the transaction's fee.
		#[pallet::call_index(7)]
		#[pallet::weight(
			T::WeightInfo::is_validating().saturating_add(T::PurgeKeys::purge_keys_weight())
		)]
		pub fn purge_keys(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_purge_keys(&who)
		}
	}

	impl<T: Config> Pallet<T> {
		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_heartbeat(
			_source: TransactionSource,
			heartbeat: &duty::Heartbeat,
			signature: &OperatorSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_heartbeat(heartbeat, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_announce(
			_source: TransactionSource,
			availability: &duty::Availability,
			signature: &OperatorSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_announce(availability, signature)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// Every registered transcoder, in no particular order.
		pub fn transcoders() -> Vec<TranscoderView> {
			Self::view_transcoders()
		}

		/// One registered transcoder.
		pub fn transcoder_of(account: AccountId) -> Option<TranscoderView> {
			Self::view_transcoder(&account)
		}

		/// The terms of a registered transcoder that take effect in the next round.
		pub fn terms_of(account: AccountId) -> Option<Terms> {
			Transcoders::<T>::get(account).map(|registration| registration.terms)
		}

		/// Where a transcoder is reached that is registered, or has left and still serves judges.
		pub fn service_of(account: AccountId) -> Option<ServiceRecord> {
			Services::<T>::get(account)
		}

		/// The active set of this round, highest stake first.
		pub fn active_set() -> ActiveTranscoders {
			ActiveSet::<T>::get()
		}

		/// The candidate list in the order of the next election, with the reason for each seat.
		pub fn pool() -> Vec<PoolSeat> {
			Self::view_pool()
		}

		/// The validators in force and planned, and those that would be chosen now; highest stake
		/// first.
		pub fn validator_views() -> Vec<ValidatorView> {
			Self::view_validators()
		}

		/// Transcoders that were not elected in this round, with the stakes by which one is drawn
		/// for the next.
		pub fn waiting() -> Vec<(AccountId, Balance)> {
			WaitList::<T>::get().map(|list| list.members.into_inner()).unwrap_or_default()
		}

		/// The round until which an account counts as offline at most; `None` if it does not.
		pub fn offline_until(account: AccountId) -> Option<RoundIndex> {
			Offline::<T>::get(account)
		}

		/// The validators of the newest planned session.
		pub fn validators() -> Vec<AccountId> {
			let newest = NewestSet::<T>::get().map(Self::set_of).unwrap_or_default();
			newest.members.into_iter().map(|validator| validator.account).collect()
		}

		/// The validators of a session that is in force, queued or planned, with their stakes and
		/// the round of the snapshot from which they were chosen.
		pub fn chosen_set(session: SessionIndex) -> ChosenSet {
			Self::set_of(session)
		}

		/// The round from which an account can be chosen as a validator again; the largest number
		/// if it must attest golden vectors first; `None` if it can be chosen now.
		pub fn chilled_until(account: AccountId) -> Option<RoundIndex> {
			Self::view_chilled_until(&account)
		}

		/// Verdicts that await execution against a jailed account; `None` if it is not jailed.
		pub fn open_verdicts_of(account: AccountId) -> Option<u32> {
			Jailed::<T>::get(account)
		}

		/// The heartbeat that an available transcoder owes, once it would be accepted.
		pub fn duties(account: AccountId) -> Vec<DutyView> {
			Self::heartbeat_due(&account).into_iter().collect()
		}
	}
}
