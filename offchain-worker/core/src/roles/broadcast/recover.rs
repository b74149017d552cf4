//! Recovers, from others, how far a stream came whose broadcaster has lost its state: seqs never start again.

use std::collections::BTreeSet;

use futures::{
	future::{select, Either},
	StreamExt,
};
use livepeer_primitives::{api::JobView, service::ServiceRecord, Epoch, Seq, StreamId};

use super::{BroadcastError, Broadcaster};
use crate::{
	ports::{chain::ChainError, transport::SignedHead},
	rules::window::OUT,
};

/// How long one peer may take to answer, and how long all of them together.
const ASK_MS: (u64, u64) = (5_000, 60_000);
/// Peers that are asked at a time.
const ASKED: usize = 16;

/// How far a stream has come, as its broadcaster signed it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Found {
	/// The seq after every one that is known to be signed.
	pub(super) next: Seq,
	/// The newest epoch that is known.
	pub(super) epoch: Epoch,
	/// The newest head.
	pub(super) head: Option<SignedHead>,
}

impl Found {
	/// Where to continue: segments under way when this was signed may be newer by a window.
	pub(super) fn above(&self) -> Seq {
		self.next.saturating_add(OUT)
	}

	fn add(&mut self, other: Found) {
		self.next = self.next.max(other.next);
		self.epoch = self.epoch.max(other.epoch);
		let time = |head: &Option<SignedHead>| head.as_ref().map(|signed| signed.head.time);
		if time(&other.head) > time(&self.head) {
			self.head = other.head;
		}
	}
}

impl Broadcaster {
	/// Asks all peers that may have seen a stream how far it has come: those in `ask`, the stream's published
	/// origin, the transcoder of its job, and every other transcoder, because each may have had an earlier
	/// assignment. `None` if no peer shows anything signed.
	pub(super) async fn ask_around(
		&self,
		stream: StreamId,
		ask: &[ServiceRecord],
		origin: Option<&ServiceRecord>,
		view: Option<&JobView>,
	) -> Result<Option<Found>, BroadcastError> {
		let mut peers: Vec<ServiceRecord> = ask.iter().chain(origin).cloned().collect();
		if let Some(current) = view.and_then(|view| view.current.as_ref()) {
			peers.extend(self.chain.service(&current.transcoder).await?);
		}
		peers.extend(self.chain.transcoders().await?.into_iter().map(|view| view.service));
		let mut seen = BTreeSet::from([self.net.peer_id()]);
		peers.retain(|peer| seen.insert(peer.peer_id.to_vec()));
		let mut answers = futures::stream::iter(peers)
			.map(|peer| async move { self.ask(&peer, stream).await })
			.buffer_unordered(ASKED);
		let mut found: Option<Found> = None;
		let end_ms = self.clock.now_ms().saturating_add(ASK_MS.1);
		while let Either::Left((Some(answer), _)) =
			select(answers.next(), self.clock.sleep_until(end_ms)).await
		{
			if let Some(answer) = answer? {
				found.get_or_insert_default().add(answer);
			}
		}
		Ok(found)
	}

	/// Asks the transcoder of a stream's job alone.
	pub(super) async fn ask_transcoder(
		&self,
		stream: StreamId,
		view: Option<&JobView>,
	) -> Result<Option<Found>, BroadcastError> {
		let Some(current) = view.and_then(|view| view.current.as_ref()) else { return Ok(None) };
		match self.chain.service(&current.transcoder).await? {
			Some(peer) => Ok(self.ask(&peer, stream).await?),
			None => Ok(None),
		}
	}

	/// One peer's newest proof with this broadcaster's signature.
	async fn ask(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<Option<Found>, ChainError> {
		let asking = async {
			let newest = self.net.newest(peer, stream).await;
			// A seq behind all records, because only the head is of interest.
			let playlist = self.net.playlist(peer, stream, Seq::MAX).await;
			(newest.ok(), playlist.ok().and_then(|playlist| playlist.head))
		};
		let end_ms = self.clock.now_ms().saturating_add(ASK_MS.0);
		let Either::Left(((newest, head), _)) =
			select(Box::pin(asking), self.clock.sleep_until(end_ms)).await
		else {
			return Ok(None);
		};
		let account = self.own.account();
		let mut found = None;
		if let Some(signed) = newest.filter(|signed| {
			signed.header.stream == stream && signed.header.genesis == self.chain.genesis()
		}) {
			if self.book.is_header_signed(&signed, account).await? {
				let next = signed.header.seq.saturating_add(1);
				let epoch = signed.header.segment.epoch;
				found.get_or_insert(Found::default()).add(Found { next, epoch, head: None });
			}
		}
		if let Some(signed) = head {
			if self.book.is_head_signed(&signed, &stream, account).await? {
				let (next, epoch) = (signed.head.next_seq, signed.head.epoch);
				let head = Some(signed);
				found.get_or_insert(Found::default()).add(Found { next, epoch, head });
			}
		}
		Ok(found)
	}
}
