#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

mod asset;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod clock_impls;
mod inbound_impls;
mod limit_impls;
#[cfg(test)]
mod mock;
mod outbound_impls;
mod payout_impls;
#[cfg(any(test, feature = "runtime-benchmarks"))]
mod simulator;
mod supply_impls;
mod sync_impls;
#[cfg(test)]
mod tests;
pub mod trie;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
mod undo_impls;
mod view_impls;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::{boxed::Box, vec::Vec};
	use frame_support::{
		pallet_prelude::*,
		traits::{fungible, fungibles, Time},
	};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		bridge::{BridgeView, BridgedAsset, Deposit, Earning, Message, Seal, DEPTH},
		ethereum::{EthereumChain, HeaderProof},
		traits::{ProtocolClock, Rounds},
		AccountId, AssetId, Balance, BlockNumber, Hash, RoundIndex,
	};
	use sp_core::{H160, H256};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
	{
		/// LPT.
		type Currency: fungible::Mutate<AccountId, Balance = Balance>;
		/// ETH, under [`livepeer_primitives::ETH`].
		type Assets: fungibles::Mutate<AccountId, AssetId = AssetId, Balance = Balance>;
		/// The Ethereum chain, as the light client knows it.
		type Ethereum: EthereumChain;
		/// The protocol's clock.
		type Clock: ProtocolClock;
		/// The protocol's rounds.
		type Rounds: Rounds;
		/// The time that is sealed with each block.
		type Time: Time<Moment = u64>;
		/// Receives the price of messages.
		type CommonPool: Get<AccountId>;
		/// What a message or an earning costs its sender, and a new payout its account, in LPT,
		/// because it stays in the state: for ever, or until the account ends the payout.
		#[pallet::constant]
		type MessagePrice: Get<Balance>;
		/// The number of protocol blocks for which the guardian can stop the bridge at a time.
		#[pallet::constant]
		type StopPeriod: Get<BlockNumber>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Where the gateway is. Empty until governance has set it.
	#[pallet::storage]
	pub type Gateway<T: Config> = StorageValue<_, GatewayPlace>;

	/// The account that can stop the bridge besides governance.
	#[pallet::storage]
	pub type Guardian<T: Config> = StorageValue<_, AccountId>;

	/// Until when the bridge is stopped.
	#[pallet::storage]
	pub type Stopped<T: Config> = StorageValue<_, Stops, ValueQuery>;

	/// What was last proven of the gateway.
	#[pallet::storage]
	pub type Synced<T: Config> = StorageValue<_, SyncedGateway>;

	/// The newest proven roots of the gateway's tree, the newest last.
	#[pallet::storage]
	pub type Roots<T: Config> = StorageValue<_, BoundedVec<H256, ConstU32<MAX_ROOTS>>, ValueQuery>;

	/// Which deposits have been taken: a bit each, 256 to an entry.
	#[pallet::storage]
	pub type Taken<T: Config> = StorageMap<_, Twox64Concat, u32, [u8; 32], ValueQuery>;

	/// Deposits that were taken and belong to nobody yet.
	#[pallet::storage]
	pub type Waiting<T: Config> = StorageMap<_, Twox64Concat, u32, WaitingDeposit>;

	/// The sums that have passed of each asset.
	#[pallet::storage]
	pub type Books<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Book, ValueQuery>;

	/// What was credited of each asset for deposits that governance has found forged. It was minted
	/// here, and nothing on Ethereum backs it.
	#[pallet::storage]
	pub type Undone<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Balance, ValueQuery>;

	/// The ETH with which the chain began. Nothing on Ethereum backs it.
	#[pallet::storage]
	pub type Unbacked<T: Config> = StorageValue<_, Balance>;

	/// The limits of each asset. Without limits nothing passes.
	#[pallet::storage]
	pub type Limited<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Limits, ValueQuery>;

	/// What is left of each limit; the whole limit if nothing is stored.
	#[pallet::storage]
	pub type Levels<T: Config> =
		StorageDoubleMap<_, Twox64Concat, BridgedAsset, Twox64Concat, Direction, Level>;

	/// How many messages there are.
	#[pallet::storage]
	pub type MessageCount<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// All messages ever sent, because any of them can be proven at any time.
	#[pallet::storage]
	pub type Messages<T: Config> = StorageMap<_, Twox64Concat, u32, Message>;

	/// The complete subtrees of the messages' tree, by height and place.
	#[pallet::storage]
	pub type Nodes<T: Config> = StorageMap<_, Twox64Concat, (u8, u32), H256>;

	/// The root of the messages' tree.
	#[pallet::storage]
	pub type OutboundRoot<T: Config> = StorageValue<_, H256>;

	/// What the leaves of all children of this block contain: the root of its messages and its
	/// time.
	#[pallet::storage]
	pub type Sealed<T: Config> = StorageValue<_, Seal, ValueQuery>;

	/// How accounts are paid out.
	#[pallet::storage]
	pub type Payouts<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Payout>;

	/// The round whose earnings are being collected.
	#[pallet::storage]
	pub type Open<T: Config> = StorageValue<_, Batch>;

	/// The leaves of the open round.
	#[pallet::storage]
	pub type OpenLeaves<T: Config> =
		StorageValue<_, BoundedVec<H256, ConstU32<MAX_EARNINGS>>, ValueQuery>;

	/// All earnings. Those of closed rounds can be claimed on Ethereum at any time.
	#[pallet::storage]
	pub type Earnings<T: Config> =
		StorageDoubleMap<_, Twox64Concat, RoundIndex, Twox64Concat, u32, Earning>;

	/// What part of the LPT on Ethereum inflation counts, as governance has set it. Without it none
	/// is counted.
	#[pallet::storage]
	pub type CountedSupply<T: Config> = StorageValue<_, SupplyRule>;

	/// The total supply of the LPT token on Ethereum, as last proven.
	#[pallet::storage]
	pub type EthereumSupply<T: Config> = StorageValue<_, ProvenSupply>;

	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Where the gateway is.
		pub gateway: Option<GatewayPlace>,
		/// The account that can stop the bridge.
		pub guardian: Option<AccountId>,
		/// The limits of each asset.
		pub limits: Vec<(BridgedAsset, Limits)>,
		/// What part of the LPT on Ethereum inflation counts, from the first proof on.
		pub supply: Option<SupplyRule>,
		#[serde(skip)]
		#[doc(hidden)]
		pub _config: PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Gateway::<T>::set(self.gateway);
			Guardian::<T>::set(self.guardian.clone());
			CountedSupply::<T>::set(self.supply);
			for (asset, limits) in &self.limits {
				assert!(limits.is_valid(), "limits bound what comes in");
				Limited::<T>::insert(asset, limits);
			}
			Unbacked::<T>::put(Pallet::<T>::issuance(BridgedAsset::Eth));
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Governance set where the gateway is.
		GatewaySet {
			/// The place.
			place: GatewayPlace,
			/// The hash that binds all leaves to it and to this chain.
			domain: H256,
		},
		/// Governance changed the guardian, which can stop the bridge.
		GuardianSet {
			/// The new guardian, if there is one.
			guardian: Option<AccountId>,
		},
		/// Governance changed the limits of an asset.
		LimitsSet {
			/// The asset.
			asset: BridgedAsset,
			/// The new limits.
			limits: Limits,
		},
		/// The bridge was stopped.
		BridgeStopped {
			/// Whether nothing comes in.
			inbound: bool,
			/// Whether nothing goes out.
			outbound: bool,
			/// Until which block of the protocol; the largest number stands for "until governance
			/// resumes".
			until: BlockNumber,
			/// The reason.
			reason: Reason,
		},
		/// Governance resumed the bridge.
		BridgeResumed,
		/// The gateway's figures were proven.
		GatewaySynced {
			/// The execution block.
			block: u64,
			/// The number of its deposits.
			deposits: u32,
		},
		/// A deposit was credited to its owner.
		DepositCredited {
			/// Its place in the gateway's tree.
			index: u32,
			/// The asset.
			asset: BridgedAsset,
			/// The owner.
			recipient: AccountId,
			/// The amount, in units of 10^-18.
			amount: Balance,
		},
		/// A deposit was taken, and waits.
		DepositWaits {
			/// Its place in the gateway's tree.
			index: u32,
			/// The first block of the protocol in which it can be released.
			ready_at: BlockNumber,
			/// Whether it waits because its recipient cannot be credited; otherwise it waits
			/// because it is large.
			trapped: bool,
		},
		/// A waiting deposit got another recipient.
		DepositRedirected {
			/// Its place in the gateway's tree.
			index: u32,
			/// The new recipient.
			recipient: AccountId,
		},
		/// A message was sent to Ethereum.
		MessageSent {
			/// Its place in the messages' tree.
			index: u32,
			/// Its leaf.
			leaf: H256,
			/// The sender; `None` for a round's earnings.
			sender: Option<AccountId>,
			/// The message.
			message: Message,
		},
		/// An account changed how it is paid out.
		PayoutSet {
			/// The account.
			account: AccountId,
			/// The new setting, if any.
			payout: Option<Payout>,
		},
		/// An account was paid out: the amount is among the earnings of a round.
		PaidOut {
			/// The account.
			account: AccountId,
			/// The round.
			round: RoundIndex,
			/// Its place among the round's earnings.
			index: u32,
			/// Asset, payee and amount.
			earning: Earning,
		},
		/// Governance undid what a forgery of Ethereum has left here. What was proven of the
		/// gateway is forgotten.
		ForgeryUndone {
			/// The number of forged deposits.
			deposits: u32,
		},
		/// Governance set what part of the LPT on Ethereum inflation counts.
		SupplyRuleSet {
			/// The new rule; `None` counts nothing.
			rule: Option<SupplyRule>,
		},
		/// The total supply of the LPT token on Ethereum was proven.
		SupplyProven {
			/// The execution block.
			block: u64,
			/// The total supply, in units of 10^-18 LPT.
			amount: Balance,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// Governance has not set where the gateway is.
		NoGateway,
		/// The gateway can no longer be changed, because money has passed: that takes an upgrade of
		/// the runtime.
		GatewayInUse,
		/// Only the guardian and governance can stop the bridge.
		NotGuardian,
		/// The bridge is stopped in this direction: try again when it resumes.
		BridgeStands,
		/// The execution block is not newer than the last one: prove a newer one.
		NotNewer,
		/// A proof does not lead to the figure that it should prove.
		WrongProof,
		/// The deposit was taken already.
		AlreadyTaken,
		/// The deposit's amount is zero.
		NothingDeposited,
		/// The path leads to no proven root of the gateway's tree: send `sync` first, or get a new
		/// path.
		WrongPath,
		/// The amount is above what the limit lets pass now: try again later, or with a smaller
		/// amount.
		LimitReached,
		/// No such deposit is waiting.
		NotWaiting,
		/// The deposit must wait longer: try again later.
		NotReady,
		/// The recipient cannot be credited, because it would be below the smallest balance or is
		/// frozen: name another with `redirect`.
		CannotCredit,
		/// Only the recipient and governance can redirect a deposit.
		NotRecipient,
		/// Nothing would be left after the fee: give a lower fee, or a larger amount.
		FeeTooHigh,
		/// Money sent to this address could never be paid: give another address.
		InvalidRecipient,
		/// The amount is not backed on Ethereum: what was minted here and not brought over cannot
		/// leave.
		NotBacked,
		/// The tree holds the maximum number of messages.
		TreeFull,
		/// The account has not set how it is paid out, with `set_payout`.
		NoPayout,
		/// The account has less than the minimum for its payout: wait until it has more.
		BelowMinimum,
		/// This round has the maximum of earnings: try again in the next round.
		RoundFull,
		/// If anything can come in, the large amount must be at or below the limit, and the delay
		/// must be at least one block.
		InvalidLimits,
		/// The remainder would be below the smallest balance and would be lost: send everything, or
		/// leave more.
		LeavesDust,
		/// Deposits can be undone only while the bridge is stopped in both directions.
		BridgeGoesOn,
		/// The deposit was not taken.
		NotTaken,
		/// The deposit that was taken has another asset or amount.
		OtherDeposit,
		/// Governance has not enabled counting the LPT on Ethereum.
		NoSupplyRule,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::close_round().saturating_add(T::WeightInfo::on_finalize())
		}

		/// Seals what the children's leaves contain. Only what is sealed here goes into a leaf, so
		/// that it is the same for all children of a block.
		fn on_finalize(_: BlockNumberFor<T>) {
			Self::seal();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Sets where the gateway is. What was proven of another gateway is forgotten.
		///
		/// Who: governance, before any money has passed.
		///
		/// - `place`: chain id, addresses of gateway and token, and the token's slot of balances.
		///
		/// Emits `GatewaySet`. Costs nothing.
		#[pallet::call_index(0)]
		#[pallet::weight((T::WeightInfo::set_gateway(), DispatchClass::Operational))]
		pub fn set_gateway(origin: OriginFor<T>, place: GatewayPlace) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_gateway(place)
		}

		/// Sets the account that can stop the bridge besides governance.
		///
		/// Who: governance.
		///
		/// - `guardian`: an account; `None` for nobody.
		///
		/// Emits `GuardianSet`. Costs nothing.
		#[pallet::call_index(1)]
		#[pallet::weight((T::WeightInfo::set_guardian(), DispatchClass::Operational))]
		pub fn set_guardian(origin: OriginFor<T>, guardian: Option<AccountId>) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_guardian(guardian);
			Ok(())
		}

		/// Sets the limits of an asset.
		///
		/// Who: governance.
		///
		/// - `asset`: LPT or ETH.
		/// - `limits`: how much can pass at once in each direction and how fast that refills, in
		///   units of 10^-18; from which amount on a deposit waits, and for how many blocks. Unless
		///   nothing can come in at all, that amount must be at or below the limit, and there must
		///   be a delay.
		///
		/// Emits `LimitsSet`. Costs nothing.
		#[pallet::call_index(2)]
		#[pallet::weight((T::WeightInfo::set_limits(), DispatchClass::Operational))]
		pub fn set_limits(
			origin: OriginFor<T>,
			asset: BridgedAsset,
			limits: Limits,
		) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_limits(asset, limits)
		}

		/// Stops the bridge. The guardian stops it for a week, governance until it resumes it.
		///
		/// Who: the guardian, or governance.
		///
		/// - `inbound`: whether nothing comes in.
		/// - `outbound`: whether nothing goes out.
		///
		/// Emits `BridgeStopped`. Costs the transaction's fee; governance pays nothing.
		#[pallet::call_index(3)]
		#[pallet::weight((T::WeightInfo::stop(), DispatchClass::Operational))]
		pub fn stop(origin: OriginFor<T>, inbound: bool, outbound: bool) -> DispatchResult {
			let who = ensure_signed_or_root(origin)?;
			Self::do_stop(who, inbound, outbound)
		}

		/// Lets everything pass again.
		///
		/// Who: governance.
		///
		/// Emits `BridgeResumed`. Costs nothing.
		#[pallet::call_index(4)]
		#[pallet::weight((T::WeightInfo::resume(), DispatchClass::Operational))]
		pub fn resume(origin: OriginFor<T>) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_resume();
			Ok(())
		}

		/// Proves the gateway's figures: the root of its deposits, and what it holds.
		///
		/// Who: anyone.
		///
		/// - `header`: proves an execution block by a final beacon block; it must be newer than the
		///   last one.
		/// - `gateway`: the figures at that block with their proofs, as `eth_getProof` gives them.
		///
		/// Emits `GatewaySynced`, and `BridgeStopped` if the figures contradict what has passed.
		/// Costs nothing if there are new deposits, otherwise the transaction's fee.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::sync().saturating_add(T::Ethereum::weight()))]
		pub fn sync(
			origin: OriginFor<T>,
			header: Box<HeaderProof>,
			gateway: Box<GatewayProof>,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let news = Self::do_sync(&header, &gateway)?;
			Ok(if news { Pays::No } else { Pays::Yes }.into())
		}

		/// Takes a deposit and credits it, once. A large deposit waits, and so does one whose
		/// recipient cannot be credited.
		///
		/// Who: anyone, whoever the recipient is.
		///
		/// - `deposit`: its place in the gateway's tree, the asset, the recipient, and the amount
		///   in units of 10^-18.
		/// - `path`: the siblings from its leaf up, in a tree with a proven root.
		///
		/// Emits `DepositCredited` or `DepositWaits`. Costs nothing if it succeeds, otherwise the
		/// transaction's fee.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::deposit())]
		pub fn deposit(
			origin: OriginFor<T>,
			deposit: Deposit,
			path: Box<[H256; DEPTH]>,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_deposit(deposit, &path[..])?;
			Ok(Pays::No.into())
		}

		/// Credits a deposit that has waited long enough.
		///
		/// Who: anyone.
		///
		/// - `index`: its place in the gateway's tree.
		///
		/// Emits `DepositCredited`. Costs the transaction's fee.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::release())]
		pub fn release(origin: OriginFor<T>, index: u32) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_release(index)
		}

		/// Gives a waiting deposit another recipient. It waits as long as before.
		///
		/// Who: its recipient, or governance.
		///
		/// - `index`: its place in the gateway's tree.
		/// - `recipient`: the new recipient.
		///
		/// Emits `DepositRedirected`. Costs the transaction's fee; governance pays nothing.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::redirect())]
		pub fn redirect(origin: OriginFor<T>, index: u32, recipient: AccountId) -> DispatchResult {
			let who = ensure_signed_or_root(origin)?;
			Self::do_redirect(who, index, recipient)
		}

		/// Sends money to Ethereum.
		///
		/// Who: the owner of the money.
		///
		/// - `asset`: LPT or ETH.
		/// - `recipient`: an address on Ethereum that can receive it.
		/// - `amount`: how much leaves the account, in units of 10^-18.
		/// - `fee`: the part of it, in units of 10^-18, that goes to whoever carries the message to
		///   Ethereum. The recipient gets it if it carries the message itself.
		///
		/// Emits `MessageSent`. Costs the transaction's fee, and the price of a message in LPT.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(
			origin: OriginFor<T>,
			asset: BridgedAsset,
			recipient: H160,
			amount: Balance,
			fee: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who, asset, recipient, amount, fee)
		}

		/// Sets how the account is paid out on Ethereum.
		///
		/// Who: the account.
		///
		/// - `payout`: the address there, and, for LPT and for ETH, how much the account keeps
		///   above the smallest balance and the least that is paid out, in units of 10^-18. `None`
		///   ends it.
		///
		/// Emits `PayoutSet`. Costs the transaction's fee, and the price of a message in LPT if the
		/// account had set nothing before.
		#[pallet::call_index(10)]
		// With the accounts between which the price moves, and whether there is an entry.
		#[pallet::weight(
			T::WeightInfo::set_payout().saturating_add(T::DbWeight::get().reads_writes(3, 2))
		)]
		pub fn set_payout(origin: OriginFor<T>, payout: Option<Payout>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_payout(who, payout)
		}

		/// Pays an account out: what it does not keep becomes an earning of the round, which can be
		/// claimed on Ethereum when the round has ended.
		///
		/// Who: anyone, for an account that has set how it is paid out.
		///
		/// - `account`: the account.
		/// - `asset`: LPT or ETH.
		///
		/// Emits `PaidOut`. Costs the transaction's fee, and the price of a message in LPT.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::pay_out())]
		pub fn pay_out(
			origin: OriginFor<T>,
			account: AccountId,
			asset: BridgedAsset,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_pay_out(&who, account, asset)
		}

		/// Undoes what a forgery of Ethereum has left here, after a new checkpoint and before the
		/// bridge resumes. What was proven of the gateway is forgotten, and the forged deposits are
		/// undone.
		///
		/// Who: governance, while the bridge is stopped in both directions.
		///
		/// - `forged`: the deposits that nobody made, with the values of `DepositCredited` and
		///   `DepositWaits`. Their places become free for the real ones. Waiting ones are deleted;
		///   what was credited for the others no longer backs anything.
		///
		/// Emits `ForgeryUndone`. Costs nothing.
		#[pallet::call_index(12)]
		#[pallet::weight((T::WeightInfo::undo_forgery(forged.len() as u32), DispatchClass::Operational))]
		pub fn undo_forgery(
			origin: OriginFor<T>,
			forged: BoundedVec<ForgedDeposit, ConstU32<MAX_UNDONE>>,
		) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_undo_forgery(&forged)
		}

		/// Sets what part of the LPT on Ethereum inflation counts.
		///
		/// Who: governance.
		///
		/// - `rule`: the token's storage slot of its total supply, and the most that is counted, in
		///   units of 10^-18; `None` counts nothing. With another slot, what was proven is
		///   forgotten.
		///
		/// Emits `SupplyRuleSet`. Costs nothing.
		#[pallet::call_index(13)]
		#[pallet::weight((T::WeightInfo::set_supply_rule(), DispatchClass::Operational))]
		pub fn set_supply_rule(origin: OriginFor<T>, rule: Option<SupplyRule>) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_supply_rule(rule);
			Ok(())
		}

		/// Proves the total supply of the LPT token on Ethereum, which inflation counts.
		///
		/// Who: anyone, if governance has enabled counting it.
		///
		/// - `header`: proves an execution block by a final beacon block; it must be newer than the
		///   last one.
		/// - `supply`: the total supply at that block with its proofs, as `eth_getProof` gives them.
		///
		/// Emits `SupplyProven`. Costs nothing once a day, otherwise the transaction's fee.
		#[pallet::call_index(14)]
		#[pallet::weight(T::WeightInfo::prove_supply().saturating_add(T::Ethereum::weight()))]
		pub fn prove_supply(
			origin: OriginFor<T>,
			header: Box<HeaderProof>,
			supply: Box<SupplyProof>,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let wanted = Self::do_prove_supply(&header, &supply)?;
			Ok(if wanted { Pays::No } else { Pays::Yes }.into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The state of the bridge: what has passed, what is backed, what can pass now.
		pub fn bridge() -> BridgeView {
			Self::view_bridge()
		}

		/// A message, and the siblings from its leaf up in the tree of the first `count` messages.
		pub fn message(index: u32, count: u32) -> Option<(Message, Vec<H256>)> {
			Self::message_with_path(index, count)
		}

		/// An earning of a closed round, and the siblings from its leaf up.
		pub fn earning(round: RoundIndex, index: u32) -> Option<(Earning, Vec<H256>)> {
			Self::earning_with_path(round, index)
		}

		/// Whether a deposit has been taken, whatever became of it.
		pub fn is_credited(deposit: u32) -> bool {
			Self::is_taken(deposit)
		}
	}
}
