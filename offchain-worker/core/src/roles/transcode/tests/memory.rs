//! Folders that may be old copies.

use super::*;

#[test]
fn old_copy_of_a_folder_should_sign_only_for_what_is_accepted_from_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 0).await);
		let copy = story.store.backup();
		receipt(story.send(&role, 1).await);
		// The machine is lost, and an hour later the copy is put in its place.
		sim.sleep(3_600_000).await;
		let restored = story.over(&copy);
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&restored, 1).await, refused, "it does not know what it signed");
		assert_eq!(story.send(&restored, 2).await, refused);
		let said = story.warned(Warning::Restored);
		assert!(said.iter().any(|text| text.contains("may be an old copy")), "{said:?}");
		// A second start trusts no more than the first.
		sim.sleep(1_000).await;
		let restored = story.over(&copy);
		assert_eq!(story.send(&restored, 2).await, refused);
		// What it accepts itself it serves, also after another start.
		story.another_job("two").await;
		restored.registration.refresh().await.unwrap();
		receipt(restored.push(story.signed_for(2, "two", 0), bytes(0)).await);
		assert_eq!(story.send(&restored, 2).await, refused);
		let restored = story.over(&copy);
		receipt(restored.push(story.signed_for(2, "two", 1), bytes(1)).await);
		assert_eq!(story.send(&restored, 2).await, refused);
		// Put back once more, it knows nothing of that either.
		sim.sleep(3_600_000).await;
		let restored = story.over(&copy);
		assert_eq!(restored.push(story.signed_for(2, "two", 2), bytes(2)).await, refused);
	})
}

#[test]
fn folder_should_be_believed_again_when_nothing_of_before_is_left() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		sim.sleep(3_600_000).await;
		let role = story.role(FakeEngine::default());
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&role, 0).await, refused);
		role.register(&FakeNet::record("t")).await.unwrap();
		role.registration.refresh().await.unwrap();
		assert_eq!(story.send(&role, 0).await, refused, "its job of before is still there");
		story.chain.remove_job(1);
		role.registration.refresh().await.unwrap();
		// Accepted, and the answer was lost: only who knows all may sign for it.
		story.another_job("two").await;
		let other = story.over(&MemoryStore::default());
		other.registration.refresh().await.unwrap();
		role.registration.refresh().await.unwrap();
		receipt(role.push(story.signed_for(2, "two", 0), bytes(0)).await);
	})
}

#[test]
fn folder_without_a_node_that_is_up_to_date_should_not_be_believed_again() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		sim.sleep(3_600_000).await;
		// The node still syncs, and knows of no job; nothing of its own has become final.
		let role = story.role(FakeEngine::default());
		story.chain.remove_job(1);
		role.registration.refresh().await.unwrap();
		story.another_job("two").await;
		story.over(&MemoryStore::default()).registration.refresh().await.unwrap();
		role.registration.refresh().await.unwrap();
		let reply = role.push(story.signed_for(2, "two", 0), bytes(0)).await;
		assert_eq!(reply, PushReply::Refused(Refusal::NotServed));
	})
}

#[test]
fn nothing_should_be_signed_when_the_chain_has_claims_that_the_folder_does_not_know() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let copy = story.store.backup();
		let role = story.role(FakeEngine::default());
		story.send_all(&role, 0..4).await;
		story.duties(&role).await;
		assert_eq!(story.chain.claims().len(), 1);
		// At once: too soon for the time to say anything.
		let restored = story.over(&copy);
		restored.registration.refresh().await.unwrap();
		let refused = PushReply::Refused(Refusal::NotServed);
		assert_eq!(story.send(&restored, 4).await, refused);
		story.duties(&restored).await;
		let said = story.warned(Warning::Restored);
		assert!(said.iter().any(|text| text.contains("claimed up to 4 on chain")), "{said:?}");
		let lost = story.warned(Warning::ClaimLost);
		assert!(
			lost.iter().any(|text| text.contains("cannot answer these open claims: 1.")),
			"{lost:?}"
		);
		// The folder itself continues.
		let role = story.role(FakeEngine::default());
		receipt(story.send(&role, 4).await);
	})
}

#[test]
fn folder_should_be_believed_when_its_role_ran_a_short_while_ago() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let (stop, stopped) = watch::channel(false);
		let role = Rc::new(story.role(FakeEngine::default()));
		let running = role.clone();
		sim.spawn(async move { running.run(stopped).await });
		// However long it runs without a block.
		sim.sleep(7_200_000).await;
		stop.send_replace(true);
		sim.sleep(crate::recall::LEFT_MS - 60_000).await;
		receipt(story.send(&story.role(FakeEngine::default()), 0).await);
	})
}
