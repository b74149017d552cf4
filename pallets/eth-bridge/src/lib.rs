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
		/// Ethereum as its light client has it.
		type Ethereum: EthereumChain;
		/// The protocol's clock.
		type Clock: ProtocolClock;
		/// The protocol's rounds.
		type Rounds: Rounds;
		/// The time that is sealed with each block.
		type Time: Time<Moment = u64>;
		/// Where the price of messages goes.
		type CommonPool: Get<AccountId>;
		/// What a message or an earning costs its sender, in LPT: it stays in the state for ever.
		#[pallet::constant]
		type MessagePrice: Get<Balance>;
		/// For how many blocks of the protocol the guardian can stop the bridge at a time.
		#[pallet::constant]
		type StopPeriod: Get<BlockNumber>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Where the gateway is. Nothing until governance has said so.
	#[pallet::storage]
	pub type Gateway<T: Config> = StorageValue<_, GatewayPlace>;

	/// Who can stop the bridge besides governance.
	#[pallet::storage]
	pub type Guardian<T: Config> = StorageValue<_, AccountId>;

	/// Until when the bridge stands still.
	#[pallet::storage]
	pub type Stopped<T: Config> = StorageValue<_, Stops, ValueQuery>;

	/// What was proven of the gateway last.
	#[pallet::storage]
	pub type Synced<T: Config> = StorageValue<_, SyncedGateway>;

	/// The newest proven roots of the gateway's tree, the newest last.
	#[pallet::storage]
	pub type Roots<T: Config> = StorageValue<_, BoundedVec<H256, ConstU32<MAX_ROOTS>>, ValueQuery>;

	/// Which deposits have been taken: a bit each, 256 to an entry.
	#[pallet::storage]
	pub type Taken<T: Config> = StorageMap<_, Twox64Concat, u32, [u8; 32], ValueQuery>;

	/// Deposits that were taken and that nobody owns yet.
	#[pallet::storage]
	pub type Waiting<T: Config> = StorageMap<_, Twox64Concat, u32, WaitingDeposit>;

	/// What has passed of each asset.
	#[pallet::storage]
	pub type Books<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Book, ValueQuery>;

	/// What was credited of each asset for deposits that governance has found forged: it was minted
	/// here, and nothing on Ethereum stands behind it.
	#[pallet::storage]
	pub type Undone<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Balance, ValueQuery>;

	/// The ETH that the chain began with, which nothing on Ethereum stands behind.
	#[pallet::storage]
	pub type Unbacked<T: Config> = StorageValue<_, Balance>;

	/// The limits of each asset. Without any, nothing passes.
	#[pallet::storage]
	pub type Limited<T: Config> = StorageMap<_, Twox64Concat, BridgedAsset, Limits, ValueQuery>;

	/// What is left of each limit; all of it where nothing is stored.
	#[pallet::storage]
	pub type Levels<T: Config> =
		StorageDoubleMap<_, Twox64Concat, BridgedAsset, Twox64Concat, Direction, Level>;

	/// How many messages there are.
	#[pallet::storage]
	pub type MessageCount<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// All messages ever sent: any of them can be proven at any time.
	#[pallet::storage]
	pub type Messages<T: Config> = StorageMap<_, Twox64Concat, u32, Message>;

	/// The complete subtrees of the messages' tree, by height and place.
	#[pallet::storage]
	pub type Nodes<T: Config> = StorageMap<_, Twox64Concat, (u8, u32), H256>;

	/// The root of the messages' tree.
	#[pallet::storage]
	pub type OutboundRoot<T: Config> = StorageValue<_, H256>;

	/// What the leaves of all children of this block say: its root and its time.
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

	/// All earnings: those of closed rounds can be claimed on Ethereum at any time.
	#[pallet::storage]
	pub type Earnings<T: Config> =
		StorageDoubleMap<_, Twox64Concat, RoundIndex, Twox64Concat, u32, Earning>;

	/// What governance has said of the LPT on Ethereum that inflation counts. None is counted before.
	#[pallet::storage]
	pub type CountedSupply<T: Config> = StorageValue<_, SupplyRule>;

	/// The total supply of the LPT token on Ethereum, as it was proven last.
	#[pallet::storage]
	pub type EthereumSupply<T: Config> = StorageValue<_, ProvenSupply>;

	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Where the gateway is.
		pub gateway: Option<GatewayPlace>,
		/// Who can stop the bridge.
		pub guardian: Option<AccountId>,
		/// The limits of each asset.
		pub limits: Vec<(BridgedAsset, Limits)>,
		/// What of the LPT on Ethereum inflation counts, from the first proof on.
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
		/// Governance has said where the gateway is.
		GatewaySet {
			/// Where.
			place: GatewayPlace,
			/// What binds all leaves to it and to this chain.
			domain: H256,
		},
		/// Another account can stop the bridge.
		GuardianSet {
			/// Which, if any.
			guardian: Option<AccountId>,
		},
		/// The limits of an asset have changed.
		LimitsSet {
			/// The asset.
			asset: BridgedAsset,
			/// What holds now.
			limits: Limits,
		},
		/// Nothing passes any more.
		BridgeStopped {
			/// Whether nothing comes in.
			inbound: bool,
			/// Whether nothing goes out.
			outbound: bool,
			/// Until which block of the protocol; the largest number for "until governance says so".
			until: BlockNumber,
			/// Why.
			reason: Reason,
		},
		/// Governance lets everything pass again.
		BridgeResumed,
		/// The gateway's figures are proven.
		GatewaySynced {
			/// At which execution block.
			block: u64,
			/// How many deposits it had.
			deposits: u32,
		},
		/// A deposit has its owner.
		DepositCredited {
			/// Its place in the gateway's tree.
			index: u32,
			/// What it was.
			asset: BridgedAsset,
			/// Who owns it.
			recipient: AccountId,
			/// How much, in smallest units.
			amount: Balance,
		},
		/// A deposit was taken but waits.
		DepositWaits {
			/// Its place in the gateway's tree.
			index: u32,
			/// From which block of the protocol on it can be released.
			ready_at: BlockNumber,
			/// Whether it waits because its recipient cannot be credited, not because it is large.
			trapped: bool,
		},
		/// A deposit that waits has another recipient.
		DepositRedirected {
			/// Its place in the gateway's tree.
			index: u32,
			/// Who is to own it.
			recipient: AccountId,
		},
		/// A message is on its way to Ethereum.
		MessageSent {
			/// Its place in the messages' tree.
			index: u32,
			/// Its leaf.
			leaf: H256,
			/// Who sent it; nobody for a round's earnings.
			sender: Option<AccountId>,
			/// What it says.
			message: Message,
		},
		/// How an account is paid out has changed.
		PayoutSet {
			/// The account.
			account: AccountId,
			/// What holds now, if anything.
			payout: Option<Payout>,
		},
		/// An account's money is among the earnings of a round.
		PaidOut {
			/// The account.
			account: AccountId,
			/// The round.
			round: RoundIndex,
			/// Its place among the round's earnings.
			index: u32,
			/// What, to whom, how much.
			earning: Earning,
		},
		/// Governance has undone what a forged Ethereum has left here. What was proven of the gateway
		/// is forgotten.
		ForgeryUndone {
			/// How many deposits were forged.
			deposits: u32,
		},
		/// Governance has said what of the LPT on Ethereum inflation counts.
		SupplyRuleSet {
			/// What holds now, if any is counted.
			rule: Option<SupplyRule>,
		},
		/// The total supply of the LPT token on Ethereum is proven.
		SupplyProven {
			/// At which execution block.
			block: u64,
			/// How much there is.
			amount: Balance,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// Governance has not said where the gateway is.
		NoGateway,
		/// The gateway cannot change any more, for something has passed: it takes an upgrade of the
		/// runtime.
		GatewayInUse,
		/// Only the guardian and governance stop the bridge.
		NotGuardian,
		/// The bridge stands still in this direction: try again when it goes on.
		BridgeStands,
		/// The execution block is not newer than the last one: prove a newer one.
		NotNewer,
		/// A proof does not lead to the figure that it is for.
		WrongProof,
		/// The deposit was taken already.
		AlreadyTaken,
		/// Nothing was deposited.
		NothingDeposited,
		/// The path leads to no proven root of the gateway's tree: synchronise, or ask for a new path.
		WrongPath,
		/// More than the limit lets pass now: try later, or with less.
		LimitReached,
		/// No such deposit waits.
		NotWaiting,
		/// The deposit waits longer: try again later.
		NotReady,
		/// The recipient cannot be credited, being below the smallest balance or frozen: name
		/// another with `redirect`.
		CannotCredit,
		/// Only the recipient and governance redirect a deposit.
		NotRecipient,
		/// Nothing is left after the fee: give a lower fee, or a larger amount.
		FeeTooHigh,
		/// Money sent there could never be paid: give another address.
		InvalidRecipient,
		/// Less stands behind it on Ethereum: what was minted here and not brought over cannot leave.
		NotBacked,
		/// There are as many messages as there can ever be.
		TreeFull,
		/// The account has not said how it is paid out: it does so with `set_payout`.
		NoPayout,
		/// The account has less than it is paid out from: wait until it has more.
		BelowMinimum,
		/// This round has as many earnings as it can have: try in the next one.
		RoundFull,
		/// Where something comes in, what does not wait fits into the limit, and what waits does so for
		/// some blocks.
		InvalidLimits,
		/// What would be left is below the smallest balance and would be lost: send all, or leave more.
		LeavesDust,
		/// Deposits are undone only while the bridge stands in both directions.
		BridgeGoesOn,
		/// The deposit was not taken.
		NotTaken,
		/// The deposit that was taken is another one: not this asset or amount.
		OtherDeposit,
		/// Governance has not said that LPT on Ethereum is counted.
		NoSupplyRule,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::close_round().saturating_add(T::WeightInfo::on_finalize())
		}

		/// Seals what the children's leaves say. Only what is sealed here goes into a leaf, so it is
		/// the same for all children of a block.
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
		/// Says where the gateway is. What was proven of another gateway is forgotten.
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

		/// Says who can stop the bridge besides governance.
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
		/// - `limits`: how much may pass at once in each direction and how fast that is restored,
		///   in units of 10^-18; from which amount on a deposit waits, and for how many blocks.
		///   Unless nothing comes in at all, that amount is not above the limit and there is a
		///   delay.
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

		/// Stops the bridge: by the guardian for a week, by governance until it resumes.
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
		/// - `header`: proves an execution block by a final beacon block; newer than the last one.
		/// - `gateway`: the figures at that block with their proofs, as `eth_getProof` gives them.
		///
		/// Emits `GatewaySynced`, and `BridgeStopped` when the figures contradict what has passed.
		/// Costs nothing when there are deposits that were not known, else the transaction's fee.
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

		/// Takes a deposit and credits it, once. A large one waits, and so does one whose recipient
		/// cannot be credited.
		///
		/// Who: anyone, for whomever it is.
		///
		/// - `deposit`: its place in the gateway's tree, the asset, the recipient, and the amount
		///   in units of 10^-18.
		/// - `path`: the siblings from its leaf up, in a tree with a proven root.
		///
		/// Emits `DepositCredited` or `DepositWaits`. Costs nothing when it succeeds, else the
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

		/// Gives a deposit that waits another recipient. It waits as long as before.
		///
		/// Who: its recipient, or governance.
		///
		/// - `index`: its place in the gateway's tree.
		/// - `recipient`: who is to own it.
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
		/// Who: whoever owns it.
		///
		/// - `asset`: LPT or ETH.
		/// - `recipient`: an address on Ethereum that can receive it.
		/// - `amount`: how much leaves the account, in units of 10^-18.
		/// - `fee`: what of it goes to whoever carries the message there, in units of 10^-18; the
		///   recipient gets it when it carries the message itself.
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

		/// Says how the account is paid out on Ethereum.
		///
		/// Who: the account.
		///
		/// - `payout`: the address there, and for LPT and for ETH what stays above the smallest
		///   balance and from what amount on it is paid out, in units of 10^-18. `None` ends it.
		///
		/// Emits `PayoutSet`. Costs the transaction's fee.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::set_payout())]
		pub fn set_payout(origin: OriginFor<T>, payout: Option<Payout>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_payout(who, payout)
		}

		/// Pays an account out: what it does not keep is among the round's earnings, which are
		/// claimed on Ethereum when the round has ended.
		///
		/// Who: anyone, for an account that has said how it is paid out.
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

		/// Undoes what a forged Ethereum has left here, after a new checkpoint and before the
		/// bridge resumes: what was proven of the gateway is forgotten, and so are forged deposits.
		///
		/// Who: governance, while the bridge stands in both directions.
		///
		/// - `forged`: the deposits that nobody made, as `DepositCredited` and `DepositWaits` have
		///   them. Their places are free for the real ones. What waited is gone; what was credited
		///   backs nothing any more.
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

		/// Says what of the LPT on Ethereum inflation counts.
		///
		/// Who: governance.
		///
		/// - `rule`: the token's storage slot of its total supply, and the most that is counted in
		///   units of 10^-18; `None` counts nothing. Another slot forgets what was proven.
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
		/// Who: anyone, when governance has said that it is counted.
		///
		/// - `header`: proves an execution block by a final beacon block; newer than the last one.
		/// - `supply`: the total supply at that block with its proofs, as `eth_getProof` gives them.
		///
		/// Emits `SupplyProven`. Costs nothing once a day, else the transaction's fee.
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
		/// How the bridge is: what has passed, what stands behind it, what may pass now.
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
