#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::{
	ActiveTranscoders, Availability, PlannedValidator, PlannedValidators, Registration, Seat,
	Terms, MAX_SEATS,
};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod choice;
mod election_impls;
mod jail_impls;
#[cfg(test)]
mod mock;
mod registry_impls;
mod session_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state;
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
		api::TranscoderView,
		params::ElectionParameters,
		service::ServiceRecord,
		traits::{DisableValidator, HasKeys, OnTranscoderLost, ProtocolClock, Rounds, Stake},
		AccountId, Balance, RoundIndex,
	};
	use sp_staking::SessionIndex;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// Stake by which transcoders are elected.
		type Stake: Stake;
		/// Counts the blocks by which heartbeats are due.
		type Clock: ProtocolClock;
		/// The round clock. It must also tell this pallet of each new round.
		type Rounds: Rounds;
		/// Sizes and minima. Read when they are needed, so a change acts at once.
		type Parameters: Get<ElectionParameters>;
		/// Who has session keys.
		type SessionKeys: HasKeys;
		/// Takes a jailed validator out of consensus.
		type DisableValidator: DisableValidator;
		/// Told of each transcoder that leaves at once.
		type OnTranscoderLost: OnTranscoderLost;
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

	/// Where a registered transcoder is reached. Has the keys of `Transcoders`.
	#[pallet::storage]
	pub type Services<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, ServiceRecord>;

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

	/// Who is jailed, with the number of verdicts that await execution. Outlives registration.
	#[pallet::storage]
	pub type Jailed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32>;

	/// The validators of the newest planned session: those that the session was given last.
	#[pallet::storage]
	pub type Planned<T: Config> = StorageValue<_, PlannedValidators, ValueQuery>;

	/// A hash of the round, members, keys and standing of the last set that the session was given.
	#[pallet::storage]
	pub type PlannedHash<T: Config> = StorageValue<_, livepeer_primitives::Hash>;

	/// Registers transcoders and elects round 0. Stake and parameters of genesis must be built
	/// before, the session's genesis after.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Account, terms, service record and capacity (0 takes no work) of each transcoder, the
		/// oldest first.
		pub transcoders: Vec<(AccountId, Terms, ServiceRecord, u32)>,
		/// Carries the type parameter.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			for (account, terms, service, capacity) in &self.transcoders {
				Pallet::<T>::register_at_genesis(account, *terms, service.clone(), *capacity);
			}
			Pallet::<T>::elect(T::Rounds::current());
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
		/// A transcoder announced how much work it takes.
		AvailabilityChanged {
			/// The transcoder.
			transcoder: AccountId,
			/// Assignments that it takes at a time; 0 takes none.
			capacity: u32,
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
		/// A transcoder left jail.
		TranscoderUnjailed {
			/// The transcoder.
			transcoder: AccountId,
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
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The account is not a registered transcoder.
		NotRegistered,
		/// The account's bond to itself is below the minimum of a transcoder.
		NotEnoughSelfBond,
		/// The candidate list is full.
		TooManyCandidates,
		/// In the lock period nobody registers, and of the terms only the price may change, and
		/// only downwards.
		TermsLocked,
		/// In the lock period a price may not be lowered below the lowest registered one.
		PriceBelowLowest,
		/// The account is jailed.
		Jailed,
		/// The account is not jailed.
		NotJailed,
		/// A verdict against the account still awaits execution.
		VerdictOpen,
		/// The transcoder has not announced a capacity, so there is nothing to keep alive.
		NotAvailable,
		/// The newest heartbeat is less than half an interval old.
		HeartbeatTooEarly,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(
				T::MaxCandidates::get() >= livepeer_primitives::MAX_VALIDATORS,
				"every permitted active set can be filled from the candidate list",
			);
			let block = <T as frame_system::Config>::BlockWeights::get().max_block;
			assert!(
				T::WeightInfo::elect(T::MaxCandidates::get()).ref_time() <= block.ref_time() / 2,
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
		/// Registers the signer as a transcoder, or changes its terms and where it is reached.
		///
		/// The signer needs the minimum bond to itself. Terms take effect with the active set of
		/// the next round. In the lock period nobody registers, and a registered transcoder may
		/// only lower its price, not below the lowest registered one.
		#[pallet::call_index(0)]
		#[pallet::weight(
			T::WeightInfo::transcoder()
				.saturating_add(T::WeightInfo::lowest_price(T::MaxCandidates::get()))
		)]
		pub fn transcoder(
			origin: OriginFor<T>,
			terms: Terms,
			service: ServiceRecord,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let looked_up = Self::do_transcoder(&who, terms, service)?;
			Ok(Some(
				T::WeightInfo::transcoder().saturating_add(T::WeightInfo::lowest_price(looked_up)),
			)
			.into())
		}

		/// Changes where the signer, a registered transcoder, is reached.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_service())]
		pub fn set_service(origin: OriginFor<T>, service: ServiceRecord) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_service(&who, service)
		}

		/// Leaves the candidate list and the active set at once. Assignments are handed on; stake
		/// stays bonded, and a verdict that awaits execution still reaches it.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::resign())]
		pub fn resign(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_resign(&who)
		}

		/// `TranscodeAvailability`: announces how many assignments the signer takes at a time. With
		/// 0 it gets no new ones and keeps those that it has, as long as heartbeats come. Counts as
		/// a heartbeat.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::set_available())]
		pub fn set_available(origin: OriginFor<T>, capacity: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_available(&who, capacity)
		}

		/// Says that the signer still takes work. Due once per heartbeat interval and free then;
		/// refused within half an interval after the one before.
		#[pallet::call_index(4)]
		#[pallet::weight((T::WeightInfo::heartbeat(), DispatchClass::Operational))]
		pub fn heartbeat(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_heartbeat(&who)?;
			Ok(Pays::No.into())
		}

		/// Leaves jail when every verdict against the signer was executed or cancelled. It must
		/// announce its capacity again, and validates again from a later session on.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::unjail())]
		pub fn unjail(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unjail(&who)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// Every registered transcoder, in no particular order.
		pub fn transcoders() -> Vec<TranscoderView> {
			Self::all_views()
		}

		/// One registered transcoder.
		pub fn transcoder_of(account: AccountId) -> Option<TranscoderView> {
			Self::view_of(&account)
		}

		/// The terms of a registered transcoder that the next round will take over.
		pub fn terms_of(account: AccountId) -> Option<Terms> {
			Transcoders::<T>::get(account).map(|registration| registration.terms)
		}

		/// Where a registered transcoder is reached.
		pub fn service_of(account: AccountId) -> Option<ServiceRecord> {
			Services::<T>::get(account)
		}

		/// The active set of this round, highest stake first.
		pub fn active_set() -> ActiveTranscoders {
			ActiveSet::<T>::get()
		}

		/// The validators of the newest planned session.
		pub fn validators() -> Vec<AccountId> {
			Planned::<T>::get().into_iter().map(|validator| validator.account).collect()
		}

		/// Verdicts that await execution against a jailed account; `None` if it is not jailed.
		pub fn open_verdicts_of(account: AccountId) -> Option<u32> {
			Jailed::<T>::get(account)
		}
	}
}
