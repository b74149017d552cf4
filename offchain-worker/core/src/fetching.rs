//! Fetches signed bytes in pieces, from several peers that have them.
//!
//! Each piece is a range of chunks, checked against the signed root before the next is requested. If a source
//! is slow, the next one is asked too. A source that lacks a piece, or sends a wrong one, is not asked again
//! for this blob. Sources that were slow or lied are asked last for a while. So a liar costs one piece, and a
//! trickling source the time in which another would have sent it. At most two pieces of a blob are under way
//! at a time; everything else that is held was checked. The owner, which has to answer for the bytes, is
//! waited for beside the others once it was asked: others that send nothing must not make it look as if the
//! owner had sent nothing.

use std::{
	collections::{BTreeMap, VecDeque},
	pin::pin,
	sync::{Arc, Mutex},
};

use codec::Encode;
use futures::future::{pending, select, select_all, BoxFuture, Either};
use livepeer_primitives::{receipt::Output, service::ServiceRecord};

use crate::{
	aside, lock,
	ports::{
		clock::Clock,
		transport::{ChunkRange, NetError, SignedPass, Transport, MAX_PAYLOAD},
	},
	sha256,
};

/// Pieces of one blob that are under way at a time.
const MOST_ASKED: usize = 2;
/// How long a piece may take before the next source is asked too: this, plus the time of its bytes at
/// [`PACE`].
const SLOW_MS: u64 = 1_000;
/// Bytes per second (four megabits): a stream whose pieces come more slowly falls behind.
const PACE: u64 = 512 * 1_024;
/// How long a slow peer is asked last.
const SLOW_FOR_MS: u64 = 60_000;
/// How long a peer that sent wrong bytes is asked last.
const WRONG_FOR_MS: u64 = 600_000;
/// The most peers that are remembered.
const MOST_FAULTY: usize = 1_024;

/// Bytes that were fetched, and who gave the last of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
	/// The bytes, as they were signed.
	pub bytes: Vec<u8>,
	/// The peer.
	pub from: ServiceRecord,
}

/// How long so many bytes may take before their source counts as slow.
pub(crate) fn patience_ms(len: u64) -> u64 {
	SLOW_MS.saturating_add(len.saturating_mul(1_000) / PACE)
}

/// Fetches, and remembers which peers to ask last.
pub struct Fetcher {
	net: Arc<dyn Transport>,
	clock: Arc<dyn Clock>,
	/// Until when a peer is asked last, by its whole record, so that a record with a false address of a peer
	/// does not count against the peer.
	faulty: Mutex<BTreeMap<Vec<u8>, u64>>,
}

/// The sources of a blob.
struct Sources<'a> {
	/// The peer that has to answer for the bytes: a failure is reported with its error.
	owner: Option<ServiceRecord>,
	/// All of them.
	named: Vec<ServiceRecord>,
	/// The order in which they are asked.
	next: VecDeque<ServiceRecord>,
	/// Looks up further sources if those are not enough.
	more: Option<BoxFuture<'a, Vec<ServiceRecord>>>,
	/// Those that are asked only if nobody else is left.
	last: VecDeque<ServiceRecord>,
	/// Peers whose bytes do not lead to the root. They lied only if the root is the bytes' root.
	wrong: Vec<ServiceRecord>,
	/// Why a piece did not come: the owner's error, if it has failed.
	failure: Option<NetError>,
}

/// A piece under way.
struct Asked<'a> {
	peer: ServiceRecord,
	answer: BoxFuture<'a, Result<Vec<u8>, NetError>>,
}

/// The next event while waiting for a piece.
enum Next {
	/// The source at this place has answered.
	Answered(usize, Result<Vec<u8>, NetError>),
	/// It is time to ask another source, if there is one.
	Another(Option<ServiceRecord>),
}

impl Fetcher {
	/// A fetcher without experience of any peer.
	pub fn new(net: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
		Self { net, clock, faulty: Mutex::default() }
	}

	/// The bytes that `blob` describes, from the peers `first`, in that order; `more` looks up further ones
	/// if those do not answer, or not in time. The last of `first` is the owner, which has to answer for the
	/// bytes: its error is returned, if it gave one. [`NetError::WrongBytes`] is also returned if no bytes
	/// fit the description.
	pub async fn fetch(
		&self,
		blob: &Output,
		first: Vec<ServiceRecord>,
		more: BoxFuture<'_, Vec<ServiceRecord>>,
		pass: Option<&SignedPass>,
	) -> Result<Fetched, NetError> {
		if blob.len > MAX_PAYLOAD {
			return Err(NetError::WrongBytes);
		}
		let mut sources = Sources {
			owner: first.last().cloned(),
			named: Vec::new(),
			next: VecDeque::new(),
			more: Some(more),
			last: VecDeque::new(),
			wrong: Vec::new(),
			failure: None,
		};
		self.add(&mut sources, first);
		let mut bytes = Vec::new();
		let from = loop {
			let range = ChunkRange::behind(bytes.len());
			let (mut piece, peer) = self.piece(blob, range, &mut sources, pass).await?;
			bytes.append(&mut piece);
			if bytes.len() as u64 >= u64::from(blob.len) {
				break peer;
			}
		};
		let hash = blob.hash;
		let hashed = aside(move || (sha256(&bytes) == hash).then_some(bytes)).await;
		let bytes = hashed.ok_or(NetError::WrongBytes)?;
		for liar in &sources.wrong {
			tracing::warn!(peer = %self.net.peer_name(liar), ?hash, "a peer sent other bytes, or broke the protocol");
			self.note(liar, WRONG_FOR_MS);
		}
		Ok(Fetched { bytes, from })
	}

	/// One piece, and the peer that sent it first.
	async fn piece<'a>(
		&'a self,
		blob: &Output,
		range: ChunkRange,
		sources: &mut Sources<'_>,
		pass: Option<&'a SignedPass>,
	) -> Result<(Vec<u8>, ServiceRecord), NetError> {
		let len = range.within(blob.len.into()).map_or(0, |within| within.len() as u64);
		let patience_ms = patience_ms(len);
		let mut asked: VecDeque<Asked<'a>> = VecDeque::new();
		// A source that is too slow for this piece, while others may send it.
		let mut slow: Vec<ServiceRecord> = Vec::new();
		// When the next one is asked; never if there is none.
		let mut due_ms = Some(self.clock.now_ms());
		loop {
			let next = self.next(&mut asked, sources, due_ms).await;
			match next {
				Next::Answered(place, answer) => {
					let Some(Asked { peer, .. }) = asked.remove(place) else { continue };
					let error = match answer {
						Ok(bytes) => {
							// Those before it were asked already.
							slow.extend(asked.drain(..place).map(|asked| asked.peer));
							let later = asked.drain(..).map(|asked| asked.peer);
							later.for_each(|later| sources.next.push_front(later));
							sources.next.push_front(peer.clone());
							slow.iter().for_each(|slow| self.note(slow, SLOW_FOR_MS));
							sources.last.extend(slow);
							return Ok((bytes, peer));
						}
						Err(error) => error,
					};
					if sources.failure.is_none() || sources.owner.as_ref() == Some(&peer) {
						sources.failure = Some(error.clone());
					}
					match error {
						NetError::WrongBytes | NetError::Protocol(_) => sources.wrong.push(peer),
						error if error.is_silence() => self.note(&peer, SLOW_FOR_MS),
						_ => {}
					}
					due_ms = Some(self.clock.now_ms());
				}
				Next::Another(Some(peer)) => {
					if asked.len() >= MOST_ASKED {
						let is_other =
							|asked: &Asked<'_>| sources.owner.as_ref() != Some(&asked.peer);
						let place = asked.iter().position(is_other).unwrap_or(0);
						slow.extend(asked.remove(place).map(|asked| asked.peer));
					}
					let answer = Box::pin(self.ask(peer.clone(), *blob, range, pass));
					asked.push_back(Asked { peer, answer });
					due_ms = Some(self.clock.now_ms().saturating_add(patience_ms));
				}
				// The others have failed: slow is better than nothing.
				Next::Another(None) if !slow.is_empty() && asked.len() < MOST_ASKED => {
					sources.last.extend(slow.drain(..));
				}
				Next::Another(None) if !asked.is_empty() => due_ms = None,
				Next::Another(None) => {
					return Err(sources.failure.take().unwrap_or(NetError::NotFound));
				}
			}
		}
	}

	/// Waits for an answer, or until another source is to be asked.
	async fn next(
		&self,
		asked: &mut VecDeque<Asked<'_>>,
		sources: &mut Sources<'_>,
		due_ms: Option<u64>,
	) -> Next {
		let answered = async {
			if asked.is_empty() {
				return pending().await;
			}
			let answers = asked.iter_mut().map(|asked| &mut asked.answer);
			let (answer, place, _) = select_all(answers).await;
			Next::Answered(place, answer)
		};
		let another = async {
			match due_ms {
				Some(due_ms) => self.clock.sleep_until(due_ms).await,
				None => pending().await,
			}
			Next::Another(self.another(sources).await)
		};
		match select(pin!(answered), pin!(another)).await {
			Either::Left((next, _)) | Either::Right((next, _)) => next,
		}
	}

	/// The next source to ask.
	async fn another(&self, sources: &mut Sources<'_>) -> Option<ServiceRecord> {
		if sources.next.is_empty() {
			if let Some(more) = &mut sources.more {
				let found = more.await;
				sources.more = None;
				self.add(sources, found);
			}
		}
		sources.next.pop_front().or_else(|| sources.last.pop_front())
	}

	/// Asks a peer for a piece, and checks it.
	async fn ask(
		&self,
		peer: ServiceRecord,
		blob: Output,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Vec<u8>, NetError> {
		let chunks = self.net.chunks(&peer, blob.hash, range, pass).await?;
		let (root, chunks) = aside(move || (chunks.root(range), chunks)).await;
		let is_right = chunks.len == blob.len && root == Some(blob.chunk_root);
		is_right.then_some(chunks.bytes).ok_or(NetError::WrongBytes)
	}

	/// Adds sources that are new, each once.
	fn add(&self, sources: &mut Sources<'_>, found: Vec<ServiceRecord>) {
		let now_ms = self.clock.now_ms();
		let faulty = lock(&self.faulty);
		for peer in found {
			if sources.named.contains(&peer) {
				continue;
			}
			sources.named.push(peer.clone());
			match faulty.get(&peer.encode()) {
				Some(until_ms) if now_ms < *until_ms => sources.last.push_back(peer),
				_ => sources.next.push_back(peer),
			}
		}
	}

	/// Asks a peer last for so long from now on.
	fn note(&self, peer: &ServiceRecord, for_ms: u64) {
		let now_ms = self.clock.now_ms();
		let mut faulty = lock(&self.faulty);
		if faulty.len() >= MOST_FAULTY {
			faulty.retain(|_, until_ms| now_ms < *until_ms);
		}
		if faulty.len() >= MOST_FAULTY {
			faulty.clear();
		}
		let until_ms = faulty.entry(peer.encode()).or_default();
		*until_ms = now_ms.saturating_add(for_ms).max(*until_ms);
	}
}

#[cfg(test)]
mod tests;
