#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::{Numbers, Revoked, StoredKeys, MAX_GENERATIONS, MAX_OLD_GENERATIONS};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod change_impls;
mod lookup_impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
mod view_impls;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame_support::{pallet_prelude::*, traits::fungible};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::KeysView,
		keys::{Generation, OperatorKeys, Purpose, VrfKey},
		traits::OnKeyRevoked,
		AccountId, Balance,
	};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// Why LPT is held.
		type RuntimeHoldReason: From<HoldReason>;
		/// LPT.
		type Currency: fungible::Mutate<AccountId, Balance = Balance>
			+ fungible::MutateHold<AccountId, Reason = Self::RuntimeHoldReason>;
		/// The deposit for each stored generation, in units of 10^-18 LPT. A change applies to
		/// generations that are stored later.
		#[pallet::constant]
		type Deposit: Get<Balance>;
		/// Is told of each revoked key.
		type OnKeyRevoked: OnKeyRevoked;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds an account's LPT.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The deposits of its stored generations.
		Generations,
	}

	/// The stored generations of an account and purpose, ascending; the last is the current one.
	/// Absent if the account itself signs. Never becomes empty again, so that no number is used
	/// twice.
	#[pallet::storage]
	pub type Stored<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		AccountId,
		Twox64Concat,
		Purpose,
		Numbers,
		ValueQuery,
	>;

	/// The keys of each stored generation. Has an entry for each one that `Stored` lists.
	#[pallet::storage]
	pub type Generations<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Blake2_128Concat, AccountId>,
			NMapKey<Twox64Concat, Purpose>,
			NMapKey<Twox64Concat, Generation>,
		),
		StoredKeys,
	>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account uses new keys from now on.
		KeysSet {
			/// The account.
			account: AccountId,
			/// What the keys sign.
			purpose: Purpose,
			/// The generation of the keys, which is now the current one.
			generation: Generation,
		},
		/// A generation that was no longer needed was deleted, and its deposit released.
		GenerationRemoved {
			/// The account.
			account: AccountId,
			/// What its keys signed.
			purpose: Purpose,
			/// The generation.
			generation: Generation,
		},
		/// A key was revoked and signs nothing new. What it signed before stays valid and
		/// punishable.
		KeyRevoked {
			/// The account.
			account: AccountId,
			/// What the key signed.
			purpose: Purpose,
			/// Its generation.
			generation: Generation,
			/// Its place in the generation.
			key: u8,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// A generation must have at least one key: name one.
		NoKeys,
		/// A key is listed twice: name it once.
		DuplicateKey,
		/// Keys for duties need the key of forced variants: give `vrf`.
		VrfKeyMissing,
		/// Keys for segments have no key of forced variants: leave `vrf` out.
		VrfKeyNotUsed,
		/// Assignments still need sixteen old generations: let some assignments be settled first.
		TooManyGenerations,
		/// The account cannot pay the deposit for a generation: it needs more free LPT.
		DepositNotPayable,
		/// The generation is not stored: check its number. Generation 0 is the account itself and
		/// is never stored.
		UnknownGeneration,
		/// The generation has no key at this place: places count from 0.
		UnknownKey,
		/// The key has already been revoked.
		AlreadyRevoked,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Creates a new generation of keys, which is the current one from this call on. Old
		/// generations that no assignment needs are deleted first, and their deposits released.
		///
		/// Who: the account that is liable for the keys: a cold wallet, or its proxy.
		///
		/// - `purpose`: what the keys sign.
		/// - `keys`: one to eight keys, none twice; signatures name them by their place.
		/// - `vrf`: the sr25519 key of forced variants; required for duties, refused for segments.
		///
		/// Emits `GenerationRemoved` for each deleted generation, and `KeysSet`. Costs the
		/// transaction's fee, and a deposit in LPT that is held as long as the generation is
		/// stored.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::set_keys(MAX_OLD_GENERATIONS))]
		pub fn set_keys(
			origin: OriginFor<T>,
			purpose: Purpose,
			keys: OperatorKeys,
			vrf: Option<VrfKey>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let old = Self::do_set_keys(&who, purpose, keys, vrf)?;
			Ok(Some(T::WeightInfo::set_keys(old)).into())
		}

		/// Revokes a key: nothing new that it signs is accepted. What it signed before stays valid
		/// and punishable, because the account is liable for its keys. Whatever depends on the
		/// key's generation ends, in bounded steps. Revoking is always possible, also for the only
		/// key of the current generation.
		///
		/// Who: the account that is liable for the key: a cold wallet, or its proxy.
		///
		/// - `purpose`: what the key signs.
		/// - `generation`: its generation, current or old.
		/// - `key`: its place in the generation, from 0.
		///
		/// Emits `KeyRevoked`. Costs the transaction's fee. If assignments depend on the
		/// generation, it also costs what ending them costs the chain, as far as the account can
		/// pay.
		#[pallet::call_index(1)]
		#[pallet::weight(
			T::WeightInfo::revoke_key().saturating_add(T::OnKeyRevoked::key_revoked_weight())
		)]
		pub fn revoke_key(
			origin: OriginFor<T>,
			purpose: Purpose,
			generation: Generation,
			key: u8,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_revoke_key(&who, purpose, generation, key)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The stored generations of an account's keys for a purpose, newest first, always with
		/// generation 0, the account itself, at the end.
		pub fn keys_of(account: AccountId, purpose: Purpose) -> Vec<KeysView> {
			Self::view_keys(&account, purpose)
		}

		/// The generation that an account currently uses for a purpose.
		pub fn current_of(account: AccountId, purpose: Purpose) -> Generation {
			Self::current_generation(&account, purpose)
		}
	}
}
