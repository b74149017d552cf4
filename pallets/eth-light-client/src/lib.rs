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
	/// Sets it to this many seconds of Unix time.
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
		/// How old, in slots, the newest finalised block can be and still prove anything. Somebody
		/// who shows the chain a false Ethereum has no more time than this.
		#[pallet::constant]
		type MaxAge: Get<u64>;
		/// How old, in slots, it can be for an update to be accepted: less than the time that
		/// Ethereum's validators need to leave with their stake.
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

	/// The Ethereum network that is followed. Empty until governance has set it.
	#[pallet::storage]
	pub type Followed<T: Config> = StorageValue<_, Network>;

	/// The root of the beacon block that governance trusts and from which nobody has started the
	/// client yet.
	#[pallet::storage]
	pub type Checkpoint<T: Config> = StorageValue<_, H256>;

	/// The sync committee of the newest finalised block's period.
	#[pallet::storage]
	pub type CurrentCommittee<T: Config> = StorageValue<_, PreparedCommittee>;

	/// The sync committee of the following period, if it is known.
	#[pallet::storage]
	pub type NextCommittee<T: Config> = StorageValue<_, PreparedCommittee>;

	/// The newest finalised blocks, ascending by slot.
	#[pallet::storage]
	pub type Finalized<T: Config> =
		StorageValue<_, BoundedVec<FinalizedBlock, ConstU32<MAX_FINALIZED>>, ValueQuery>;

	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The Ethereum network that is followed.
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
		/// Governance set the Ethereum network that is followed, or its forks.
		NetworkSet {
			/// The epoch of the newest known fork.
			newest_fork: u64,
			/// Whether the client continues from its state, because only forks have changed.
			kept: bool,
		},
		/// Governance set a trusted beacon block. Everything known before is forgotten; anybody can
		/// start the client from that block.
		CheckpointSet {
			/// The root of the block.
			root: H256,
		},
		/// The client was started.
		Bootstrapped {
			/// The slot of the block that it starts from.
			slot: u64,
		},
		/// A beacon block was finalised.
		HeaderFinalized {
			/// Its root.
			root: H256,
			/// Its slot.
			slot: u64,
		},
		/// The committee of a period became known.
		CommitteeKnown {
			/// The period.
			period: u64,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The length of a slot must not be zero, there must be ascending forks, and each
		/// generalised index must be valid.
		InvalidNetwork,
		/// Governance has not set which Ethereum network to follow.
		NoNetwork,
		/// Governance has set no checkpoint from which to start.
		NoCheckpoint,
		/// The block is not the one that governance trusts.
		NotTheCheckpoint,
		/// The client has not been started from the block that governance trusts.
		NotBootstrapped,
		/// Ethereum has forked, and this chain does not know the fork's layout.
		UnknownFork,
		/// Slots must ascend from the finalised block over the attested one to the signature.
		SlotsOutOfOrder,
		/// The signature or block is from the future.
		FromTheFuture,
		/// The block is so old that the signers may have left with their stake: governance must set
		/// a checkpoint.
		TooOld,
		/// Fewer than two thirds of the committee have signed.
		NoSupermajority,
		/// The committee of the signature's period is not known: submit the update of the previous
		/// period first.
		UnknownCommittee,
		/// The update finalises nothing newer and brings no missing committee.
		NothingNew,
		/// The finalised block is not at its place in the attested state.
		WrongFinalityBranch,
		/// The committee is not at its place in the state.
		WrongCommitteeBranch,
		/// The next committee differs from the one that is already known.
		OtherCommittee,
		/// The next committee comes with a block of another period.
		CommitteeOfOtherPeriod,
		/// A key of the committee is not a point of the curve.
		InvalidKey,
		/// The signature is not the committee's.
		WrongSignature,
		/// The beacon block is not among the newest finalised ones.
		NotFinalized,
		/// The newest finalised block is too old to prove anything: submit an update first.
		Stale,
		/// The execution block's hash is not at its place in the block's body.
		WrongHashBranch,
		/// The execution block's header is not an RLP list of its fields.
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
		/// Sets which Ethereum network is followed, and its past and future forks. With a different
		/// network than before, everything known is forgotten; if only forks change, the client
		/// continues.
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

		/// Trusts a beacon block: the client begins anew from it, also after it was deceived.
		/// Everything known is forgotten at once, so nothing is proven until somebody has sent
		/// `bootstrap`.
		///
		/// Who: governance.
		///
		/// - `root`: the root of a finalised beacon block that is not older than the weak
		///   subjectivity period.
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
		/// - `bootstrap`: the block and its sync committee, as a beacon node's
		///   `light_client/bootstrap` returns them.
		///
		/// Emits `Bootstrapped`. Costs nothing if it succeeds, otherwise the transaction's fee.
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

		/// Takes a step: accepts an update.
		///
		/// Who: anyone.
		///
		/// - `update`: what a beacon node's `light_client/updates` or
		///   `light_client/finality_update` returns.
		///
		/// Emits `HeaderFinalized`, `CommitteeKnown` or both. Costs nothing if it brings a
		/// committee or finalises a block that is at least an epoch newer, otherwise the
		/// transaction's fee.
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
		/// The state of the client, what it knows, and which fork comes next.
		pub fn status() -> Status {
			Self::view_status()
		}

		/// The Ethereum network that is followed.
		pub fn network() -> Option<Network> {
			Followed::<T>::get()
		}
	}
}
