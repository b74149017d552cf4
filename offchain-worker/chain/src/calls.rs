//! The role's calls, encoded by the live chain's call indices and signed by the role's key.

use std::time::Duration;

use livepeer_primitives::{AssetId, Balance, BlockNumber, Hash, ETH};
use livepeer_worker_core::{
	key::Key,
	ports::{
		advice::is_unpaid,
		chain::{Call, ChainError, Head, Refused, Spending, Wait},
		contradiction::{ClaimedLeaf, Contradiction, SignedReceipt},
		stake_call::StakeCall,
	},
};
use subxt::{
	client::{OnlineClientAtBlock, OnlineClientAtBlockImpl},
	config::{DefaultExtrinsicParams, DefaultExtrinsicParamsBuilder},
	error::{DispatchError, ExtrinsicError, TransactionEventsError},
	events::Phase,
	ext::scale_encode::EncodeAsFields,
	tx::{Signer, StaticPayload, SubmittableTransaction, TransactionStatus},
	utils::{AccountId32, MultiSignature, Static},
	SubstrateConfig,
};
use tokio::{
	sync::watch,
	time::{timeout, timeout_at, Instant},
};

use crate::{
	metadata,
	runtime::{self, LeafEvidence, Scope, Terms},
	SubxtChain,
};

/// Blocks in which a signed call may be included.
const MORTALITY: u64 = 64;

/// How long a call may take until it is in a block or final.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a call is sent again whose nonce another process took, and how much longer it waits each time.
const NUMBER_ATTEMPTS: u32 = 5;
const NUMBER_WAIT: Duration = Duration::from_millis(500);

/// How long a leaf waits for the next block: two of them in production.
const NEXT_BLOCK: Duration = Duration::from_secs(12);

/// How long a block takes to most nodes, as a rule.
const BLOCK_TRAVELS: Duration = Duration::from_millis(400);

/// Waits for the next best block, or for as long as `patience`.
async fn next_block(mut heads: watch::Receiver<Head>, patience: Duration) {
	let best = heads.borrow_and_update().best;
	// Without one the leaf is sent all the same.
	let _ = timeout(patience, heads.wait_for(|head| head.best > best)).await;
}

/// Whether a transaction with the same nonce came first.
fn is_number_taken(reason: &str) -> bool {
	["outdated", "Stale", "riority is too low", "lready imported"]
		.iter()
		.any(|sign| reason.contains(sign))
		|| is_replaced(reason)
}

/// Whether a transaction was in the pool, and another one with its nonce took its place.
fn is_replaced(reason: &str) -> bool {
	reason.contains("usurped")
}

/// An operation on a call of any type.
trait Finish {
	type Output;

	/// On a call that an account signs.
	fn signed(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output;

	/// On a call that its content authorizes: no account signs or pays for it.
	fn authorized(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output;
}

/// Converts `call` into the runtime's own types.
fn with<F: Finish>(call: Call, then: &F) -> F::Output {
	let tx = runtime::tx();
	match call {
		Call::CreateJob { broadcaster, name, ladder, limits, max_price, end, budget } => {
			let ladder = ladder.into_iter().map(Static).collect();
			let (broadcaster, name) = (Some(Static(broadcaster)), name.into_bytes());
			then.signed(tx.jobs().create_job(
				broadcaster,
				name,
				ladder,
				Static(limits),
				max_price,
				end,
				budget,
			))
		}
		Call::SetOrigin { name, record } => {
			then.signed(tx.jobs().set_origin(name.into_bytes(), Static(record)))
		}
		Call::TopUp { job, amount } => then.signed(tx.jobs().top_up(job, amount)),
		Call::EndJob { job } => then.signed(tx.jobs().end_job(job)),
		Call::EndIdle { job, assignment } => then.signed(tx.jobs().end_idle(job, assignment)),
		Call::NextTranscoder { job, assignment } => {
			then.signed(tx.jobs().next_transcoder(job, assignment))
		}
		Call::AcceptJob(acceptance, signature) => {
			then.authorized(tx.jobs().accept_job(Static(acceptance), Static(signature)))
		}
		Call::ClaimWork(claim, signature) => {
			then.authorized(tx.jobs().claim_work(Static(*claim), Static(signature)))
		}
		Call::Transcoder { price, reward_cut, fee_share, service } => {
			let (reward_cut, fee_share) = (Static(reward_cut), Static(fee_share));
			let terms = Terms { price, reward_cut, fee_share };
			then.signed(tx.transcoder_election().transcoder(terms, Static(service)))
		}
		Call::Announce(availability, signature) => then
			.authorized(tx.transcoder_election().announce(Static(availability), Static(signature))),
		Call::Heartbeat(heartbeat, signature) => then
			.authorized(tx.transcoder_election().heartbeat(Static(heartbeat), Static(signature))),
		Call::RevealLeaf { claim, reveal } => then.authorized(tx.challenge_lottery().reveal_leaf(
			claim,
			reveal.index,
			Static(reveal.leaf),
			Static(reveal.broadcaster_signature),
			reveal.proof.into_iter().map(Static).collect(),
		)),
		Call::OpenVariants { claim, openings, signature } => {
			let openings = openings.into_iter().map(Static).collect();
			let signature = Static(signature);
			then.authorized(tx.challenge_lottery().open_variants(claim, openings, signature))
		}
		Call::Bond { amount, to } => then.signed(tx.lpt_staking().bond(amount, Static(to))),
		Call::Stake(call) => {
			let (stake, election) = (tx.lpt_staking(), tx.transcoder_election());
			match call {
				StakeCall::Unbond { amount } => then.signed(stake.unbond(amount)),
				StakeCall::WithdrawStake { lock } => then.signed(stake.withdraw_stake(lock)),
				StakeCall::WithdrawFees => then.signed(stake.withdraw_fees()),
				StakeCall::Rebond { lock, to } => then.signed(stake.rebond(lock, Static(to))),
				StakeCall::MoveBond { to } => then.signed(stake.move_bond(Static(to))),
				StakeCall::TransferBond { amount, to } => {
					then.signed(stake.transfer_bond(amount, Static(to)))
				}
				StakeCall::AcceptBond { from, lock, transcoder, least } => {
					then.signed(stake.accept_bond(Static(from), lock, Static(transcoder), least))
				}
				StakeCall::Unjail => then.signed(election.unjail()),
				StakeCall::Resign => then.signed(election.resign()),
			}
		}
		Call::SetKeys { purpose, keys, vrf } => {
			let keys = keys.into_iter().map(Static).collect();
			let vrf = vrf.map(|key| key.0);
			then.signed(tx.operator_keys().set_keys(Static(purpose), keys, vrf))
		}
		Call::RevokeKey { purpose, generation, key } => {
			then.signed(tx.operator_keys().revoke_key(Static(purpose), generation, key))
		}
		Call::SetSpending { key, spending: Spending { cap, expiry } } => {
			let scope = Scope { create: true, top_up: true, end: true };
			then.signed(tx.jobs().set_spending_key(Static(key), cap, expiry, scope))
		}
		Call::RemoveSpending { broadcaster, key } => {
			then.signed(tx.jobs().remove_spending_key(Static(broadcaster), Static(key)))
		}
		Call::Report(contradiction) => match *contradiction {
			Contradiction::Segments(headers) => {
				let [one, other] = *headers;
				let signatures = [Static(one.signature), Static(other.signature)];
				let headers = [Static(one.header), Static(other.header)];
				then.signed(tx.jobs().report_broadcaster(headers, signatures))
			}
			Contradiction::Results { segment, receipts } => {
				let [one, other] = *receipts;
				let signatures = [Static(one.signature), Static(other.signature)];
				let receipts = [Static(one.receipt), Static(other.receipt)];
				then.signed(tx.jobs().report_equivocation(
					Static(segment.header),
					Static(segment.signature),
					receipts,
					signatures,
				))
			}
			Contradiction::Leaf { claimed, segment, receipt } => {
				let ClaimedLeaf { claim, index, leaf, path } = *claimed;
				let SignedReceipt { receipt, signature } = *receipt;
				let evidence = LeafEvidence {
					index,
					leaf: Static(leaf),
					proof: path.into_iter().map(Static).collect(),
					header_signature: Static(segment.signature),
					receipt: Static(receipt),
					signature: Static(signature),
				};
				then.signed(tx.jobs().report_leaf(claim, evidence))
			}
		},
	}
}

/// The role's key in subxt's form.
struct KeySigner<'a>(&'a Key);

impl Signer<SubstrateConfig> for KeySigner<'_> {
	fn account_id(&self) -> AccountId32 {
		AccountId32(self.0.account().into())
	}

	fn sign(&self, payload: &[u8]) -> MultiSignature {
		match self.0.sign_bytes(payload) {
			sp_runtime::MultiSignature::Sr25519(signature) => MultiSignature::Sr25519(signature.0),
			sp_runtime::MultiSignature::Ed25519(signature) => MultiSignature::Ed25519(signature.0),
			sp_runtime::MultiSignature::Ecdsa(signature) => MultiSignature::Ecdsa(signature.0),
			sp_runtime::MultiSignature::Eth(signature) => MultiSignature::Ecdsa(signature.0),
		}
	}
}

type AtBlock = OnlineClientAtBlockImpl<SubstrateConfig>;

type Ready = Result<SubmittableTransaction<SubstrateConfig, AtBlock>, ExtrinsicError>;

/// Builds a call's transaction for the chain at a block.
struct Making<'a> {
	at: &'a OnlineClientAtBlock<SubstrateConfig>,
	/// The signer and its nonce; `None` if no signature is needed.
	signer: Option<(&'a KeySigner<'a>, u64)>,
	/// The asset that pays the fee; `None` is LPT.
	fee: Option<AssetId>,
	/// Height of the best block.
	best: BlockNumber,
}

/// The parameters of a call that no account signs, sent at this height. No account has its nonce, and the chain
/// does not read it: with another one in each block, a call that is sent again is another transaction. No node
/// passes the same bytes on to the same neighbour twice, and what a pool had and lost, as it loses all duties while a
/// migration runs, it refuses for half an hour.
fn of_nobody(best: BlockNumber) -> DefaultExtrinsicParams<SubstrateConfig> {
	DefaultExtrinsicParamsBuilder::new().nonce(best.into()).immortal().build()
}

impl Finish for Making<'_> {
	type Output = Option<Ready>;

	fn signed(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
		let (signer, nonce) = self.signer?;
		let params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).mortal_from_unchecked(
			MORTALITY,
			self.at.block_number(),
			self.at.block_hash(),
		);
		let params = match self.fee {
			Some(asset) => params.tip_of(0, asset),
			None => params,
		};
		let params = params.build();
		let signable = self.at.transactions().create_signable_offline(&call, params);
		Some(signable.and_then(|mut signable| signable.sign(signer)))
	}

	fn authorized(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
		let params = of_nobody(self.best);
		// A general transaction. The chain has no extension that takes the signature, so the given one is not
		// used.
		let nobody = (AccountId32([0; 32]), MultiSignature::Sr25519([0; 64]));
		let signable = self.at.transactions().create_v5_signable_offline(&call, params);
		Some(signable.and_then(|mut signable| {
			signable.sign_with_account_and_signature(&nobody.0, &nobody.1)
		}))
	}
}

/// Whether an account signs a call.
struct IsSigned;

impl Finish for IsSigned {
	type Output = bool;

	fn signed(&self, _: StaticPayload<impl EncodeAsFields>) -> bool {
		true
	}

	fn authorized(&self, _: StaticPayload<impl EncodeAsFields>) -> bool {
		false
	}
}

/// How the error's number begins in the pool's message about an invalid transaction, and about one of unknown
/// validity, which may only be early.
const NUMBERS: [&str; 2] = ["Custom error: ", "\"Custom("];

/// The error's number in the pool's message about a call that a pallet's own check refused.
fn custom_error(reason: &str) -> Option<u8> {
	NUMBERS.iter().find_map(|begin| {
		let (_, after) = reason.split_once(*begin)?;
		let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
		digits.parse().ok()
	})
}

/// The pool's reason for refusing a transaction. The error's display text is the same for all invalid
/// transactions; only its debug text has the reason.
fn pools_words(words: &str, debugged: &str) -> String {
	let words = words.rsplit("User error: ").next().unwrap_or(words);
	let data = debugged.split_once("data: Some(RawValue(\"").map(|(_, after)| after);
	match data.and_then(|data| data.split_once("\"))")) {
		Some((why, _)) => format!("{words}: {why}"),
		None => words.to_owned(),
	}
}

impl SubxtChain {
	/// Sends `call` and waits until it succeeded. Another process may sign with the same key: if it took the
	/// nonce, the call is sent again with the next one. The fee is paid in LPT, or in ETH by an account that has
	/// not enough LPT for it.
	pub(crate) async fn send(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		match self.send_paid_in(None, &call, wait).await {
			Err(ChainError::NotIncluded { reason, .. }) if is_unpaid(&reason) => {}
			sent => return sent,
		}
		match self.send_paid_in(Some(ETH), &call, wait).await {
			Err(ChainError::NotIncluded { call, reason }) if is_unpaid(&reason) => {
				let reason =
					format!("its account has neither the LPT nor the ETH for the fee: {reason}");
				Err(ChainError::NotIncluded { call, reason })
			}
			sent => sent,
		}
	}

	async fn send_paid_in(
		&self,
		fee: Option<AssetId>,
		call: &Call,
		wait: Wait,
	) -> Result<(), ChainError> {
		let mut sent = self.try_send(call.clone(), fee, wait).await;
		for attempt in 1..=NUMBER_ATTEMPTS {
			match &sent {
				Err(ChainError::NotIncluded { reason, .. }) if is_number_taken(reason) => {}
				_ => break,
			}
			tokio::time::sleep(NUMBER_WAIT.saturating_mul(attempt)).await;
			sent = self.try_send(call.clone(), fee, wait).await;
		}
		sent
	}

	/// The fee of `call` if the key signed it now.
	pub(crate) async fn fee_of(&self, call: Call) -> Result<Balance, ChainError> {
		let name = call.name();
		let at = self.now().await?;
		let signer = KeySigner(self.signer.as_ref().ok_or(ChainError::NoKey)?);
		let nonce = self
			.rpc
			.system_account_next_index(&signer.account_id())
			.await
			.map_err(|error| self.unreachable(error))?;
		let best = self.heads.borrow().best;
		let ready =
			with(call, &Making { at: &at, signer: Some((&signer, nonce)), fee: None, best })
				.ok_or(ChainError::NoKey)?
				.map_err(|error| ChainError::Incompatible(format!("{name}: {error}")))?;
		ready.partial_fee_estimate().await.map_err(|error| self.unreachable(error))
	}

	/// Waits until the transaction that took a nonce is final. If it is the sent one itself, returns its
	/// block and place: the block's author may have had it before this node's pool replaced it.
	async fn final_place(
		&self,
		account: &AccountId32,
		nonce: u64,
		encoded: &[u8],
		from: u64,
	) -> Result<Option<(Hash, u32)>, ChainError> {
		let deadline = Instant::now() + PATIENCE;
		loop {
			let now = self.now().await?;
			let next = now.transactions().account_nonce(account).await;
			if next.map_err(|error| self.unreachable(error))? > nonce {
				for number in from..=now.block_number() {
					let hash = self.rpc.chain_get_block_hash(Some(number.into())).await;
					let Some(hash) = hash.map_err(|error| self.unreachable(error))? else {
						continue;
					};
					let block = self.rpc.chain_get_block(Some(hash)).await;
					let block = block.map_err(|error| self.unreachable(error))?;
					let transactions = block.into_iter().flat_map(|it| it.block.extrinsics);
					let found = (0u32..).zip(transactions).find(|(_, it)| it.0 == encoded);
					if let Some((place, _)) = found {
						return Ok(Some((hash, place)));
					}
				}
				return Ok(None);
			}
			if Instant::now() > deadline {
				return Err(self.unreachable("what took the number of a call is not final"));
			}
			tokio::time::sleep(NUMBER_WAIT).await;
		}
	}

	/// The outcome of `call`, which is at this place of a block.
	async fn outcome(&self, call: &'static str, block: Hash, place: u32) -> Result<(), ChainError> {
		let unread = |error: String| {
			self.unreachable(format!(
				"{call} is in block {block:?}, whose events it lacks: {error}"
			))
		};
		let at = self.client.at_block(block).await.map_err(|error| unread(error.to_string()))?;
		let events = at.events().fetch().await.map_err(|error| unread(error.to_string()))?;
		let unreadable = || ChainError::BadAnswer(format!("the events of block {block:?}"));
		for event in events.iter() {
			let event = event.map_err(|_| unreadable())?;
			if event.phase() != Phase::ApplyExtrinsic(place) || event.pallet_name() != "System" {
				continue;
			}
			match event.event_name() {
				"ExtrinsicSuccess" => return Ok(()),
				"ExtrinsicFailed" => {
					let error = DispatchError::decode_from(event.field_bytes(), at.metadata())
						.map_err(|_| unreadable())?;
					return Err(ChainError::Refused { call, refused: refused(&error) });
				}
				_ => {}
			}
		}
		Err(unreadable())
	}

	async fn try_send(
		&self,
		call: Call,
		fee: Option<AssetId>,
		wait: Wait,
	) -> Result<(), ChainError> {
		let name = call.name();
		let not_included = |reason: String| ChainError::NotIncluded { call: name, reason };
		// Whoever has not got the block yet in which a leaf was drawn or a job offered refuses the answer, and no
		// neighbour sends it those bytes again. The node of that block's author is ahead of everybody.
		match call {
			Call::RevealLeaf { .. } => next_block(self.heads.clone(), NEXT_BLOCK).await,
			// An offer stands for a few blocks only, and viewers wait.
			Call::AcceptJob(..) => tokio::time::sleep(BLOCK_TRAVELS).await,
			_ => {}
		}
		let at = self.now().await?;
		let best = self.heads.borrow().best;
		let failed = |error: subxt::Error| {
			if error.is_disconnected_will_reconnect() {
				return self.unreachable(error);
			}
			// A pallet that refuses a call in the pool gives its error's number.
			let reason = format!("{error:?}");
			let pallet = name.split('.').next().unwrap_or_default();
			let number = custom_error(&reason);
			match number.and_then(|number| metadata::refusal(at.metadata_ref(), pallet, number)) {
				Some(refused) => ChainError::Refused { call: name, refused },
				None => not_included(pools_words(&error.to_string(), &reason)),
			}
		};

		let signer;
		let mut one_at_a_time = None;
		let making = if with(call.clone(), &IsSigned) {
			signer = KeySigner(self.signer.as_ref().ok_or(ChainError::NoKey)?);
			one_at_a_time = Some(self.submitting.lock().await);
			// The next nonce by the pool's view, which counts its calls and those in blocks that are not
			// final.
			let account = signer.account_id();
			let nonce = self
				.rpc
				.system_account_next_index(&account)
				.await
				.map_err(|error| self.unreachable(error))?;
			Making { at: &at, signer: Some((&signer, nonce)), fee, best }
		} else {
			Making { at: &at, signer: None, fee, best }
		};
		let ready = with(call, &making)
			.ok_or(ChainError::NoKey)?
			.map_err(|error| ChainError::Incompatible(format!("{name}: {error}")))?;
		let mut progress = ready.submit_and_watch().await.map_err(|error| failed(error.into()))?;

		let deadline = Instant::now() + PATIENCE;
		loop {
			let status = timeout_at(deadline, progress.next())
				.await
				.map_err(|_| not_included("it is in no block after a long wait".to_owned()))?
				.ok_or_else(|| self.unreachable(format!("it stopped reporting on {name}")))?
				.map_err(|error| failed(error.into()))?;
			// It is in the pool, so the next call's nonce is known.
			one_at_a_time.take();
			let (block, is_final) = match status {
				TransactionStatus::InBestBlock(block) => (block, false),
				TransactionStatus::InFinalizedBlock(block) => (block, true),
				TransactionStatus::Error { message }
				| TransactionStatus::Invalid { message }
				| TransactionStatus::Dropped { message } => {
					if let Some((signer, nonce)) = making.signer.filter(|_| is_replaced(&message)) {
						let (account, from) = (signer.account_id(), at.block_number());
						let found =
							self.final_place(&account, nonce, ready.encoded(), from).await?;
						if let Some((block, place)) = found {
							return self.outcome(name, block, place).await;
						}
					}
					return Err(not_included(message));
				}
				TransactionStatus::Validated
				| TransactionStatus::Broadcasted
				| TransactionStatus::NoLongerInBestBlock => continue,
			};
			match block.wait_for_success().await {
				Ok(_) if is_final || wait == Wait::InBlock => return Ok(()),
				Ok(_) => {}
				Err(TransactionEventsError::ExtrinsicFailed(error)) => {
					return Err(ChainError::Refused { call: name, refused: refused(&error) });
				}
				Err(error) => return Err(failed(error.into())),
			}
		}
	}
}

/// A failed call's error, by the names of pallet and error.
fn refused(error: &DispatchError) -> Refused {
	match error {
		DispatchError::Module(module) => match module.details() {
			Ok(details) => Refused::named(details.pallet.name(), &details.variant.name),
			Err(error) => Refused::Other(error.to_string()),
		},
		other => Refused::Other(other.to_string()),
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use codec::Encode;
	use livepeer_primitives::{
		claim::WorkClaim,
		duty::{Acceptance, Availability, Heartbeat},
		extension::Extensions,
		keys::{OperatorKey, OperatorSignature, Purpose, Signer},
		leaf::Leaf,
		receipt::{Receipt, RejectReason, TranscodeResult},
		segment::{SegmentHeader, SegmentInfo},
		service::ServiceRecord,
		sum_tree::SumNode,
		variant::{VariantOpening, VrfOpening},
		video::{Rendition, SourceLimits, CANONICAL_PROFILE},
		AccountId, Hash, Signature,
	};
	use livepeer_worker_core::ports::{chain::LeafReveal, transport::SignedHeader};
	use sp_runtime::Perbill;
	use subxt::{
		ext::{frame_decode::extrinsics::encode_call_data, scale_value},
		Metadata,
	};

	use super::*;
	use crate::metadata;

	/// Encodes a call.
	struct Encoding<'a>(&'a Metadata);

	impl Finish for Encoding<'_> {
		type Output = (String, Vec<u8>);

		fn authorized(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
			self.signed(call)
		}

		fn signed(&self, call: StaticPayload<impl EncodeAsFields>) -> Self::Output {
			let (pallet, name) = (call.pallet_name(), call.call_name());
			let data = call.call_data();
			let bytes = encode_call_data(pallet, name, data, self.0, self.0.types()).unwrap();
			(format!("{pallet}.{name}"), bytes)
		}
	}

	#[test]
	fn calls_should_decode_as_the_chains_own() {
		let ours = metadata::built_for().unwrap();
		let (job, assignment, claim) = (7u64, 2u32, 9u64);
		let rendition = |width, height, kbps| Rendition {
			width,
			height,
			profile: CANONICAL_PROFILE,
			kbps,
			cap_kbps: kbps + 1,
		};
		let ladder = vec![rendition(640, 360, 800), rendition(426, 240, 400)];
		let limits = SourceLimits::new(1280, 720, 30);
		let record = ServiceRecord {
			peer_id: vec![1; 38].try_into().unwrap(),
			addresses: vec![vec![2; 20].try_into().unwrap()].try_into().unwrap(),
			url: b"http://origin".to_vec().try_into().unwrap(),
		};
		let (price, budget) = (10u128.pow(12), 10u128.pow(18));
		let (reward_cut, fee_share) = (Perbill::from_percent(10), Perbill::from_percent(95));
		let (root, toolchain) = (Hash::repeat_byte(3), Hash::repeat_byte(4));
		let signature = OperatorSignature {
			signer: Signer { account: AccountId::new([7; 32]), generation: 2, key: 1 },
			signature: Signature::Sr25519([6; 64].into()),
		};
		let segment = SegmentInfo {
			track: 0,
			epoch: 1,
			time: 2,
			captured: 3,
			duration: 180_000,
			flags: 1,
			in_hash: Hash::repeat_byte(5),
			in_len: 1000,
			chunk_root: Hash::repeat_byte(9),
			extensions: Extensions::default(),
		};
		let header = SegmentHeader {
			genesis: Hash::repeat_byte(1),
			stream: Hash::repeat_byte(2),
			job,
			assignment,
			transcoder: AccountId::new([8; 32]),
			seq: 20,
			segment: segment.clone(),
		};
		let signed = SignedHeader { header: header.clone(), signature: signature.clone() };
		let other = SegmentHeader { stream: Hash::repeat_byte(3), ..header.clone() };
		let receipts = [toolchain, root].map(|toolchain| Receipt {
			header: header.hash(),
			toolchain,
			result: TranscodeResult::Rejected(RejectReason::TooLong),
			extensions: Extensions::default(),
		});
		let leaf = Leaf::Transcoded {
			segment,
			outputs: Default::default(),
			work: 11,
			extensions: Extensions::default(),
		};
		let proof = vec![SumNode { hash: root, work: 12 }, SumNode { hash: toolchain, work: 13 }];
		let reveal = LeafReveal {
			index: 1,
			leaf: leaf.clone(),
			broadcaster_signature: signature.clone(),
			proof: proof.clone().try_into().unwrap(),
		};
		let to = AccountId::new([8; 32]);
		let genesis = Hash::repeat_byte(1);
		let work = WorkClaim {
			genesis,
			job,
			assignment,
			first: 20,
			last: 22,
			root,
			total_work: 14,
			largest_leaf: 11,
			toolchain,
			extensions: Extensions::default(),
		};
		let acceptance = Acceptance {
			genesis,
			job,
			assignment,
			broadcaster_keys: 1,
			transcoder_keys: 2,
			toolchain,
		};
		let heartbeat = Heartbeat { genesis, at: 5 };
		let profiles = vec![CANONICAL_PROFILE].try_into().unwrap();
		let availability = Availability { genesis, at: 5, capacity: 3, profiles };
		let opening = VariantOpening { index: 3, vrf: VrfOpening([2; 96]) };
		let key = OperatorKey::Sr25519([4; 32].into());
		let vrf = sp_core::sr25519::Public::from([5; 32]);
		// Each with its arguments in the order of the pallet's function.
		let calls = [
			(
				Call::CreateJob {
					broadcaster: to.clone(),
					name: "concert".into(),
					ladder: ladder.clone().try_into().unwrap(),
					limits,
					max_price: price,
					end: 600,
					budget,
				},
				(Some(to.clone()), b"concert".to_vec(), ladder, limits, price, 600u32, budget)
					.encode(),
			),
			(
				Call::SetOrigin { name: "concert".into(), record: record.clone() },
				(b"concert".to_vec(), record.clone()).encode(),
			),
			(Call::TopUp { job, amount: budget }, (job, budget).encode()),
			(Call::EndJob { job }, job.encode()),
			(Call::EndIdle { job, assignment: 3 }, (job, 3u32).encode()),
			(Call::NextTranscoder { job, assignment: 3 }, (job, 3u32).encode()),
			(
				Call::AcceptJob(acceptance.clone(), signature.clone()),
				(acceptance, signature.clone()).encode(),
			),
			(
				Call::ClaimWork(Box::new(work.clone()), signature.clone()),
				(work, signature.clone()).encode(),
			),
			(
				Call::Transcoder { price, reward_cut, fee_share, service: record.clone() },
				(price, reward_cut, fee_share, record).encode(),
			),
			(
				Call::Announce(availability.clone(), signature.clone()),
				(availability, signature.clone()).encode(),
			),
			(
				Call::Heartbeat(heartbeat.clone(), signature.clone()),
				(heartbeat, signature.clone()).encode(),
			),
			(
				Call::RevealLeaf { claim, reveal: Box::new(reveal) },
				(claim, 1u32, leaf.clone(), signature.clone(), proof.clone()).encode(),
			),
			(
				Call::OpenVariants {
					claim,
					openings: vec![opening.clone()].try_into().unwrap(),
					signature: signature.clone(),
				},
				(claim, vec![opening], signature.clone()).encode(),
			),
			(Call::Bond { amount: budget, to: to.clone() }, (budget, to.clone()).encode()),
			(Call::Stake(StakeCall::Unbond { amount: budget }), budget.encode()),
			(Call::Stake(StakeCall::WithdrawStake { lock: 3 }), 3u32.encode()),
			(Call::Stake(StakeCall::WithdrawFees), Vec::new()),
			(
				Call::Stake(StakeCall::Rebond { lock: 3, to: to.clone() }),
				(3u32, to.clone()).encode(),
			),
			(Call::Stake(StakeCall::MoveBond { to: to.clone() }), to.encode()),
			(
				Call::Stake(StakeCall::TransferBond { amount: budget, to: to.clone() }),
				(budget, to.clone()).encode(),
			),
			(
				Call::Stake(StakeCall::AcceptBond {
					from: to.clone(),
					lock: 3,
					transcoder: to.clone(),
					least: budget,
				}),
				(to.clone(), 3u32, to.clone(), budget).encode(),
			),
			(Call::Stake(StakeCall::Unjail), Vec::new()),
			(Call::Stake(StakeCall::Resign), Vec::new()),
			(
				Call::SetKeys {
					purpose: Purpose::Duties,
					keys: vec![key].try_into().unwrap(),
					vrf: Some(vrf),
				},
				(Purpose::Duties, vec![key], Some(vrf)).encode(),
			),
			(
				Call::RevokeKey { purpose: Purpose::Segments, generation: 3, key: 1 },
				(Purpose::Segments, 3u32, 1u8).encode(),
			),
			(
				Call::SetSpending {
					key: to.clone(),
					spending: Spending { cap: budget, expiry: 9 },
				},
				(to.clone(), budget, 9u32, (true, true, true)).encode(),
			),
			(
				Call::RemoveSpending { broadcaster: to.clone(), key: to.clone() },
				(to.clone(), to).encode(),
			),
			(
				Call::Report(Box::new(Contradiction::Segments(Box::new([
					signed.clone(),
					SignedHeader { header: other.clone(), signature: signature.clone() },
				])))),
				([header.clone(), other], [signature.clone(), signature.clone()]).encode(),
			),
			(
				Call::Report(Box::new(Contradiction::Leaf {
					claimed: Box::new(ClaimedLeaf {
						claim,
						index: 1,
						leaf: leaf.clone(),
						path: proof.clone().try_into().unwrap(),
					}),
					segment: Box::new(signed.clone()),
					receipt: Box::new(SignedReceipt {
						receipt: receipts[0].clone(),
						signature: signature.clone(),
					}),
				})),
				(claim, (1u32, leaf, proof, &signature, &receipts[0], &signature)).encode(),
			),
			(
				Call::Report(Box::new(Contradiction::Results {
					segment: Box::new(signed),
					receipts: Box::new(
						receipts
							.clone()
							.map(|receipt| SignedReceipt { receipt, signature: signature.clone() }),
					),
				})),
				(header, signature.clone(), receipts, [signature.clone(), signature]).encode(),
			),
		];

		let mut seen = Vec::new();
		for (call, arguments) in calls {
			let name = call.name();
			let (said, bytes) = with(call, &Encoding(&ours));
			assert_eq!(said, name);
			assert_eq!(&bytes[2..], arguments, "{name}");
			let pallet = ours.pallet_by_call_index(bytes[0]).unwrap();
			let mut rest = &bytes[1..];
			let ty = pallet.call_ty_id().unwrap();
			let decoded = scale_value::scale::decode_as_type(&mut rest, ty, ours.types()).unwrap();
			assert!(rest.is_empty(), "{name} leaves {rest:?}");
			let scale_value::ValueDef::Variant(variant) = decoded.value else { panic!("{name}") };
			assert_eq!(format!("{}.{}", pallet.name(), variant.name), name);
			seen.push(name.to_owned());
		}
		let mut all: Vec<String> = ours
			.pallets()
			.flat_map(|pallet| {
				let calls = pallet.call_variants().unwrap_or_default().iter();
				calls.map(move |call| format!("{}.{}", pallet.name(), call.name))
			})
			.collect();
		seen.sort();
		all.sort();
		assert_eq!(seen, all);
	}

	#[test]
	fn call_should_be_sent_again_when_another_process_took_its_number() {
		assert!(is_number_taken("Transaction is outdated"));
		assert!(is_number_taken("Priority is too low: (1 vs 1)"));
		assert!(is_number_taken("Transaction was usurped by another with the same nonce"));
		assert!(!is_number_taken("Inability to pay some fees (e.g. account balance too low)"));
	}

	/// Sent while a migration ran, a leaf would otherwise be refused until it is too late to reveal it.
	#[test]
	fn duty_that_is_sent_again_in_another_block_should_be_another_transaction() {
		let of = |best: BlockNumber| format!("{:?}", of_nobody(best));
		assert_eq!(of(7), of(7));
		assert_ne!(of(7), of(8));
	}

	#[tokio::test]
	async fn leaf_should_wait_for_the_next_block_but_not_for_ever() {
		let head = |best: BlockNumber| Head { best, ..Head::default() };
		let (sender, heads) = watch::channel(head(7));
		next_block(heads.clone(), Duration::ZERO).await;
		let mut waiting = std::pin::pin!(next_block(heads, NEXT_BLOCK));
		tokio::select! {
			biased;
			() = &mut waiting => panic!("there is none yet"),
			() = std::future::ready(()) => {}
		}
		sender.send_replace(head(8));
		waiting.await;
	}

	#[test]
	fn fee_that_is_not_paid_should_be_told_from_other_reasons() {
		let says =
			"Invalid Transaction (1010): Inability to pay some fees (e.g. account balance too low)";
		assert!(is_unpaid(says));
		assert!(!is_unpaid("Invalid Transaction (1010): Transaction is outdated"));
	}

	#[test]
	fn reason_should_be_read_from_what_the_pool_says() {
		let words = "Cannot submit extrinsic: Backend error: RPC error: User error: Invalid Transaction (1010)";
		let says = r#"RpcError(User(UserError { code: 1010, message: "Invalid Transaction", data: Some(RawValue("Inability to pay some fees")) }))"#;
		assert_eq!(
			pools_words(words, says),
			"Invalid Transaction (1010): Inability to pay some fees"
		);
		let without = r#"RpcError(User(UserError { code: 1010, message: "Invalid Transaction", data: None }))"#;
		assert_eq!(pools_words(words, without), "Invalid Transaction (1010)");
		assert_eq!(pools_words("the connection was lost", "Lost"), "the connection was lost");
	}

	#[test]
	fn number_should_be_read_from_what_the_pool_says() {
		let says = r#"RpcError(User(UserError { code: 1010, message: "Invalid Transaction", data: Some(RawValue("Custom error: 17")) }))"#;
		assert_eq!(custom_error(says), Some(17));
		// What may only be early has its number elsewhere.
		let early = r#"RpcError(User(UserError { code: 1011, message: "Unknown Transaction Validity", data: Some(RawValue("Custom(17)")) }))"#;
		assert_eq!(custom_error(early), Some(17));
		let unnamed = r#"RpcError(User(UserError { code: 1011, message: "Unknown Transaction Validity", data: Some(RawValue("CannotLookup")) }))"#;
		assert_eq!(custom_error(unnamed), None);
		assert_eq!(custom_error("Transaction is outdated"), None);
		assert_eq!(custom_error("Custom error: 900"), None);
	}
}
