//! The invariants of the pallet's storage.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::ensure;
use livepeer_primitives::{
	leaf::Leaf,
	traits::{Beacon, Claims, Rounds},
	verdict::DISPUTE,
	ClaimId, MAX_VALIDATORS,
};
use sp_runtime::TryRuntimeError;

use crate::{
	omission_impls::CHILLED_LATE,
	types::{Answer, Challenge, Class, Conduct, RoundRecord, Stage, Tally, Task},
	Agenda, Attestations, Backlog, Ballots, Challenges, ChilledLate, Config, Judges, Leaves,
	Members, NoShows, OfRound, Pallet, Queues, RetiringToolchains, Tallied, Toolchains,
};

impl<T: Config> Pallet<T> {
	/// Checks every invariant.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		for (id, challenge) in Challenges::<T>::iter() {
			Self::check_challenge(id, &challenge)?;
			Self::check_stage(id, &challenge)?;
			Self::check_judges(id, &challenge)?;
			Self::check_ballot(id, &challenge)?;
		}
		Self::check_no_orphans()?;
		Self::check_rounds()?;
		Self::check_queues()?;
		Self::check_toolchains()?;
		Self::check_tallies()?;
		Self::check_chilled()?;
		Self::check_attestations()?;
		ensure!(NoShows::<T>::iter_values().all(|count| count > 0), "no count is zero");
		Ok(())
	}

	/// A challenge has the claim that it is about, and one entry in the agenda.
	fn check_challenge(id: ClaimId, challenge: &Challenge) -> Result<(), TryRuntimeError> {
		let info = T::Claims::claim(id).ok_or("a challenge has a claim")?;
		ensure!(
			info.transcoder == challenge.transcoder
				&& info.broadcaster == challenge.broadcaster
				&& info.round == challenge.round
				&& info.window == challenge.window,
			"a challenge says what its claim says"
		);
		let entry = (challenge.class, challenge.due, Task::Challenge(id));
		ensure!(Agenda::<T>::contains_key(entry), "a challenge is on the agenda");
		let is_closing = matches!(challenge.stage, Stage::Decided(_));
		ensure!(
			is_closing == (challenge.class == Class::Lazy),
			"a challenge stands in the queue of its stage"
		);
		let first = Backlog::<T>::get(challenge.class).unwrap_or(Self::now().saturating_add(1));
		ensure!(challenge.due >= first, "nothing due is left behind");
		Ok(())
	}

	/// A challenge has exactly what belongs to its stage.
	fn check_stage(id: ClaimId, challenge: &Challenge) -> Result<(), TryRuntimeError> {
		let committee = Members::<T>::iter_prefix_values((id, 0)).count();
		let everybody = Members::<T>::iter_prefix_values((id, DISPUTE)).count();
		let leaves: BTreeMap<_, _> = Leaves::<T>::iter_prefix(id).collect();
		let is_voting = challenge.stage == Stage::Voting;
		ensure!(
			Ballots::<T>::contains_key(id) == is_voting,
			"a ballot is open exactly while a challenge is voted on"
		);
		let is_decided = matches!(challenge.stage, Stage::Decided(_));
		ensure!(
			is_decided || leaves.len() == Self::revealed_leaves(challenge).len(),
			"leaves are those that answer positions"
		);
		let work = leaves.values().fold(0u64, |sum, leaf| sum.saturating_add(leaf.work()));
		ensure!(is_decided || work == challenge.sampled_work, "sampled work is that of all leaves");
		let transcoded = leaves.values().filter(|leaf| matches!(leaf, Leaf::Transcoded { .. }));
		let work = transcoded.fold(0u64, |sum, leaf| sum.saturating_add(leaf.work()));
		ensure!(
			is_decided || work == challenge.transcoded_work,
			"transcoded work is that of all transcoded leaves"
		);
		match &challenge.stage {
			Stage::AwaitingSeed => {
				ensure!(challenge.samples.is_empty(), "nothing is drawn before the seed");
				ensure!(committee == 0, "nobody is drawn before the seed");
			}
			Stage::LeafReveal { members, .. } => {
				ensure!(committee == usize::from(*members), "the committee is stored");
			}
			Stage::Voting | Stage::AwaitingDispute | Stage::AwaitingTranche(_) => {
				ensure!(committee > 0, "the committee stays until the decision");
				let answered = challenge.samples.iter().all(|sample| sample.leaf.is_some());
				ensure!(answered, "judged are claims whose leaves are revealed");
			}
			Stage::Decided(_) => {
				ensure!(
					committee == 0 && everybody == 0 && leaves.is_empty(),
					"votes and leaves are gone after the decision"
				);
			}
		}
		Ok(())
	}

	/// Every member is a judge, once, and judges owe nothing before the decision.
	fn check_judges(id: ClaimId, challenge: &Challenge) -> Result<(), TryRuntimeError> {
		let stored = Judges::<T>::get(id);
		ensure!(stored.as_ref().is_none_or(|judges| !judges.is_empty()), "no list is empty");
		let judges = stored.unwrap_or_default();
		let mut accounts: Vec<_> = judges.iter().map(|judge| &judge.account).collect();
		accounts.sort();
		let listed = accounts.len();
		accounts.dedup();
		ensure!(accounts.len() == listed, "nobody is a judge twice");
		if matches!(challenge.stage, Stage::Decided(_)) {
			return Ok(());
		}
		ensure!(
			judges.iter().all(|judge| judge.conduct == Conduct::Unasked),
			"what a judge owes follows from the decision"
		);
		let mut members: Vec<_> =
			Members::<T>::iter_prefix_values((id,)).map(|member| member.account).collect();
		members.sort();
		members.dedup();
		ensure!(members.iter().eq(accounts), "the judges are the members of all tranches");
		Ok(())
	}

	/// A ballot counts its members' answers, and crowded blocks extend it no further than allowed.
	fn check_ballot(id: ClaimId, challenge: &Challenge) -> Result<(), TryRuntimeError> {
		let Some(ballot) = Ballots::<T>::get(id) else { return Ok(()) };
		let members: Vec<_> = Members::<T>::iter_prefix_values((id, ballot.tranche)).collect();
		let committed = members.iter().filter(|m| m.answer != Answer::Silent).count();
		let revealed = members
			.iter()
			.filter(|member| matches!(member.answer, Answer::Revealed { .. }))
			.count();
		ensure!(
			members.len() == usize::from(ballot.members)
				&& committed == usize::from(ballot.committed)
				&& revealed == usize::from(ballot.revealed),
			"a ballot counts its members' answers"
		);
		ensure!(
			ballot.spare <= challenge.parameters.reveal_window,
			"crowded blocks prolong a ballot by a reveal window at most"
		);
		Ok(())
	}

	/// Nothing is stored for a challenge that is closed.
	fn check_no_orphans() -> Result<(), TryRuntimeError> {
		for (class, due, task) in Agenda::<T>::iter_keys() {
			let is_due = match task {
				Task::Challenge(id) => Challenges::<T>::get(id)
					.is_some_and(|challenge| challenge.due == due && challenge.class == class),
				Task::Toolchain(toolchain) => {
					class == Class::Lazy
						&& RetiringToolchains::<T>::get()
							.iter()
							.any(|entry| entry.toolchain == toolchain && entry.until == due)
				}
			};
			ensure!(is_due, "an agenda entry has what it is about");
		}
		let ids = Ballots::<T>::iter_keys()
			.chain(Members::<T>::iter_keys().map(|(id, _, _)| id))
			.chain(Leaves::<T>::iter_keys().map(|(id, _)| id))
			.chain(Judges::<T>::iter_keys());
		for id in ids {
			ensure!(Challenges::<T>::contains_key(id), "what is stored belongs to a challenge");
		}
		Ok(())
	}

	/// A judge's queue counts the open ballots that it has not answered.
	fn check_queues() -> Result<(), TryRuntimeError> {
		let mut owed = BTreeMap::new();
		for (id, ballot) in Ballots::<T>::iter() {
			for member in Members::<T>::iter_prefix_values((id, ballot.tranche)) {
				if member.answer == Answer::Silent {
					let count: &mut u32 = owed.entry(member.account).or_default();
					*count = count.saturating_add(1);
				}
			}
		}
		let queues = Queues::<T>::get();
		ensure!(
			owed.into_iter()
				.eq(queues.iter().map(|(account, queue)| (account.clone(), queue.owed))),
			"a queue counts what its judge has not answered"
		);
		Ok(())
	}

	/// The rounds' records count the open challenges.
	fn check_rounds() -> Result<(), TryRuntimeError> {
		let mut open = BTreeMap::new();
		for challenge in Challenges::<T>::iter_values() {
			let count: &mut u32 = open.entry((challenge.transcoder, challenge.round)).or_default();
			*count = count.saturating_add(1);
		}
		let records: Vec<_> = OfRound::<T>::iter().collect();
		ensure!(records.len() == open.len(), "each round with open challenges has one record");
		for (transcoder, round, RoundRecord { open: counted, .. }) in records {
			ensure!(
				open.get(&(transcoder, round)) == Some(&counted),
				"a round counts its challenges"
			);
		}
		Ok(())
	}

	/// A judge that lacks nothing and owes nothing has no entry, and no entry is of a future
	/// window.
	fn check_attestations() -> Result<(), TryRuntimeError> {
		for attestation in Attestations::<T>::iter_values() {
			let is_empty = attestation.lacking.is_empty() && attestation.owed.is_none();
			ensure!(!is_empty, "an attestation says something");
			let ascends = attestation.lacking.windows(2).all(|pair| pair.first() < pair.get(1));
			ensure!(ascends, "what a judge lacks ascends");
			let owes = attestation.owed.is_none_or(|owed| !owed.toolchains.is_empty());
			ensure!(owes, "who has to attest owes it for a toolchain");
			let window = T::Beacon::current_window();
			ensure!(attestation.window <= window, "nothing is attested in a window to come");
		}
		Ok(())
	}

	/// At most a tenth of any set was chilled for bytes that came late.
	fn check_chilled() -> Result<(), TryRuntimeError> {
		let Some((since, count)) = ChilledLate::<T>::get() else { return Ok(()) };
		ensure!(since <= T::Rounds::current(), "nobody is chilled in a round to come");
		ensure!(
			(1..=MAX_VALIDATORS / CHILLED_LATE).contains(&count),
			"a tenth of all validators at most is chilled for bytes that came late"
		);
		Ok(())
	}

	/// Tallies ascend, and none is of a future stretch. Failed work was decided, and has a
	/// transcoder.
	fn check_tallies() -> Result<(), TryRuntimeError> {
		let now = Self::stretch_of(Self::now());
		for tallies in Tallied::<T>::iter_values() {
			let ascends = tallies.windows(2).all(|pair| pair[0].stretch < pair[1].stretch);
			ensure!(ascends && !tallies.is_empty(), "tallies ascend");
			for Tally { stretch, decided, failed, transcoders, broadcasters } in &tallies {
				ensure!(*stretch <= now, "nothing was decided in a stretch to come");
				ensure!(*decided > 0 && failed <= decided, "what failed was decided");
				let is_somebodys = !transcoders.is_empty() && !broadcasters.is_empty();
				ensure!((*failed > 0) == is_somebodys, "what failed was somebody's");
			}
		}
		Ok(())
	}

	/// A toolchain is listed once, and forgotten in its block.
	fn check_toolchains() -> Result<(), TryRuntimeError> {
		let toolchains = Toolchains::<T>::get();
		let ascending = toolchains.windows(2).all(|pair| pair[0] < pair[1]);
		ensure!(ascending, "toolchains ascend");
		for entry in RetiringToolchains::<T>::get() {
			ensure!(
				toolchains.binary_search(&entry.toolchain).is_err(),
				"a toolchain that retires is accepted no longer"
			);
			let task = Task::Toolchain(entry.toolchain);
			ensure!(
				Agenda::<T>::contains_key((Class::Lazy, entry.until, task)),
				"a toolchain that retires is on the agenda"
			);
		}
		Ok(())
	}
}
