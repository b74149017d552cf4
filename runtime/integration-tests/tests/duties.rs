//! What everybody owes can be read, from the offer of a job to the last verdict: each duty is listed as
//! soon as its call is taken, with the first block that is too late, and no longer when it is done.

use codec::{Decode, Encode};
use livepeer_integration_tests::{create_job, Story, Turn, World};
use livepeer_primitives::{
	api::{ChallengeStage, Duty, DutyView},
	verdict::Verdict,
};
use livepeer_runtime::api;
use sp_keyring::Sr25519Keyring;

/// What the runtime's API says that `who` owes, heartbeats aside, which workers here send by themselves.
fn owed(world: &mut World, who: Sr25519Keyring) -> Vec<DutyView> {
	let asked = who.to_account_id().encode();
	let answer = world.run(|| api::dispatch("LivepeerApi_duties", &asked)).expect("it is served");
	let duties = Vec::<DutyView>::decode(&mut &answer[..]).expect("it is a list of duties");
	assert!(duties.windows(2).all(|pair| pair[0].until <= pair[1].until), "{duties:?}");
	duties.into_iter().filter(|duty| duty.duty != Duty::Heartbeat).collect()
}

#[test]
fn duties_should_be_listed_until_they_are_done_from_offer_to_verdict() {
	let mut world = Story::network();
	let job = create_job(&mut world, Story::BROADCASTER, "duties", 600);
	world.until(20, |world| Turn::current(world, job).is_some());
	let mut story = Story::resume(world, job);
	let turn = story.turn();
	let transcoder = turn.transcoder;
	// The offer.
	let [offer] = owed(&mut story.world, transcoder)[..] else { panic!("it owes its acceptance") };
	assert_eq!(offer.duty, Duty::Accept { job, assignment: turn.assignment });
	assert!(offer.until > story.world.number());
	assert_eq!(owed(&mut story.world, Story::other(transcoder)), vec![]);
	story.accept();
	assert_eq!(owed(&mut story.world, transcoder), vec![]);

	// The leaves.
	let claim = story.claim(16);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let view = story.challenge(&claim);
	let leaves = DutyView { duty: Duty::RevealLeaves { claim: claim.id }, until: view.deadline };
	assert_eq!(owed(&mut story.world, transcoder), vec![leaves]);
	story.reveal(&claim);
	assert_eq!(owed(&mut story.world, transcoder), vec![]);

	// The verdicts.
	let ballot = story.ballot(&claim);
	let until = story.challenge(&claim).deadline;
	let tranche = ballot.tranche;
	for (index, member) in ballot.members.clone().into_iter().enumerate() {
		let duty =
			Duty::Commit { claim: claim.id, tranche, member: index as u16, is_excused: false };
		assert_eq!(owed(&mut story.world, member), vec![DutyView { duty, until }]);
	}
	// One asks: the transcoder has to serve it.
	let asked = ballot.ask(0);
	story.world.ok_authorized(asked);
	let serve = DutyView { duty: Duty::ServeBytes { claim: claim.id }, until };
	assert_eq!(owed(&mut story.world, transcoder), vec![serve]);

	let valid: Vec<_> = (0..ballot.members.len())
		.map(|member| (member, ballot.opening(member, Verdict::Valid)))
		.collect();
	for (member, opening) in &valid {
		story.world.ok_authorized(ballot.commit(*member, opening));
	}
	story.until_stage(&claim, ChallengeStage::VerdictReveal);
	let until = story.challenge(&claim).deadline;
	assert_eq!(owed(&mut story.world, transcoder), vec![]);
	for (index, member) in ballot.members.clone().into_iter().enumerate() {
		let duty = Duty::Reveal { claim: claim.id, tranche, member: index as u16 };
		assert_eq!(owed(&mut story.world, member), vec![DutyView { duty, until }]);
		let (_, opening) = &valid[index];
		story.world.ok_authorized(ballot.reveal(index, opening));
		assert_eq!(owed(&mut story.world, member), vec![]);
	}
	story.settle(&claim);
	story.close();
	for member in ballot.members.iter().chain([&transcoder]) {
		assert_eq!(owed(&mut story.world, *member), vec![]);
	}
}

/// An offer is listed up to the last block in which it can be accepted, and not in the next.
#[test]
fn offer_should_be_listed_until_its_last_block_and_no_longer() {
	let mut world = Story::network();
	let job = create_job(&mut world, Story::BROADCASTER, "offer", 600);
	world.until(20, |world| Turn::current(world, job).is_some());
	let first = Turn::current(&mut world, job).expect("it is offered");
	let duty = Duty::Accept { job, assignment: first.assignment };
	let listed = |world: &mut World| {
		owed(world, first.transcoder).into_iter().find(|listed| listed.duty == duty)
	};
	let until = listed(&mut world).expect("it is listed").until;
	while world.number() + 1 < until {
		assert!(listed(&mut world).is_some());
		world.next_block();
	}
	world.next_block();
	assert_eq!(listed(&mut world), None);
}
