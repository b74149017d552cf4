//! Follows claims on the served streams, for webhooks.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
};

use livepeer_primitives::{
	claim::{ClaimInfo, Outcome},
	AccountId, ClaimId, StreamId,
};
use livepeer_worker_core::{
	ports::chain::{At, Chain, ChainError},
	ports::store::StreamState,
};
use sp_core::crypto::Ss58Codec;

use super::{
	webhooks::{News, StreamName},
	Gateway,
};

/// The most claims that are followed, and the most that are remembered as other streams'.
const MOST_CLAIMS: usize = 1_024;
/// The most transcoders whose claims are read in a block.
const MOST_TRANSCODERS: usize = 64;

/// A claim that is open.
struct Open {
	stream: StreamName,
	info: ClaimInfo,
	outcome: Option<Outcome>,
}

/// The claims on the streams that are served.
#[derive(Default)]
pub(super) struct Claims {
	open: BTreeMap<ClaimId, Open>,
	/// Of other streams.
	others: BTreeSet<ClaimId>,
}

/// A stream as notices name it.
pub(super) fn name_of(state: &StreamState) -> StreamName {
	StreamName {
		broadcaster: state.broadcaster.to_ss58check(),
		name: state.name.clone(),
		job: state.job,
	}
}

fn outcome_name(outcome: Outcome) -> &'static str {
	match outcome {
		Outcome::Accepted => "accepted",
		Outcome::Failed => "failed",
		Outcome::Missed => "missed",
		Outcome::Void => "void",
	}
}

impl Claims {
	/// Reads the chain once, and returns the claims that are no longer there.
	pub(super) async fn look(
		&mut self,
		chain: &dyn Chain,
		streams: &BTreeMap<StreamId, StreamName>,
		transcoders: BTreeSet<AccountId>,
	) -> Result<Vec<News>, ChainError> {
		// Transcoders that work now, and those with claims still open.
		let working = transcoders.into_iter().take(MOST_TRANSCODERS);
		let claimants = self.open.values().map(|open| open.info.transcoder.clone());
		let transcoders: BTreeSet<_> = working.chain(claimants).collect();
		let mut settled = Vec::new();
		for transcoder in transcoders {
			let found = chain.claims_of(At::Finalized, &transcoder).await?;
			let found: BTreeSet<_> = found.into_iter().collect();
			for id in &found {
				if self.open.contains_key(id) || self.others.contains(id) {
					continue;
				}
				let Some(info) = chain.claim(At::Finalized, *id).await? else { continue };
				match streams.get(&info.stream) {
					Some(stream) if self.open.len() < MOST_CLAIMS => {
						let open = Open { stream: stream.clone(), info, outcome: None };
						self.open.insert(*id, open);
					}
					_ => {
						if self.others.len() >= MOST_CLAIMS {
							self.others.pop_first();
						}
						self.others.insert(*id);
					}
				}
			}
			let of_him =
				self.open.iter_mut().filter(|(_, open)| open.info.transcoder == transcoder);
			let mut gone = Vec::new();
			for (id, open) in of_him {
				if found.contains(id) {
					let challenge = chain.challenge(At::Best, *id).await?;
					open.outcome =
						challenge.and_then(|challenge| challenge.outcome).or(open.outcome);
				} else {
					gone.push(*id);
				}
			}
			for id in gone {
				let Some(Open { stream, info, outcome }) = self.open.remove(&id) else { continue };
				settled.push(News::ClaimSettled {
					stream,
					claim: id,
					transcoder: info.transcoder.to_ss58check(),
					first: info.first,
					leaves: info.commitment.leaf_count,
					fee: info.fee.to_string(),
					outcome: outcome.map(outcome_name),
				});
			}
		}
		Ok(settled)
	}
}

impl Gateway {
	/// Tells webhooks the outcome of claims, until the chain's heads end.
	pub(super) async fn watch_claims(self: Arc<Self>, chain: Arc<dyn Chain>) {
		let mut heads = chain.heads();
		let mut claims = Claims::default();
		let mut looked = None;
		loop {
			let finalized = heads.borrow_and_update().finalized;
			if looked != Some(finalized) {
				looked = Some(finalized);
				match self.transcoded() {
					Ok((streams, transcoders)) => {
						match claims.look(&*chain, &streams, transcoders).await {
							Ok(news) => news.into_iter().for_each(|news| self.tell(news)),
							Err(error) => tracing::debug!(%error, "claims were not looked at"),
						}
					}
					Err(error) => tracing::debug!(?error, "claims were not looked at"),
				}
			}
			if heads.changed().await.is_err() {
				return;
			}
		}
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use livepeer_primitives::{segment::stream_id, sum_tree::Commitment, Hash};
	use livepeer_worker_core::{
		fakes::{claim_call, job_call, FakeChain, FakeEngine},
		key::Key,
		ports::chain::Wait,
	};

	use super::*;

	/// A chain on which the transcoder has claimed the segments 4 to 6 of a stream.
	async fn claimed() -> (FakeChain, StreamId, AccountId) {
		let chain = FakeChain::default();
		let [broadcaster, transcoder] =
			["//Broadcaster", "//Transcoder"].map(|uri| Key::from_uri(uri).unwrap());
		let call = job_call(&broadcaster, "demo", 100);
		chain.client(Some(broadcaster.clone())).submit(call, Wait::InBlock).await.unwrap();
		chain.assign(1, &transcoder.account());
		let leaves = Commitment { root: Hash::repeat_byte(1), total_work: 30, leaf_count: 3 };
		let toolchain = FakeEngine::default().toolchain;
		let call = claim_call(&transcoder, 1, 4, leaves, toolchain);
		chain.client(Some(transcoder.clone())).submit(call, Wait::InBlock).await.unwrap();
		let stream = stream_id(&broadcaster.account(), "demo");
		(chain, stream, transcoder.account())
	}

	#[tokio::test]
	async fn claim_should_be_told_of_when_it_has_left_the_chain_with_its_outcome() {
		let (chain, stream, transcoder) = claimed().await;
		let client = chain.client(None);
		let name = StreamName { broadcaster: "5F".into(), name: "demo".into(), job: 1 };
		let streams: BTreeMap<_, _> = [(stream, name.clone())].into();
		let mut claims = Claims::default();
		let working: BTreeSet<_> = [transcoder.clone()].into();
		assert!(claims.look(&client, &streams, working).await.unwrap().is_empty());
		chain.decide(1, Outcome::Failed);
		// Another works for the stream meanwhile: the claims of the one before are followed still.
		assert!(claims.look(&client, &streams, BTreeSet::new()).await.unwrap().is_empty());
		chain.close(1);
		let told = claims.look(&client, &streams, BTreeSet::new()).await.unwrap();
		let [News::ClaimSettled { stream, claim: 1, first: 4, leaves: 3, outcome, .. }] = &told[..]
		else {
			panic!("{told:?}")
		};
		assert_eq!((stream, *outcome), (&name, Some("failed")));
		assert!(claims.look(&client, &streams, BTreeSet::new()).await.unwrap().is_empty());
	}

	#[tokio::test]
	async fn claim_of_a_stream_that_is_not_served_should_not_be_told_of() {
		let (chain, _, transcoder) = claimed().await;
		let client = chain.client(None);
		let mut claims = Claims::default();
		for _ in 0..2 {
			let working: BTreeSet<_> = [transcoder.clone()].into();
			let told = claims.look(&client, &BTreeMap::new(), working).await.unwrap();
			assert!(told.is_empty() && claims.open.is_empty());
			chain.close(1);
		}
	}
}
