//! The price of transactions, and how off-chain code creates them.

use super::{money::CommonPool, parameters::Money};
use crate::{
	constants::{
		block,
		fee::{FEE_ASSET_REFUSED, PER_BYTE, PER_PICOSECOND},
	},
	Assets, Authorship, Balance, Balances, LptStaking, Runtime, RuntimeCall, RuntimeEvent, System,
	TransactionPayment, TxExtension, UncheckedExtrinsic,
};
use frame_support::{
	dispatch::DispatchClass,
	ensure, parameter_types,
	traits::{
		fungible::{Balanced, Credit, Inspect},
		fungibles,
		tokens::{imbalance::ResolveTo, Fortitude, Precision, Preservation},
		ConstU8, Contains, Get, OnUnbalanced,
	},
	weights::{ConstantMultiplier, Weight},
};
use frame_system::offchain::{
	CreateAuthorizedTransaction, CreateBare, CreateTransaction, CreateTransactionBase,
};
use livepeer_primitives::{traits::ChargeFee, AccountId, AssetId, ETH, ETH_MINIMUM};
use pallet_asset_tx_payment::OnChargeAssetTransaction;
use pallet_lpt_staking::Frees;
use pallet_transaction_payment::{
	FungibleAdapter, Multiplier, MultiplierUpdate, OnChargeTransaction, TxCreditHold,
};
use sp_runtime::{
	generic::Era,
	traits::{Convert, DispatchInfoOf, One, PostDispatchInfoOf},
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	DispatchError, DispatchResult, FixedPointNumber, Perquintill, Saturating,
};

parameter_types! {
	/// Smallest units of LPT for a picosecond of execution.
	pub const FeePerPicosecond: Balance = PER_PICOSECOND;
	/// Smallest units of LPT for a byte.
	pub const FeePerByte: Balance = PER_BYTE;
	/// The fullness of blocks at which the price of execution stays unchanged.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast that price changes: it doubles after about a day of full blocks at 6 s.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
	/// The price never falls below the listed one.
	pub MinimumMultiplier: Multiplier = Multiplier::one();
	/// The price never rises above a thousand times the listed one.
	pub MaximumMultiplier: Multiplier = Multiplier::saturating_from_integer(1_000);
}

/// Adjusts the price of execution to the fullness of blocks. After a block of fullness `s` it is
/// multiplied by the first terms of `exp(v × (s - target))`, within its bounds.
pub struct PriceByFullness;

impl PriceByFullness {
	/// The fullness of this block, the larger of two values: its normal transactions as a share of
	/// the part that they can fill; and how much of its last third is used by anything. What hooks
	/// and duties take is not available to transactions. If it were not counted, the price would
	/// fall just when nobody gets in.
	fn fullness() -> Multiplier {
		let limits = block::Weights::get();
		let used = System::block_weight();
		let normal = limits.get(DispatchClass::Normal).max_total.unwrap_or(limits.max_block);
		let part = |used: u64, most: u64| Multiplier::saturating_from_rational(used, most.max(1));
		let share = |used: Weight, most: Weight| {
			part(used.ref_time(), most.ref_time()).max(part(used.proof_size(), most.proof_size()))
		};
		// Only the last third of a block counts. The first two thirds are for hooks and duties,
		// whose weight most claims' calls already include.
		let thirds = share(used.total(), limits.max_block).saturating_mul(Multiplier::from_u32(3));
		let crowded = thirds.saturating_sub(Multiplier::from_u32(2));
		share(*used.get(DispatchClass::Normal), normal).max(crowded).min(Multiplier::one())
	}
}

impl MultiplierUpdate for PriceByFullness {
	fn min() -> Multiplier {
		MinimumMultiplier::get()
	}

	fn max() -> Multiplier {
		MaximumMultiplier::get()
	}

	fn target() -> Perquintill {
		TargetBlockFullness::get()
	}

	fn variability() -> Multiplier {
		AdjustmentVariable::get()
	}
}

impl Convert<Multiplier, Multiplier> for PriceByFullness {
	fn convert(previous: Multiplier) -> Multiplier {
		let (fullness, target) = (Self::fullness(), Multiplier::from(Self::target()));
		let off = fullness.max(target).saturating_sub(fullness.min(target));
		let first = Self::variability().saturating_mul(off);
		let second = first.saturating_mul(first) / Multiplier::from_u32(2);
		let previous = previous.max(Self::min());
		let next = if fullness >= target {
			previous.saturating_add(previous.saturating_mul(first.saturating_add(second)))
		} else {
			previous.saturating_sub(previous.saturating_mul(first.saturating_sub(second)))
		};
		next.clamp(Self::min(), Self::max())
	}
}

/// Fees go to the common pool. If the author got them, they would cost the author nothing, and it
/// could fill its blocks for free. Tips go to the author.
pub struct FeesToPoolTipsToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToPoolTipsToAuthor {
	fn on_unbalanceds(mut parts: impl Iterator<Item = Credit<AccountId, Balances>>) {
		if let Some(fee) = parts.next() {
			ResolveTo::<CommonPool, Balances>::on_unbalanced(fee);
		}
		if let Some(tip) = parts.next() {
			match Authorship::author() {
				// An author that has no account yet may get less than the existential deposit.
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

/// Takes fees in LPT from the signer. If the signer has too little, leaving pays for itself: the
/// fee of `unbond` and of `withdraw_stake` comes out of what they free, so that nobody's stake is
/// locked in for want of a fee. Tips are not paid this way.
pub struct FreeLptOrWhatLeaves;

type FreeLpt = FungibleAdapter<Balances, FeesToPoolTipsToAuthor>;

impl FreeLptOrWhatLeaves {
	/// What a call frees. Nothing if the brakes close it, because the fee is paid before they
	/// refuse the call.
	fn frees(call: &RuntimeCall) -> Option<Frees> {
		let frees = match call {
			RuntimeCall::LptStaking(pallet_lpt_staking::Call::unbond { amount }) => {
				Frees::Unbonded(*amount)
			}
			RuntimeCall::LptStaking(pallet_lpt_staking::Call::withdraw_stake { lock }) => {
				Frees::Lock(*lock)
			}
			_ => return None,
		};
		<Runtime as frame_system::Config>::BaseCallFilter::contains(call).then_some(frees)
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
	type FeeMultiplierUpdate = PriceByFullness;
	type LengthToFee = ConstantMultiplier<Balance, FeePerByte>;
	type OnChargeTransaction = FreeLptOrWhatLeaves;
	type OperationalFeeMultiplier = ConstU8<5>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
	type WeightToFee = ConstantMultiplier<Balance, FeePerPicosecond>;
}

/// Takes fees in ETH at governance's rate, so that a broadcaster needs no LPT. Like fees in LPT
/// they go to the common pool, and tips to the author.
pub struct FeesInEth;

type EthCredit = fungibles::Credit<AccountId, Assets>;

impl FeesInEth {
	/// The price of `fee` LPT in ETH, rounded up. The pool's account needs ETH's minimum balance to
	/// come into existence; until then that is the least fee.
	fn price(fee: Balance) -> Balance {
		if fee == 0 {
			return 0;
		}
		let least = if Self::balance(&CommonPool::get()) == 0 { ETH_MINIMUM } else { 0 };
		Money::get().in_eth(fee).saturating_add(1).max(least)
	}

	fn balance(who: &AccountId) -> Balance {
		<Assets as fungibles::Inspect<AccountId>>::balance(ETH, who)
	}

	fn ensure_eth(asset: AssetId) -> Result<(), TransactionValidityError> {
		ensure!(asset == ETH, InvalidTransaction::Custom(FEE_ASSET_REFUSED));
		Ok(())
	}

	/// Takes ETH from `who`, whose account is kept alive.
	fn take(who: &AccountId, amount: Balance) -> Result<EthCredit, DispatchError> {
		let (exact, protect, polite) = (Precision::Exact, Preservation::Protect, Fortitude::Polite);
		<Assets as fungibles::Balanced<AccountId>>::withdraw(
			ETH, who, amount, exact, protect, polite,
		)
	}

	/// Gives what was taken to the first of these accounts that can receive it.
	fn give(mut credit: EthCredit, to: &[AccountId]) {
		for who in to {
			if credit.peek() == 0 {
				return;
			}
			match <Assets as fungibles::Balanced<AccountId>>::resolve(who, credit) {
				Ok(()) => return,
				Err(rest) => credit = rest,
			}
		}
	}

	/// Charges an account in ETH for a call that it did not sign.
	fn charge(who: &AccountId, fee: Balance) -> DispatchResult {
		let credit = Self::take(who, Self::price(fee))?;
		Self::give(credit, &[CommonPool::get(), who.clone()]);
		Ok(())
	}

	/// Whether `charge` would succeed.
	fn can_charge(who: &AccountId, fee: Balance) -> bool {
		let free = <Assets as fungibles::Inspect<AccountId>>::reducible_balance(
			ETH,
			who,
			Preservation::Protect,
			Fortitude::Polite,
		);
		free >= Self::price(fee)
	}
}

impl OnChargeAssetTransaction<Runtime> for FeesInEth {
	type Balance = Balance;
	type AssetId = AssetId;
	type LiquidityInfo = EthCredit;

	fn withdraw_fee(
		who: &AccountId,
		_: &RuntimeCall,
		_: &DispatchInfoOf<RuntimeCall>,
		asset: AssetId,
		fee: Balance,
		_: Balance,
	) -> Result<EthCredit, TransactionValidityError> {
		Self::ensure_eth(asset)?;
		Self::take(who, Self::price(fee)).map_err(|_| InvalidTransaction::Payment.into())
	}

	fn can_withdraw_fee(
		who: &AccountId,
		_: &RuntimeCall,
		_: &DispatchInfoOf<RuntimeCall>,
		asset: AssetId,
		fee: Balance,
		_: Balance,
	) -> Result<(), TransactionValidityError> {
		Self::ensure_eth(asset)?;
		ensure!(Self::can_charge(who, fee), InvalidTransaction::Payment);
		Ok(())
	}

	fn correct_and_deposit_fee(
		who: &AccountId,
		_: &DispatchInfoOf<RuntimeCall>,
		_: &PostDispatchInfoOf<RuntimeCall>,
		corrected_fee: Balance,
		tip: Balance,
		paid: EthCredit,
	) -> Result<(Balance, Balance), TransactionValidityError> {
		let pool = CommonPool::get();
		let (due, refund) = paid.split(Self::price(corrected_fee));
		Self::give(refund, &[who.clone(), pool.clone()]);
		let (tip, fee) = due.split(Money::get().in_eth(tip));
		let amounts = (fee.peek().saturating_add(tip.peek()), tip.peek());
		// The fee comes first, so that the pool then has its account.
		Self::give(fee, &[pool.clone(), who.clone()]);
		let author = Authorship::author().unwrap_or_else(|| pool.clone());
		Self::give(tip, &[author, pool, who.clone()]);
		Ok(amounts)
	}
}

impl pallet_asset_tx_payment::Config for Runtime {
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = EthAsFee;
	type Fungibles = Assets;
	type OnChargeAssetTransaction = FeesInEth;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_asset_tx_payment::weights::SubstrateWeight<Runtime>;
}

/// Fees are benchmarked in ETH, which exists at genesis.
#[cfg(feature = "runtime-benchmarks")]
pub struct EthAsFee;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_asset_tx_payment::BenchmarkHelperTrait<AccountId, AssetId, AssetId> for EthAsFee {
	fn create_asset_id_parameter(_: u32) -> (AssetId, AssetId) {
		(ETH, ETH)
	}

	fn setup_balances_and_pool(_: AssetId, who: AccountId) {
		let funds = 100 * livepeer_primitives::UNIT;
		let minted = <Assets as fungibles::Mutate<AccountId>>::mint_into(ETH, &who, funds);
		frame_support::assert_ok!(minted);
	}
}

/// Charges the account that an authorized call is for, at the price of transactions: in LPT, or in
/// ETH if it has too little LPT.
pub struct ChargeLpt;

impl ChargeLpt {
	/// What a call of this weight and length costs now.
	fn price(weight: Weight, len: u32) -> Balance {
		let moving = TransactionPayment::weight_to_fee(weight);
		TransactionPayment::next_fee_multiplier()
			.saturating_mul_int(moving)
			.saturating_add(TransactionPayment::length_to_fee(len))
	}

	fn has_lpt(who: &AccountId, fee: Balance) -> bool {
		let free = Balances::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
		free >= fee
	}
}

impl ChargeFee for ChargeLpt {
	fn can_pay(who: &AccountId, weight: Weight, len: u32) -> bool {
		let fee = Self::price(weight, len);
		Self::has_lpt(who, fee) || FeesInEth::can_charge(who, fee)
	}

	fn charge(who: &AccountId, weight: Weight, len: u32) -> DispatchResult {
		let (preserve, polite) = (Preservation::Preserve, Fortitude::Polite);
		let fee = Self::price(weight, len);
		if !Self::has_lpt(who, fee) {
			return FeesInEth::charge(who, fee);
		}
		let fee = Balances::withdraw(who, fee, Precision::Exact, preserve, polite)?;
		ResolveTo::<CommonPool, Balances>::on_unbalanced(fee);
		Ok(())
	}

	fn price_in_eth(weight: Weight, len: u32) -> Balance {
		Money::get().in_eth(Self::price(weight, len))
	}
}

impl<C> CreateTransactionBase<C> for Runtime
where
	RuntimeCall: From<C>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

/// BABE's and GRANDPA's equivocation reports are still sent without extensions.
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

/// Authorized calls contain everything that they need: no nonce, no mortality, no tip. No account
/// has the nonce, and nobody reads it: the block's number stands there, so that a duty that is sent
/// again is another transaction. No node passes the same bytes on to the same neighbour twice, and
/// what a pool had and lost, as it loses all duties while the clock stands, it refuses for half an
/// hour.
impl<C> CreateAuthorizedTransaction<C> for Runtime
where
	RuntimeCall: From<C>,
{
	fn create_extension() -> TxExtension {
		crate::tx_extension(Era::Immortal, System::block_number(), 0)
	}
}
