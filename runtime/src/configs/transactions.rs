//! What a transaction costs, and how off-chain code makes one.

use super::money::CommonPool;
use crate::{
	constants::fee::{FEE_ASSET_REFUSED, PER_BYTE, PER_PICOSECOND},
	Assets, Authorship, Balance, Balances, LptStaking, Runtime, RuntimeCall, RuntimeEvent,
	TxExtension, UncheckedExtrinsic,
};
use frame_support::{
	parameter_types,
	traits::{
		fungible::{Balanced, Credit, Inspect},
		fungibles,
		tokens::{imbalance::ResolveTo, Fortitude, Preservation},
		ConstU8, OnUnbalanced,
	},
	weights::ConstantMultiplier,
};
use frame_system::offchain::{
	CreateAuthorizedTransaction, CreateBare, CreateTransaction, CreateTransactionBase,
};
use livepeer_primitives::{AccountId, AssetId};
use pallet_asset_tx_payment::OnChargeAssetTransaction;
use pallet_lpt_staking::Frees;
use pallet_transaction_payment::{
	FungibleAdapter, Multiplier, OnChargeTransaction, TargetedFeeAdjustment, TxCreditHold,
};
use sp_runtime::{
	generic::Era,
	traits::{DispatchInfoOf, One, PostDispatchInfoOf},
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	FixedPointNumber, Perquintill,
};

parameter_types! {
	/// Smallest units of LPT for a picosecond of execution.
	pub const FeePerPicosecond: Balance = PER_PICOSECOND;
	/// Smallest units of LPT for a byte.
	pub const FeePerByte: Balance = PER_BYTE;
	/// The fullness of blocks at which the price of execution stays as it is.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast that price moves: doubles after about a day of full blocks at 6 s.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
	/// The price never falls below the listed one.
	pub MinimumMultiplier: Multiplier = Multiplier::one();
	/// The price never rises above a thousand times the listed one.
	pub MaximumMultiplier: Multiplier = Multiplier::saturating_from_integer(1_000);
}

/// Fees go to the common pool: paid to the author they would cost an author nothing, and its
/// blocks could be filled for free. Tips go to the author.
pub struct FeesToPoolTipsToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToPoolTipsToAuthor {
	fn on_unbalanceds(mut parts: impl Iterator<Item = Credit<AccountId, Balances>>) {
		if let Some(fee) = parts.next() {
			ResolveTo::<CommonPool, Balances>::on_unbalanced(fee);
		}
		if let Some(tip) = parts.next() {
			match Authorship::author() {
				// An author that has no account yet may be too poor for the existential deposit.
				Some(author) => {
					if let Err(rest) = Balances::resolve(&author, tip) {
						ResolveTo::<CommonPool, Balances>::on_unbalanced(rest);
					}
				}
				None => ResolveTo::<CommonPool, Balances>::on_unbalanced(tip),
			}
		}
	}
}

/// Takes fees in LPT from who signs. Where that has too little of it, leaving pays for itself: the fee
/// of `unbond` and of `withdraw_stake` comes out of what they free, so that nobody's stake is shut in
/// for want of a fee. Tips do not.
pub struct FreeLptOrWhatLeaves;

type FreeLpt = FungibleAdapter<Balances, FeesToPoolTipsToAuthor>;

impl FreeLptOrWhatLeaves {
	/// What a call frees.
	fn frees(call: &RuntimeCall) -> Option<Frees> {
		match call {
			RuntimeCall::LptStaking(pallet_lpt_staking::Call::unbond { amount }) => {
				Some(Frees::Unbonded(*amount))
			}
			RuntimeCall::LptStaking(pallet_lpt_staking::Call::withdraw_stake { lock }) => {
				Some(Frees::Lock(*lock))
			}
			_ => None,
		}
	}

	/// What `who` lacks to pay `fee` and keep its account.
	fn missing(who: &AccountId, fee: Balance) -> Balance {
		let usable = Balances::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
		let keep = Balances::minimum_balance().saturating_sub(Balances::total_balance(who));
		fee.saturating_sub(usable).saturating_add(keep)
	}
}

impl TxCreditHold<Runtime> for FreeLptOrWhatLeaves {
	type Credit = <FreeLpt as TxCreditHold<Runtime>>::Credit;
}

impl OnChargeTransaction<Runtime> for FreeLptOrWhatLeaves {
	type Balance = Balance;
	/// The tip, and whether something was advanced.
	type LiquidityInfo = (<FreeLpt as OnChargeTransaction<Runtime>>::LiquidityInfo, bool);

	fn withdraw_fee(
		who: &AccountId,
		call: &RuntimeCall,
		info: &DispatchInfoOf<RuntimeCall>,
		fee: Balance,
		tip: Balance,
	) -> Result<Self::LiquidityInfo, TransactionValidityError> {
		let mut advanced = false;
		if <FreeLpt as OnChargeTransaction<Runtime>>::can_withdraw_fee(who, call, info, fee, tip)
			.is_err()
		{
			let frees =
				Self::frees(call).filter(|_| tip == 0).ok_or(InvalidTransaction::Payment)?;
			LptStaking::advance(who, frees, Self::missing(who, fee))
				.map_err(|_| InvalidTransaction::Payment)?;
			advanced = true;
		}
		Ok((
			<FreeLpt as OnChargeTransaction<Runtime>>::withdraw_fee(who, call, info, fee, tip)?,
			advanced,
		))
	}

	fn can_withdraw_fee(
		who: &AccountId,
		call: &RuntimeCall,
		info: &DispatchInfoOf<RuntimeCall>,
		fee: Balance,
		tip: Balance,
	) -> Result<(), TransactionValidityError> {
		<FreeLpt as OnChargeTransaction<Runtime>>::can_withdraw_fee(who, call, info, fee, tip)
			.or_else(|refused| {
				let frees = Self::frees(call).filter(|_| tip == 0).ok_or(refused)?;
				let missing = Self::missing(who, fee);
				LptStaking::can_advance(who, frees, missing).then_some(()).ok_or(refused)
			})
	}

	fn correct_and_deposit_fee(
		who: &AccountId,
		info: &DispatchInfoOf<RuntimeCall>,
		post_info: &PostDispatchInfoOf<RuntimeCall>,
		fee: Balance,
		tip: Balance,
		(paid, advanced): Self::LiquidityInfo,
	) -> Result<(), TransactionValidityError> {
		if advanced {
			LptStaking::settle_advance();
		}
		<FreeLpt as OnChargeTransaction<Runtime>>::correct_and_deposit_fee(
			who, info, post_info, fee, tip, paid,
		)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn endow_account(who: &AccountId, amount: Balance) {
		<FreeLpt as OnChargeTransaction<Runtime>>::endow_account(who, amount);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn minimum_balance() -> Balance {
		<FreeLpt as OnChargeTransaction<Runtime>>::minimum_balance()
	}
}

impl pallet_transaction_payment::Config for Runtime {
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Self,
		TargetBlockFullness,
		AdjustmentVariable,
		MinimumMultiplier,
		MaximumMultiplier,
	>;
	type LengthToFee = ConstantMultiplier<Balance, FeePerByte>;
	type OnChargeTransaction = FreeLptOrWhatLeaves;
	type OperationalFeeMultiplier = ConstU8<5>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
	type WeightToFee = ConstantMultiplier<Balance, FeePerPicosecond>;
}

/// Refuses every fee that is not to be paid in LPT. The place for it in transactions is there from
/// the start, so that wallets and signers need not change when ETH is taken.
pub struct LptOnly;

type EthCredit = fungibles::Credit<AccountId, Assets>;

impl OnChargeAssetTransaction<Runtime> for LptOnly {
	type Balance = Balance;
	type AssetId = AssetId;
	type LiquidityInfo = EthCredit;

	fn withdraw_fee(
		_: &AccountId,
		_: &RuntimeCall,
		_: &DispatchInfoOf<RuntimeCall>,
		_: AssetId,
		_: Balance,
		_: Balance,
	) -> Result<EthCredit, TransactionValidityError> {
		Err(InvalidTransaction::Custom(FEE_ASSET_REFUSED).into())
	}

	fn can_withdraw_fee(
		_: &AccountId,
		_: &RuntimeCall,
		_: &DispatchInfoOf<RuntimeCall>,
		_: AssetId,
		_: Balance,
		_: Balance,
	) -> Result<(), TransactionValidityError> {
		Err(InvalidTransaction::Custom(FEE_ASSET_REFUSED).into())
	}

	/// Never asked: nothing was withdrawn.
	fn correct_and_deposit_fee(
		_: &AccountId,
		_: &DispatchInfoOf<RuntimeCall>,
		_: &PostDispatchInfoOf<RuntimeCall>,
		_: Balance,
		_: Balance,
		_: EthCredit,
	) -> Result<(Balance, Balance), TransactionValidityError> {
		Err(InvalidTransaction::Custom(FEE_ASSET_REFUSED).into())
	}
}

impl pallet_asset_tx_payment::Config for Runtime {
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = NoFeeAsset;
	type Fungibles = Assets;
	type OnChargeAssetTransaction = LptOnly;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_asset_tx_payment::weights::SubstrateWeight<Runtime>;
}

/// There is no asset to benchmark yet.
#[cfg(feature = "runtime-benchmarks")]
pub struct NoFeeAsset;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_asset_tx_payment::BenchmarkHelperTrait<AccountId, AssetId, AssetId> for NoFeeAsset {
	fn create_asset_id_parameter(id: u32) -> (AssetId, AssetId) {
		(id, id)
	}

	fn setup_balances_and_pool(_: AssetId, _: AccountId) {}
}

impl<C> CreateTransactionBase<C> for Runtime
where
	RuntimeCall: From<C>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

/// Babe's and Grandpa's equivocation reports still travel without extensions.
impl<C> CreateBare<C> for Runtime
where
	RuntimeCall: From<C>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}

impl<C> CreateTransaction<C> for Runtime
where
	RuntimeCall: From<C>,
{
	type Extension = TxExtension;

	fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_transaction(call, extension)
	}
}

/// Authorized calls carry what they need in themselves: no nonce, no mortality, no tip.
impl<C> CreateAuthorizedTransaction<C> for Runtime
where
	RuntimeCall: From<C>,
{
	fn create_extension() -> TxExtension {
		crate::tx_extension(Era::Immortal, 0, 0)
	}
}
