//! Contradictions that a role finds: stored with both signatures until they are reported to the chain, or the
//! chain takes them no more.
//!
//! Two contradictory signatures deceive one of their recipients. The chain takes stake or bond for that, if
//! somebody who saw both reports it in time. A role compares only what it handles and stores anyway.

use std::sync::{Arc, Mutex};

use codec::{Decode, DecodeAll, Encode};
use livepeer_primitives::{segment::SegmentHeader, BlockNumber};
use thiserror::Error;

use crate::{
	key::KeyBook,
	lock,
	ports::{
		chain::{At, Call, Chain, ChainError, Refused, Wait},
		contradiction::{Contradiction, Offence},
		events::{Event, EventSink},
		store::{StoreError, Values},
	},
};

/// The name of the contradictions in the store.
const KEPT: &str = "contradictions";
/// The most stored contradictions, one for each offence: some hundred KiB. Settled ones make room for new
/// ones; if none is settled, no more are stored.
pub const MOST_KEPT: usize = 64;
/// The pause in blocks after the chain refused a report that it may take later.
const REST: BlockNumber = 50;

/// Why a contradiction is not stored or not reported.
#[derive(Debug, Error)]
pub enum ReportError {
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
}

/// The outcome of a contradiction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Outcome {
	/// This role reported it.
	Reported,
	/// The offence had been reported before.
	Known,
	/// The chain punishes nobody for it any more.
	TooLate,
}

impl Outcome {
	/// Its name, as in events and metrics.
	pub fn name(self) -> &'static str {
		match self {
			Self::Reported => "reported",
			Self::Known => "known",
			Self::TooLate => "too_late",
		}
	}
}

/// The chain's answer to a contradiction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
	/// It is settled.
	Settled(Outcome),
	/// It is not by the assignment's keys, and so proves nothing.
	Void,
	/// The assignment is not accepted yet, so it is open which keys count.
	NotYet,
}

/// A stored contradiction.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Kept {
	/// Both sides of it.
	pub contradiction: Contradiction,
	/// The best block when it was found.
	pub found_at: BlockNumber,
	/// Its outcome; `None` until it is settled.
	pub outcome: Option<Outcome>,
}

/// Its stored forms.
#[derive(Encode, Decode)]
enum Form {
	#[codec(index = 1)]
	V1(Vec<Kept>),
}

/// Reports a contradiction with checked signatures, if it would be punished. What the chain would foreseeably
/// refuse is not sent, because a refusal costs a transaction's fee.
pub async fn tell(chain: &dyn Chain, contradiction: &Contradiction) -> Result<Told, ChainError> {
	let SegmentHeader { job, assignment, .. } = contradiction.header();
	let (view, given) = (
		chain.job(At::Finalized, *job).await?,
		chain.assignment(At::Finalized, *job, *assignment).await?,
	);
	let Some((view, given)) = view.zip(given) else { return Ok(Told::Settled(Outcome::TooLate)) };
	if !contradiction.is_by(&view.broadcaster, &given) {
		return Ok(if given.toolchain.is_some() { Told::Void } else { Told::NotYet });
	}
	let call = Call::Report(Box::new(contradiction.clone()));
	match chain.submit(call, Wait::Finalized).await {
		Ok(()) => Ok(Told::Settled(Outcome::Reported)),
		Err(ChainError::Refused { call, refused }) => match refused {
			Refused::AlreadyReported => Ok(Told::Settled(Outcome::Known)),
			Refused::NoJob | Refused::NoAssignment | Refused::NoClaim | Refused::TooLate => {
				Ok(Told::Settled(Outcome::TooLate))
			}
			// A chain that takes no calls now refuses in another pallet's name.
			refused if refused.to_string().starts_with("Jobs.") => {
				tracing::warn!(call, %refused, "what looked like a contradiction is none");
				Ok(Told::Void)
			}
			refused => Err(ChainError::Refused { call, refused }),
		},
		Err(error) => Err(error),
	}
}

/// Stores contradictions, and reports them if the role has a key for transactions.
pub struct Reporter {
	chain: Arc<dyn Chain>,
	store: Arc<dyn Values>,
	events: Arc<dyn EventSink>,
	/// Held while the stored list is changed.
	changing: Mutex<()>,
	/// The block before which nothing is reported.
	again: Mutex<BlockNumber>,
}

impl Reporter {
	/// Keeps them in `store`.
	pub fn new(chain: Arc<dyn Chain>, store: Arc<dyn Values>, events: Arc<dyn EventSink>) -> Self {
		Self { chain, store, events, changing: Mutex::default(), again: Mutex::default() }
	}

	/// Stores a contradiction, if it is proven and the first of its offence. Nobody can have anything stored
	/// without the two valid signatures.
	pub async fn note(&self, book: &KeyBook, contradiction: Contradiction) {
		if let Err(error) = self.try_note(book, contradiction).await {
			tracing::error!(%error, "a contradiction was seen and is not kept");
		}
	}

	async fn try_note(
		&self,
		book: &KeyBook,
		contradiction: Contradiction,
	) -> Result<(), ReportError> {
		let offence = contradiction.offence();
		// Before checking signatures: an offender may repeat its offence any number of times.
		if self.kept()?.iter().any(|kept| kept.contradiction.offence() == offence)
			|| book.check_contradiction(&contradiction).await?.is_err()
		{
			return Ok(());
		}
		let SegmentHeader { assignment, seq, .. } = *contradiction.header();
		let found_at = self.chain.heads().borrow().best;
		if !self.keep(Kept { contradiction, found_at, outcome: None })? {
			return Ok(());
		}
		let Offence { by, account, job } = offence;
		let what_now = match self.chain.account() {
			Some(_) => "it is reported as soon as the block of now is final",
			None => "this role has no key to report it with: stop it, and run `livepeer-worker report --data-dir DIR --key-file FILE`",
		};
		let by = by.name();
		tracing::error!(by, %account, job, assignment, seq, "signed two things that exclude each other; {what_now}");
		self.events.emit(Event::ContradictionFound {
			by: by.into(),
			account: account.to_string(),
			job,
			assignment,
			seq,
		});
		Ok(())
	}

	/// All stored contradictions, oldest first.
	pub fn kept(&self) -> Result<Vec<Kept>, StoreError> {
		let Some(bytes) = self.store.value(KEPT)? else { return Ok(Vec::new()) };
		let Form::V1(kept) = Form::decode_all(&mut &bytes[..])
			.map_err(|error| StoreError::Index(format!("the contradictions in it: {error}")))?;
		Ok(kept)
	}

	/// Stores one more; returns whether it did. It does not if one of the same offence is there, or if there
	/// is no room.
	fn keep(&self, kept: Kept) -> Result<bool, StoreError> {
		let offence = kept.contradiction.offence();
		self.change(|all| {
			if all.iter().any(|other| other.contradiction.offence() == offence) {
				return false;
			}
			if all.len() >= MOST_KEPT {
				let settled = all.iter().position(|other| other.outcome.is_some());
				let Some(settled) = settled else {
					tracing::error!(
						"{MOST_KEPT} contradictions wait to be reported, and no more are kept"
					);
					return false;
				};
				all.remove(settled);
			}
			all.push(kept);
			true
		})
	}

	/// Changes the stored list if `change` returns that it changed it.
	fn change(&self, change: impl FnOnce(&mut Vec<Kept>) -> bool) -> Result<bool, StoreError> {
		let _changing = lock(&self.changing);
		let mut all = self.kept()?;
		let has_changed = change(&mut all);
		if has_changed {
			self.store.put_value(KEPT, &Form::V1(all).encode())?;
		}
		Ok(has_changed)
	}

	/// Reports what is not settled, and waits until each transaction is final. A node that is behind the
	/// block of a finding is not asked about it: its ignorance does not show that it is too late.
	pub async fn report(&self) -> Result<(), ReportError> {
		let head = *self.chain.heads().borrow();
		let Some(own) = self.chain.account() else { return Ok(()) };
		if head.best < *lock(&self.again) {
			return Ok(());
		}
		let mut failed = Ok(());
		for Kept { contradiction, found_at, outcome } in self.kept()? {
			let offence = contradiction.offence();
			let is_foreign = contradiction.header().genesis != self.chain.genesis();
			// Reporting one's own offence costs the same and brings nothing.
			if outcome.is_some()
				|| is_foreign
				|| head.finalized < found_at
				|| offence.account == own
			{
				continue;
			}
			match tell(&*self.chain, &contradiction).await {
				Ok(Told::Settled(outcome)) => self.settle(&offence, outcome)?,
				Ok(Told::Void) => self.forget(&offence)?,
				Ok(Told::NotYet) => {}
				Err(error) if error.is_away() => return Err(error.into()),
				Err(error) => {
					*lock(&self.again) = head.best.saturating_add(REST);
					failed = Err(error.into());
				}
			}
		}
		failed
	}

	/// Notes the outcome of an offence.
	fn settle(&self, offence: &Offence, outcome: Outcome) -> Result<(), StoreError> {
		self.change(|all| {
			let of_it = all.iter_mut().filter(|kept| kept.contradiction.offence() == *offence);
			of_it.for_each(|kept| kept.outcome = Some(outcome));
			true
		})?;
		let Offence { by, account, job } = offence;
		let (by, outcome) = (by.name(), outcome.name());
		tracing::warn!(by, %account, job, outcome, "a contradiction is settled");
		self.events.emit(Event::ContradictionSettled {
			by: by.into(),
			account: account.to_string(),
			job: *job,
			outcome: outcome.into(),
		});
		Ok(())
	}

	/// Forgets a contradiction that proved nothing: a true one of the same signer may follow.
	fn forget(&self, offence: &Offence) -> Result<(), StoreError> {
		tracing::warn!(
			?offence,
			"a contradiction is by other keys than the assignment's, and forgotten"
		);
		self.change(|all| {
			all.retain(|kept| kept.contradiction.offence() != *offence);
			true
		})?;
		Ok(())
	}

	/// Reports with every new head; never ends.
	pub async fn keep_reporting(&self) {
		let mut heads = self.chain.heads();
		loop {
			drop(heads.borrow_and_update());
			if let Err(error) = self.report().await {
				tracing::warn!(%error, "a contradiction is not reported; it is tried again");
			}
			if heads.changed().await.is_err() {
				std::future::pending::<()>().await;
			}
		}
	}
}

#[cfg(test)]
mod tests;
