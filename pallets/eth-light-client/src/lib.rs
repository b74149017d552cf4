#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod client_impls;
#[cfg(test)]
mod mock;
mod proof_impls;
#[cfg(test)]
mod recorded;
#[cfg(any(test, feature = "runtime-benchmarks"))]
mod simulator;
pub mod ssz;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
pub mod verify;
mod view_impls;
pub mod weights;

/// Sets the chain's time, for benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub trait SetTime {
	/// To so many seconds of Unix time.
	fn set_seconds(seconds: u64);
}

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::boxed::Box;
	use frame_support::{pallet_prelude::*, traits::UnixTime};
	use frame_system::pallet_prelude::*;
	use sp_core::H256;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The time.
		type Time: UnixTime;
		/// How old, in slots, the newest finalised block may be for anything to be proven by it. Who
		/// would show the chain a false Ethereum has no more time than this.
		#[pallet::constant]
		type MaxAge: Get<u64>;
		/// How old, in slots, it may be for an update to be taken: shorter than validators of Ethereum
		/// need to leave with their stake.
		#[pallet::constant]
		type WeakSubjectivity: Get<u64>;
		/// An update is free when the finalised block is this many slots newer than the last one.
		#[pallet::constant]
		type FreeInterval: Get<u64>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
		/// Sets the time.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkTime: SetTime;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Which Ethereum is followed. Nothing until governance has said so.
	#[pallet::storage]
	pub type Followed<T: Config> = StorageValue<_, Network>;

	/// The root of the beacon block that governance trusts and from which nobody has started yet.
	#[pallet::storage]
	pub type Checkpoint<T: Config> = StorageValue<_, H256>;

	/// The sync committee of the newest finalised block's period.
	#[pallet::storage]
	pub type CurrentCommittee<T: Config> = StorageValue<_, PreparedCommittee>;

	/// The sync committee of the period after it, where it is known.
	#[pallet::storage]
	pub type NextCommittee<T: Config> = StorageValue<_, PreparedCommittee>;

	/// The newest finalised blocks, ascending by slot.
	#[pallet::storage]
	pub type Finalized<T: Config> =
		StorageValue<_, BoundedVec<FinalizedBlock, ConstU32<MAX_FINALIZED>>, ValueQuery>;

	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Which Ethereum is followed.
		pub network: Option<Network>,
		#[serde(skip)]
		#[doc(hidden)]
		pub _config: PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			if let Some(network) = &self.network {
				assert!(network.is_valid(), "a network's forks ascend and its slots pass");
				Followed::<T>::put(network);
			}
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Governance has said which Ethereum is followed, or told of its forks.
		NetworkSet {
			/// The epoch of the newest fork that is known of.
			newest_fork: u64,
			/// Whether the client goes on from where it was: only forks have changed.
			kept: bool,
		},
		/// Governance trusts a beacon block. All that was known is forgotten; anybody starts the
		/// client from that block.
		CheckpointSet {
			/// The root of the block.
			root: H256,
		},
		/// The client has started.
		Bootstrapped {
			/// The slot of the block that it starts from.
			slot: u64,
		},
		/// A beacon block is final.
		HeaderFinalized {
			/// Its root.
			root: H256,
			/// Its slot.
			slot: u64,
		},
		/// The committee of a period is known.
		CommitteeKnown {
			/// The period.
			period: u64,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// Slots must pass, forks must ascend, and generalised indices must name something.
		InvalidNetwork,
		/// Governance has not said which Ethereum to follow.
		NoNetwork,
		/// Governance has given no checkpoint from which to start.
		NoCheckpoint,
		/// The block is not the one that governance trusts.
		NotTheCheckpoint,
		/// The client has not started: it waits for the block that governance trusts.
		NotBootstrapped,
		/// Ethereum has forked into a form that this chain has not been told.
		UnknownFork,
		/// Slots must rise from the finalised over the attested block to the signature.
		SlotsOutOfOrder,
		/// The signature is of a time that has not come.
		FromTheFuture,
		/// So old that those who signed may have left with their stake: governance gives a checkpoint.
		TooOld,
		/// Fewer than two thirds of the committee have signed.
		NoSupermajority,
		/// The committee of the signature's period is not known: bring the update of the period before.
		UnknownCommittee,
		/// It finalises nothing newer and brings no committee that is missing.
		NothingNew,
		/// The finalised block is not at its place in the attested state.
		WrongFinalityBranch,
		/// The committee is not at its place in the state.
		WrongCommitteeBranch,
		/// The next committee is another one than is known already.
		OtherCommittee,
		/// The next committee comes with a block of an earlier period.
		CommitteeOfOtherPeriod,
		/// A key of the committee is no point of the curve.
		InvalidKey,
		/// The signature is not the committee's.
		WrongSignature,
		/// The beacon block is not among the newest finalised ones.
		NotFinalized,
		/// The newest finalised block is too old to prove anything: bring an update first.
		Stale,
		/// The execution block's hash is not at its place in the block's body.
		WrongHashBranch,
		/// The execution block's header is no RLP list of its fields.
		InvalidExecutionHeader,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(T::MaxAge::get() < T::WeakSubjectivity::get(), "proofs end before updates do");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Says which Ethereum is followed, and which forks it has had and will have. With another
		/// network than before all that was known is forgotten; when only forks change, the client
		/// goes on.
		///
		/// Who: governance.
		///
		/// - `network`: the root of its first validators, the time of slot 0 in seconds, seconds in
		///   a slot, and its forks, ascending by epoch.
		///
		/// Emits `NetworkSet`. Costs nothing.
		#[pallet::call_index(0)]
		#[pallet::weight((T::WeightInfo::set_network(), DispatchClass::Operational))]
		pub fn set_network(origin: OriginFor<T>, network: Network) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_network(network)
		}

		/// Trusts a beacon block: the client begins anew from it, also after it was fooled. All
		/// that was known is forgotten at once, so nothing is proven until somebody has sent
		/// `bootstrap`.
		///
		/// Who: governance.
		///
		/// - `root`: the root of a finalised beacon block, not older than the weak subjectivity
		///   period.
		///
		/// Emits `CheckpointSet`. Costs nothing.
		#[pallet::call_index(1)]
		#[pallet::weight((T::WeightInfo::set_checkpoint(), DispatchClass::Operational))]
		pub fn set_checkpoint(origin: OriginFor<T>, root: H256) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_checkpoint(root)
		}

		/// Starts the client from the block that governance trusts.
		///
		/// Who: anyone.
		///
		/// - `bootstrap`: the block and its sync committee, as `light_client/bootstrap` of a beacon
		///   node gives them.
		///
		/// Emits `Bootstrapped`. Costs nothing when it succeeds, else the transaction's fee.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::bootstrap())]
		pub fn bootstrap(
			origin: OriginFor<T>,
			bootstrap: Box<Bootstrap>,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_bootstrap(&bootstrap)?;
			Ok(Pays::No.into())
		}

		/// Takes a step.
		///
		/// Who: anyone.
		///
		/// - `update`: what `light_client/updates` or `light_client/finality_update` of a beacon
		///   node gives.
		///
		/// Emits `HeaderFinalized`, `CommitteeKnown` or both. Costs nothing when it brings a
		/// committee or finalises a block that is an epoch newer, else the transaction's fee.
		#[pallet::call_index(3)]
		#[pallet::weight(match update.next {
			Some(_) => T::WeightInfo::submit_with_committee(),
			None => T::WeightInfo::submit(),
		})]
		pub fn submit(origin: OriginFor<T>, update: Box<Update>) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let pays = Self::do_submit(&update)?;
			Ok(pays.into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// How the client is, what it has, and which fork comes next.
		pub fn status() -> Status {
			Self::view_status()
		}

		/// Which Ethereum is followed.
		pub fn network() -> Option<Network> {
			Followed::<T>::get()
		}
	}
}
