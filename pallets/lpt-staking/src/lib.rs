#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use genesis_impls::BadBond;
pub use pallet::*;
pub use types::{
	Advance, Bond, Checkpoint, ExitPool, Factors, Frees, Lock, LockView, Locks as AccountLocks,
	Pool, PoolId, Purpose, Surplus, TranscoderStake,
};
pub use weights::WeightInfo;

mod advance_impls;
pub mod asset;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod dispatchable_impls;
mod earnings_impls;
mod generation_impls;
pub mod generations;
mod genesis_impls;
pub mod liabilities;
pub mod maths;
#[cfg(test)]
mod mock;
mod pool_impls;
mod position_impls;
mod slash_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
pub mod types;
mod view_impls;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame_support::{
		pallet_prelude::*,
		traits::{fungible, fungibles},
		PalletId,
	};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::{DelegatorView, StakeView},
		params::StakingParameters,
		traits::{AcceptsStake, Rounds},
		AccountId, AssetId, Balance, RoundIndex,
	};
	use sp_runtime::Perbill;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// LPT.
		type Currency: fungible::Mutate<AccountId, Balance = Balance>;
		/// ETH, as asset [`livepeer_primitives::ETH`].
		type Assets: fungibles::Mutate<AccountId, AssetId = AssetId, Balance = Balance>;
		/// The round clock.
		type Rounds: Rounds;
		/// Whether a transcoder can receive stake.
		type AcceptsStake: AcceptsStake;
		/// Unbonding period, liability window, smallest bond, finder's fee.
		type Parameters: Get<StakingParameters>;
		/// The common pool, which receives slashed stake.
		type CommonPool: Get<AccountId>;
		/// Determines the pot's account.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// The most locks that an account can have at a time.
		#[pallet::constant]
		type MaxLocks: Get<u32>;
		/// The most rounds with open liabilities that are counted separately, per account.
		#[pallet::constant]
		type MaxLiabilityRounds: Get<u32>;
		/// The number of exit pools, from the newest on, that a slash reaches: more rounds than a
		/// claim can stay open.
		#[pallet::constant]
		type MaxSlashedRounds: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The version of the state's layout.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	// Keys are accounts, which anyone can choose. They are hashed so that nobody can unbalance the
	// trie.

	/// Stake behind each transcoder. Deleted with the last bond.
	#[pallet::storage]
	pub type Pools<T: Config> = StorageMap<_, Blake2_128Concat, PoolId, Pool>;

	/// Transcoders beyond the first generation of their pool. Deleted when nothing names one of the
	/// generations; then numbers begin anew.
	#[pallet::storage]
	pub type Generations<T: Config> =
		StorageMap<_, Blake2_128Concat, AccountId, generations::Generations<T::MaxSlashedRounds>>;

	/// Factors at the end of rounds in which stake joined, by pool and round. Deleted when the last
	/// of that stake is settled.
	#[pallet::storage]
	pub type Checkpoints<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, PoolId, Twox64Concat, RoundIndex, Checkpoint>;

	/// Each account's bond.
	#[pallet::storage]
	pub type Bonds<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Bond>;

	/// Stake that left, by pool and round of leaving. Deleted when its last lock is withdrawn.
	#[pallet::storage]
	pub type ExitPools<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, PoolId, Twox64Concat, RoundIndex, ExitPool>;

	/// Each account's locks.
	#[pallet::storage]
	pub type Locks<T: Config> =
		StorageMap<_, Blake2_128Concat, AccountId, AccountLocks<T::MaxLocks>, ValueQuery>;

	/// Fees in ETH owed to each account, besides what its bond still has to settle.
	#[pallet::storage]
	pub type Fees<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance, ValueQuery>;

	/// Open liabilities of each account: claims of transcoders, and challenges that validators
	/// judge.
	#[pallet::storage]
	pub type Liabilities<T: Config> = StorageMap<
		_,
		Blake2_128Concat,
		AccountId,
		liabilities::Liabilities<T::MaxLiabilityRounds>,
		ValueQuery,
	>;

	/// LPT that the pot owes: the sum of all pools and exit pools. Absent when zero.
	#[pallet::storage]
	pub type OwedStake<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// ETH that the pot owes: the sum of all accounts' and pools' fees. Absent when zero.
	#[pallet::storage]
	pub type OwedFees<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// What the running transaction has taken from what it frees, to pay its fee. Deleted when it
	/// is over.
	#[pallet::storage]
	pub type Advanced<T: Config> = StorageValue<_, types::Advance>;

	/// Bonds that count from round 0.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// The bonds: account, transcoder and amount, paid out of the account's genesis balance.
		pub bonds: Vec<(AccountId, AccountId, Balance)>,
		/// Carries the type parameter.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			asset::endow::<T>();
			let minimum = <T::Currency as fungible::Inspect<AccountId>>::minimum_balance();
			let balance = <T::Currency as fungible::Inspect<AccountId>>::balance;
			if let Err(wrong) = self.check(balance, minimum) {
				panic!("{wrong}");
			}
			for (who, to, amount) in &self.bonds {
				Pallet::<T>::bond_at_once(who, to, *amount)
					.expect("a bond that is covered, to one transcoder, can be made");
			}
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account bonded LPT. It counts from the next round.
		Bonded {
			/// The account.
			who: AccountId,
			/// The transcoder, which may be the account itself.
			transcoder: AccountId,
			/// How much, in LPT.
			amount: Balance,
		},
		/// Stake left a transcoder. It stays slashable and can be withdrawn later.
		Unbonded {
			/// The stake's owner.
			who: AccountId,
			/// The transcoder that it left.
			transcoder: AccountId,
			/// How much, in LPT.
			amount: Balance,
			/// The number of the lock.
			lock: u32,
			/// The first round in which it can be withdrawn, if no claim holds it back.
			release: RoundIndex,
		},
		/// Stake was paid out of the pot.
		StakeWithdrawn {
			/// The account that received it.
			who: AccountId,
			/// The transcoder that it had left.
			transcoder: AccountId,
			/// The number of the lock.
			lock: u32,
			/// How much, in LPT, after the slashes that reached it.
			amount: Balance,
		},
		/// Fees were paid out of the pot.
		FeesWithdrawn {
			/// The account that received them.
			who: AccountId,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A bond was brought up to date.
		Settled {
			/// The account.
			who: AccountId,
			/// Its transcoder.
			transcoder: AccountId,
			/// What the bond is worth, in LPT.
			stake: Balance,
		},
		/// A bond's fees since its last settlement were booked to its account.
		FeesEarned {
			/// The account.
			who: AccountId,
			/// Its transcoder.
			transcoder: AccountId,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A reward was booked to a transcoder's stake.
		Rewarded {
			/// The transcoder.
			transcoder: AccountId,
			/// How much, in LPT.
			amount: Balance,
			/// The transcoder's cut.
			cut: Perbill,
		},
		/// A fee was booked to a transcoder and its delegators.
		FeeBooked {
			/// The transcoder.
			transcoder: AccountId,
			/// What the transcoder got at once, in ETH.
			to_transcoder: Balance,
			/// What all bonds to it, its own included, share by stake, in ETH.
			to_delegators: Balance,
		},
		/// A transcoder's stake was slashed: bonded and in exit pools.
		Slashed {
			/// The transcoder.
			transcoder: AccountId,
			/// The round of the offence. Stake that left before that round is spared.
			offence: RoundIndex,
			/// The share that was cut.
			fraction: Perbill,
			/// What the stake lost, in LPT.
			total: Balance,
			/// The part that the finders got, in LPT.
			finders_fee: Balance,
			/// The part that the common pool got, in LPT.
			common_pool: Balance,
		},
		/// A slash took all bonded stake of a transcoder. Its bonds are worth nothing; its locks
		/// from earlier rounds may keep their worth.
		PoolWiped {
			/// The transcoder.
			transcoder: AccountId,
			/// The next generation.
			generation: generations::Generation,
			/// The first round in which the next generation takes stake.
			from: RoundIndex,
		},
		/// A bond left its transcoder to go to another. Its stake stays in the lock until it is no
		/// longer liable; then `rebond` can bond it to the other transcoder.
		BondMoving {
			/// The account.
			who: AccountId,
			/// The transcoder that it goes to.
			to: AccountId,
			/// The number of the lock.
			lock: u32,
			/// The first round in which it can be bonded there, if no claim holds it back.
			liable_until: RoundIndex,
		},
		/// Stake of a lock was bonded again. It counts from the next round.
		Rebonded {
			/// The account.
			who: AccountId,
			/// The transcoder: the one that it had left, or another.
			transcoder: AccountId,
			/// The number of the lock, which no longer exists.
			lock: u32,
			/// How much, in LPT, after the slashes that reached it.
			amount: Balance,
		},
		/// An account offered a part of its bond to another account. The stake stays in the lock
		/// until that account accepts it.
		BondOffered {
			/// The bond's owner.
			who: AccountId,
			/// The account to which it is offered.
			to: AccountId,
			/// The number of the lock among those of `who`.
			lock: u32,
		},
		/// A bond changed its owner. It counts from the next round.
		BondTransferred {
			/// The previous owner.
			from: AccountId,
			/// The new owner.
			to: AccountId,
			/// The number of the lock among those of `from`; the lock no longer exists.
			lock: u32,
			/// The transcoder, which is the same as before.
			transcoder: AccountId,
			/// How much, in LPT, after the slashes that reached it.
			amount: Balance,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The resulting bond would be below the smallest bond: give more. A lock that is too small
		/// to bond can be withdrawn.
		BelowMinimum,
		/// The account is bonded to another transcoder: unbond first.
		BondedElsewhere,
		/// The transcoder is not registered, so it cannot receive stake: choose another.
		StakeNotAccepted,
		/// The account has no bond: make one with `bond`.
		NotBonded,
		/// The bond is worth less than this amount: give less.
		InsufficientStake,
		/// The account has the maximum number of locks: withdraw some first.
		TooManyLocks,
		/// The account has no lock with this number: the view of locks lists them.
		UnknownLock,
		/// The unbonding period is not over: the view of locks says when it is.
		StillUnbonding,
		/// The transcoder has open claims, pending slashes, or challenges that it judges, from
		/// before the stake left: try again when they are over.
		LiabilityOpen,
		/// A slash took all stake of the transcoder in this round. It can receive stake again from
		/// the next round.
		PoolWiped,
		/// The amount is zero: give more.
		NothingToDo,
		/// The stake is still liable for the transcoder that it left: bond it to that one, or wait
		/// for the round in which its liability ends (see the view of locks).
		StillLiable,
		/// The lock is not offered to this account: its owner can offer it with `transfer_bond`.
		NotOffered,
		/// The transcoder is jailed and cannot receive stake until it has left jail: choose
		/// another, or wait.
		TranscoderJailed,
		/// The rest of the bond would be below the smallest bond: take less, or all of it.
		RestBelowMinimum,
		/// The bond already belongs to this transcoder, or to this account: name another.
		AlreadyThere,
		/// The account has no fees to withdraw. Fees arrive when its transcoder is paid for work.
		NoFees,
		/// Slashes have made the lock worthless: withdraw it to delete it.
		WorthlessLock,
		/// A slash took everything that had left the transcoder in this round, and would take
		/// whatever joins it: leave in the next round.
		ExitPoolWiped,
		/// The lock belongs to another transcoder than the call names, or is worth less: check the
		/// offering account's view of locks, and name its current values.
		OfferChanged,
		/// The account does not have that much free LPT besides the smallest balance, which it
		/// keeps: give less.
		NotEnoughFree,
		/// The payment would be below the smallest balance, and the account has none of that asset:
		/// send it some first, or let fees grow.
		TooSmallToPay,
		/// Slashes have left less than a millionth of the transcoder's stake, and a further one
		/// could take all of it: choose another transcoder. The transcoder can take stake again
		/// when every bond to it has left.
		PoolNearlyWiped,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(T::MaxLocks::get() > 0, "an account needs at least one lock to leave");
			assert!(T::MaxLiabilityRounds::get() > 0, "liabilities have to be counted");
			let parameters = T::Parameters::get();
			assert!(
				T::MaxSlashedRounds::get() > parameters.liability_window,
				"a slash must reach every exit pool that can be liable"
			);
			assert!(parameters.min_bond > 0, "a bond must have a worth");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Bonds LPT to a transcoder, or adds to the existing bond.
		///
		/// The stake counts, and earns, from the next round on. It shares the transcoder's risk at
		/// once, also for claims that are open now. An account can always bond to itself; any other
		/// transcoder must be registered and not jailed. An account bonds to one transcoder at a
		/// time.
		///
		/// Who: any account that is not bonded to another transcoder.
		///
		/// - `amount`: in units of 10^-18 LPT; at least the smallest bond.
		/// - `to`: the transcoder, which may be the caller.
		///
		/// Emits `Bonded`, and `FeesEarned` if the bond had earned fees. Costs the transaction's
		/// fee, which is the same however many accounts are bonded.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::bond())]
		pub fn bond(origin: OriginFor<T>, amount: Balance, to: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond(who, amount, to)
		}

		/// Takes a part of the bond, or all of it, away from its transcoder.
		///
		/// The stake stops earning at once: it gets no part of the reward that is booked when this
		/// round ends, which goes to the stake that stays to the end. It becomes a lock. The lock
		/// can be withdrawn after the unbonding period, once the transcoder's liabilities up to
		/// this round are closed. Until then a slash for an offence up to this round still reaches
		/// it. Stake that does not count yet leaves first.
		///
		/// Who: an account that has a bond.
		///
		/// - `amount`: in units of 10^-18 LPT; the rest must be zero or at least the smallest bond.
		///
		/// Emits `Unbonded`, and `FeesEarned` if the bond had earned fees. Costs the transaction's
		/// fee; an account without free LPT pays it out of what it unbonds.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::unbond())]
		pub fn unbond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond(who, amount)
		}

		/// Pays out a lock, minus what slashes took from it.
		///
		/// Who: the account that unbonded.
		///
		/// - `lock`: its number, from the event `Unbonded` or the view of locks.
		///
		/// Emits `StakeWithdrawn`. Costs the transaction's fee; an account without free LPT pays it
		/// out of the lock.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::withdraw_stake())]
		pub fn withdraw_stake(origin: OriginFor<T>, lock: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_stake(who, lock)
		}

		/// Pays out all fees that the account has earned, in ETH. If the account has no ETH, the
		/// fees must reach ETH's smallest balance.
		///
		/// Who: an account that has earned fees, whether still bonded or not.
		///
		/// Emits `FeesWithdrawn`, and `FeesEarned` if the bond had earned fees. Costs the
		/// transaction's fee.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::withdraw_fees())]
		pub fn withdraw_fees(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_fees(who)
		}

		/// Brings the bond up to date. It is never necessary: every call that needs it does it
		/// first. A bond that slashes have made worthless is deleted.
		///
		/// Who: an account that has a bond.
		///
		/// Emits `Settled`, and `FeesEarned` if the bond had earned fees. Costs the transaction's
		/// fee.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::settle())]
		pub fn settle(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_settle(who)
		}

		/// Bonds the stake of a lock again.
		///
		/// With the transcoder that it left, this is possible at once. With another one it is
		/// possible when the lock is no longer liable and no claim holds it back, which is earlier
		/// than it could be withdrawn. The stake counts, and earns, from the next round on, and
		/// shares the transcoder's risk at once.
		///
		/// Who: the lock's owner, if it is not bonded to a transcoder other than `to`.
		///
		/// - `lock`: its number.
		/// - `to`: the transcoder, registered and not jailed, or the caller itself.
		///
		/// Emits `Rebonded`, and `FeesEarned` if the bond had earned fees. Costs the transaction's
		/// fee.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::rebond())]
		pub fn rebond(origin: OriginFor<T>, lock: u32, to: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_rebond(who, lock, to)
		}

		/// Begins to move the whole bond to another transcoder.
		///
		/// The bond leaves at once, as by `unbond`, into a lock. It is liable for what its
		/// transcoder did until the liability window is over; then `rebond` bonds it to the other
		/// transcoder. Until then it earns nothing. A part of a bond cannot be moved, because an
		/// account bonds to one transcoder at a time.
		///
		/// Who: an account that has a bond.
		///
		/// - `to`: the transcoder to move to, registered and not jailed, or the caller itself.
		///
		/// Emits `Unbonded` and `BondMoving`, and `FeesEarned` if the bond had earned fees. Costs
		/// the transaction's fee.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::move_bond())]
		pub fn move_bond(origin: OriginFor<T>, to: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_move_bond(who, to)
		}

		/// Offers a part of the bond, or all of it, to another account. The owner changes, but
		/// never the transcoder.
		///
		/// The stake leaves as by `unbond`, into a lock that the other account can take over with
		/// `accept_bond`. Until then the caller can take it back with `rebond`, or withdraw it when
		/// it is free.
		///
		/// Who: an account that has a bond.
		///
		/// - `amount`: in units of 10^-18 LPT; at least the smallest bond, and the rest must be
		///   zero or at least as much.
		/// - `to`: the new owner, which must not be bonded to another transcoder.
		///
		/// Emits `Unbonded` and `BondOffered`, and `FeesEarned` if the bond had earned fees. Costs
		/// the transaction's fee.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::transfer_bond())]
		pub fn transfer_bond(
			origin: OriginFor<T>,
			amount: Balance,
			to: AccountId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_transfer_bond(who, amount, to)
		}

		/// Takes over a bond that was offered to the caller. Its transcoder stays the same. It
		/// counts from the next round on.
		///
		/// Who: the account to which it was offered, if it is not bonded to another transcoder.
		///
		/// - `from`: the account that offered it.
		/// - `lock`: the number of the lock among those of `from`. Numbers begin anew when no lock
		///   is left, so the number alone does not identify the offer.
		/// - `transcoder`: the transcoder that the stake stands behind.
		/// - `least`: the least that it must be worth, in units of 10^-18 LPT.
		///
		/// Emits `BondTransferred`, and `FeesEarned` if the caller's bond had earned fees. Costs
		/// the transaction's fee.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::accept_bond())]
		pub fn accept_bond(
			origin: OriginFor<T>,
			from: AccountId,
			lock: u32,
			transcoder: AccountId,
			least: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_accept_bond(who, from, lock, transcoder, least)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The bond of an account: its current worth and all fees that it can withdraw.
		pub fn delegator(account: AccountId) -> Option<DelegatorView> {
			Self::view_delegator(&account)
		}

		/// Fees in ETH that an account can withdraw, even if it no longer has a bond.
		pub fn fees(account: AccountId) -> Balance {
			Self::view_fees(&account)
		}

		/// LPT of an account's bond that does not count yet.
		pub fn pending_stake(account: AccountId) -> Balance {
			Self::view_pending(&account)
		}

		/// The locks of an account.
		pub fn locks(account: AccountId) -> Vec<LockView> {
			Self::view_locks(&account)
		}

		/// An account's stake, fees and locks together. The block of a lock's release is not filled
		/// in here; that needs the length of rounds.
		pub fn stake_of(account: AccountId) -> StakeView {
			Self::view_stake(&account)
		}

		/// The stake behind a transcoder.
		pub fn transcoder_stake(transcoder: AccountId) -> TranscoderStake {
			Self::view_transcoder(&transcoder)
		}

		/// The pot's balance beyond what it owes.
		pub fn surplus() -> Surplus {
			Self::view_surplus()
		}
	}
}
