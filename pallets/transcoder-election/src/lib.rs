#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::{
	refusal, ActiveTranscoders, Availability, ChilledAccounts, ChosenSet, ChosenValidator, Duty,
	Meter, Presence, Registration, Seat, Terms, WaitingList, MAX_CHILLED, MAX_DROPPED, MAX_SEATS,
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
		/// Chance for the seat that is drawn.
		type Beacon: Beacon;
		/// The round clock. It must also tell this pallet of each new round.
		type Rounds: Rounds;
		/// Sizes and minima. Read when they are needed, so a change acts at once.
		type Parameters: Get<ElectionParameters>;
		/// The keys that sign a transcoder's duties.
		type OperatorKeys: OperatorKeysOf;
		/// Who has session keys.
		type SessionKeys: HasKeys;
		/// Withdraws session keys.
		type PurgeKeys: PurgeKeys;
		/// Takes a jailed validator out of consensus.
		type DisableValidator: DisableValidator;
		/// Told of each transcoder that leaves at once.
		type OnTranscoderLost: OnTranscoderLost;
		/// Told of each transcoder that takes more work than before.
		type OnAvailable: OnAvailable;
		/// Whether a transcoder may be offered jobs at all in a round: neither suspended nor in debt.
		type MayBeOffered: frame_support::traits::Contains<(AccountId, RoundIndex)>;
		/// Whether a transcoder has assignments that it can still claim for, or open claims: judges,
		/// and whoever judges again, have to find it, whether it is registered or not.
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

	/// Where a transcoder is reached. Has the keys of `Transcoders` and of `Departed`.
	#[pallet::storage]
	pub type Services<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ServiceRecord>;

	/// Who has left the candidate list while its judges may still need it. Where it is reached is
	/// kept until an election finds that nothing of it is to be judged any more.
	#[pallet::storage]
	pub type Departed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ()>;

	/// The order of the next registration.
	#[pallet::storage]
	pub type NextOrder<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// What registered transcoders have announced, and when they were seen. None of them is jailed.
	#[pallet::storage]
	pub type Available<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Availability>;

	/// The active set of this round. A transcoder that resigns loses its seat at once; one that is
	/// jailed keeps it, marked.
	#[pallet::storage]
	pub type ActiveSet<T: Config> = StorageValue<_, ActiveTranscoders, ValueQuery>;

	/// Who is jailed, with the number of verdicts that await execution. Outlives registration as long
	/// as any does: with 0 only a registered transcoder is still there, until its own call.
	#[pallet::storage]
	pub type Jailed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32>;

	/// Who is not chosen as a validator, and from which round on it is again. What is over goes with
	/// the next election.
	#[pallet::storage]
	pub type Chilled<T: Config> = StorageValue<_, ChilledAccounts, ValueQuery>;

	/// The validator sets in force, queued and planned, by session. None ever changes; it goes when
	/// its session is over.
	#[pallet::storage]
	pub type Sets<T: Config> = StorageMap<_, Twox64Concat, SessionIndex, ChosenSet, ValueQuery>;

	/// The newest session that is planned.
	#[pallet::storage]
	pub type NewestSet<T: Config> = StorageValue<_, SessionIndex>;

	/// A hash of the round, members, keys and standing of the last set that the session was given.
	#[pallet::storage]
	pub type PlannedHash<T: Config> = StorageValue<_, Hash>;

	/// Who was not elected in this round, with the stakes by which one is drawn for the next one. Not
	/// stored where nobody waits.
	#[pallet::storage]
	pub type WaitList<T: Config> = StorageValue<_, WaitingList<T::MaxCandidates>>;

	/// How many blocks were expected of each validator so far.
	#[pallet::storage]
	pub type Meters<T: Config> = StorageValue<_, Meter, ValueQuery>;

	/// When validators of stored sets that have been in force made their newest block.
	#[pallet::storage]
	pub type Present<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Presence>;

	/// Who is not chosen as a validator, for it makes no blocks and sends no heartbeats, and until
	/// which round at most. All are registered.
	#[pallet::storage]
	pub type Offline<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, RoundIndex>;

	/// Registers transcoders and elects round 0. Stake and parameters of genesis must be built
	/// before, the session's genesis after.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Account, terms, service record, capacity in work per second (0 takes no work) and
		/// profiles of each transcoder, the oldest first.
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
			/// Work that its machine does in a second; 0 takes no new assignment.
			capacity: u64,
		},
		/// A transcoder goes on taking work.
		HeartbeatReceived {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A transcoder let an assignment pass without accepting it.
		AssignmentNotAccepted {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// A verdict against a transcoder awaits execution: it takes no work and no stake, and
		/// leaves the validator set as soon as it can be replaced.
		TranscoderJailed {
			/// The transcoder.
			transcoder: AccountId,
			/// Verdicts against it that await execution, this one included.
			open_verdicts: u32,
		},
		/// A verdict against a jailed transcoder was executed or cancelled.
		VerdictResolved {
			/// The transcoder.
			transcoder: AccountId,
			/// Verdicts against it that still await execution; at 0 it may leave jail.
			open_verdicts: u32,
		},
		/// A validator did not do its duty as a judge and is not chosen for a while; or it has attested
		/// golden vectors, and that has an end again.
		ValidatorChilled {
			/// The validator.
			validator: AccountId,
			/// The round from which on it may be chosen again; the largest number of all is none, until it
			/// attests golden vectors.
			until: RoundIndex,
		},
		/// A transcoder left jail.
		TranscoderUnjailed {
			/// The transcoder.
			transcoder: AccountId,
		},
		/// An account that does not validate has withdrawn its session keys.
		SessionKeysPurged {
			/// The account.
			account: AccountId,
		},
		/// A round has its active set.
		ActiveSetElected {
			/// The round.
			round: RoundIndex,
			/// How many transcoders it has.
			transcoders: u32,
			/// Their stake together, in smallest units of LPT.
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
			/// Who has it.
			transcoder: AccountId,
		},
		/// A transcoder left the full candidate list, for another one has more stake.
		TranscoderEvicted {
			/// The transcoder.
			transcoder: AccountId,
			/// Who has its place.
			by: AccountId,
		},
		/// A validator made no blocks and sent no heartbeats: it loses nothing, and is not chosen
		/// until it shows itself.
		ValidatorOffline {
			/// The validator.
			validator: AccountId,
			/// The round in which it may be chosen again in any case.
			until: RoundIndex,
		},
		/// A validator that was offline may be chosen again.
		ValidatorBack {
			/// The validator.
			validator: AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The account is not a registered transcoder: register it with `transcoder`.
		NotRegistered,
		/// The account's bond to itself is below the minimum of a transcoder: bond more to the
		/// account itself, with `bond`.
		NotEnoughSelfBond,
		/// The candidate list is full, and nobody on it that has no seat in this round has less stake:
		/// bond more, or wait for the next round.
		TooManyCandidates,
		/// In the lock period nobody registers, and of the terms only the price may change, and
		/// only downwards: try again in the next round.
		TermsLocked,
		/// In the lock period a price may not be lowered below the lowest registered one: give a
		/// higher one, or wait for the next round.
		PriceBelowLowest,
		/// The account is jailed: send `unjail` when every verdict is executed or cancelled.
		Jailed,
		/// The account is not jailed.
		NotJailed,
		/// A verdict against the account still awaits execution: try again when it is executed or
		/// cancelled.
		VerdictOpen,
		/// The transcoder has not announced a capacity, so there is nothing to keep alive. What was
		/// authorized never ends here.
		NotAvailable,
		/// The account is in a validator set that is in force, queued or planned, and needs its
		/// session keys until that is over: resign first, and try again then.
		Validating,
		/// Profiles are named in ascending order, each once: sort them.
		ProfilesNotAscending,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			// For what authorship, which counts nothing, had this pallet do.
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
		/// Registers the signer as a transcoder, or changes its terms and where it is reached. In a
		/// full list it takes the place of the one with the least stake, if that is less than its
		/// own.
		///
		/// Who: an account that has the minimum bond to itself.
		///
		/// - `terms`: the price of a standard segment (2 s of 1280×720 at 30 frames per second) in
		///   units of 10^-18 ETH, and the shares of rewards and fees in parts of 10^9. They take
		///   effect with the active set of the next round. In the lock period nobody registers, and
		///   a registered transcoder may only lower its price, not below the lowest registered one.
		/// - `service`: where it is reached; takes effect at once.
		///
		/// Emits `TranscoderRegistered`, `TermsChanged` or `ServiceChanged`. Costs the
		/// transaction's fee, by what was looked up.
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

		/// Leaves the candidate list and the active set at once. Assignments are handed on; stake
		/// stays bonded, and a verdict that awaits execution still reaches it. Where it is reached
		/// stays known until its claims are closed: it has to serve their judges.
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

		/// `TranscodeAvailability`: announces how much work the signer takes, from a wallet; its
		/// duties key does the same for free with `announce`. What that key signed before is void.
		/// Counts as a heartbeat.
		///
		/// Who: a registered transcoder's account, not jailed.
		///
		/// - `capacity`: units of work that the machine does in a second. With 0 it gets no new
		///   assignments and keeps those that it has, as long as heartbeats come.
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

		/// Says that a transcoder still works. Due once per heartbeat interval; refused within half
		/// an interval after it was last seen.
		///
		/// Who: anyone, without an account; signed by a duties key of the transcoder.
		///
		/// - `heartbeat`: the chain, and the block at which it was made: at most 32 blocks old, and
		///   newer than the newest that was taken.
		/// - `signature`: by a key, not revoked, of the current duties keys of a registered
		///   transcoder that is not jailed.
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

		/// Leaves jail when every verdict against the signer was executed or cancelled. It must
		/// announce its capacity again, and validates again from a later session on.
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

		/// Announces how much work a transcoder takes, by its duties key. Counts as a heartbeat;
		/// refused within half an interval after the one before.
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
		/// planned: whoever validates first resigns, or is not chosen any longer, and waits until
		/// its last session is over.
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

		/// The terms of a registered transcoder that the next round will take over.
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

		/// The validators in force and planned, and who would be chosen now; highest stake first.
		pub fn validator_views() -> Vec<ValidatorView> {
			Self::view_validators()
		}

		/// Who was not elected in this round, with the stakes by which one is drawn for the next.
		pub fn waiting() -> Vec<(AccountId, Balance)> {
			WaitList::<T>::get().map(|list| list.members.into_inner()).unwrap_or_default()
		}

		/// The round until which an account is taken for offline at most; `None` if it is not.
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

		/// The round from which on an account may be chosen as a validator again, the largest number of all
		/// until it attests golden vectors; `None` if it may now.
		pub fn chilled_until(account: AccountId) -> Option<RoundIndex> {
			Self::view_chilled_until(&account)
		}

		/// Verdicts that await execution against a jailed account; `None` if it is not jailed.
		pub fn open_verdicts_of(account: AccountId) -> Option<u32> {
			Jailed::<T>::get(account)
		}

		/// The heartbeat of an available transcoder, as soon as it is taken.
		pub fn duties(account: AccountId) -> Vec<DutyView> {
			Self::heartbeat_due(&account).into_iter().collect()
		}
	}
}
