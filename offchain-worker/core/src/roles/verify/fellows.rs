//! The other judges of a claim: fetching from them, and serving them.
//!
//! The chain names the judges of a claim, and each account's public record says where its judge is reached.
//! Only peers with a judge's pass are served.

use std::{
	collections::{BTreeMap, BTreeSet},
	pin::pin,
	sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::future::{join_all, select, Either};
use livepeer_primitives::{
	offchain::VerifyTask, service::ServiceRecord, AccountId, ClaimId, Seq, StreamId,
};
use sp_core::H256;

use crate::{
	lock,
	ports::{
		chain::{At, Chain},
		clock::Clock,
		store::VerifyStore,
		transport::{
			ChunkRange, Chunks, Playlist, PushReply, Refusal, Service, SignedHeader, SignedPass,
			Transport,
		},
	},
	seats::Seats,
	shelf::Shelf,
};

/// Judges that are asked for a blob in one attempt; the next attempt asks others.
pub(super) const MOST_ASKED: usize = 8;
/// How long a judge's record is cached.
const BELIEVED_MS: u64 = 60_000;
/// How long the chain may take to answer.
const ANSWER_MS: u64 = 2_000;
/// The most accounts whose records are cached.
const MOST_LOCATED: usize = 1_024;

/// The judges of the claims that a verifier works on: it asks them and answers them.
pub struct Fellows {
	chain: Arc<dyn Chain>,
	clock: Arc<dyn Clock>,
	seats: Seats,
	shelf: Shelf,
	/// The claims whose bytes are held: only their judges are looked up.
	held: Mutex<BTreeSet<ClaimId>>,
	/// The records of accounts, and until when they are cached.
	located: Mutex<BTreeMap<AccountId, (u64, Option<ServiceRecord>)>>,
}

impl Fellows {
	/// Fellows by `chain`, served from `store`.
	pub fn new(chain: Arc<dyn Chain>, store: Arc<dyn VerifyStore>, clock: Arc<dyn Clock>) -> Self {
		Self {
			seats: Seats::new(chain.clone(), clock.clone()),
			shelf: Shelf::new(store),
			held: Mutex::default(),
			located: Mutex::default(),
			chain,
			clock,
		}
	}

	/// Sets the claims whose bytes are held.
	pub(super) fn hold(&self, claims: BTreeSet<ClaimId>) {
		let mut held = lock(&self.held);
		held.difference(&claims).for_each(|claim| self.seats.forget(*claim));
		*held = claims;
	}

	/// Some of the other judges of a task, beginning at the place `turn`.
	pub(super) async fn of(
		&self,
		net: &dyn Transport,
		task: &VerifyTask,
		turn: usize,
	) -> Vec<ServiceRecord> {
		let view = self.seats.challenge(task.claim).await;
		let Some(view) = view.filter(|view| view.tranche == task.tranche) else {
			return Vec::new();
		};
		let mut others = view.members;
		others.retain(|member| *member != task.verifier);
		if let Some(turn) = turn.checked_rem(others.len()) {
			others.rotate_left(turn);
		}
		others.truncate(MOST_ASKED);
		let located = pin!(join_all(others.iter().map(|member| self.locate(member))));
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(ANSWER_MS));
		match select(located, late).await {
			Either::Left((found, _)) => {
				found.iter().flatten().map(|record| net.judge_of(record)).collect()
			}
			Either::Right(_) => Vec::new(),
		}
	}

	/// The record of an account's transcoder.
	async fn locate(&self, account: &AccountId) -> Option<ServiceRecord> {
		let now_ms = self.clock.now_ms();
		let known = lock(&self.located).get(account).cloned();
		if let Some((_, record)) = known.filter(|(until_ms, _)| now_ms < *until_ms) {
			return record;
		}
		let record = self.chain.service(account).await.ok()?;
		let mut located = lock(&self.located);
		if located.len() >= MOST_LOCATED {
			located.clear();
		}
		let until_ms = now_ms.saturating_add(BELIEVED_MS);
		located.insert(account.clone(), (until_ms, record.clone()));
		record
	}

	/// Whether the chain says that a claim is closed.
	pub(super) async fn is_closed(&self, claim: ClaimId) -> bool {
		for at in [At::Finalized, At::Best] {
			if !matches!(self.chain.claim(at, claim).await, Ok(None)) {
				return false;
			}
		}
		true
	}
}

#[async_trait]
impl Service for Fellows {
	async fn size(&self, hash: H256) -> Option<u64> {
		self.shelf.size(hash)
	}

	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
		self.shelf.chunks(hash, range).await
	}

	async fn is_judge(&self, shown: &SignedPass) -> bool {
		let is_held = lock(&self.held).contains(&shown.pass.claim);
		is_held && shown.pass.genesis == self.chain.genesis() && self.seats.is_judge(shown).await
	}

	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotServed)
	}

	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotServed)
	}

	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}
