#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
	fakes::{
		output, rendition, segment_info, segment_record, signed_header, signed_receipt, simulate,
		FakeChain, FakeEngine, FakeNet, MemoryStore, Sim, GENESIS,
	},
	key::{Key, Signing},
	ports::{
		chain::{Call, Chain, Wait},
		engine::{Format, Variant},
		store::Blobs,
	},
	roles::broadcast::Origin,
};
use livepeer_primitives::{
	api::{BallotView, DrawnLeaf, JudgeView},
	claim::ClaimInfo,
	extension::Extensions,
	receipt::{Outputs, TranscodeResult},
	sum_tree::{Commitment, SumTree},
	verdict::{Evidence, MismatchKind, NonConformingKind},
	video::SourceLimits,
	work::WorkFactors,
};
use std::sync::Arc;

const FACTORS: WorkFactors = WorkFactors::canonical(1_000, 250, 77);
const CLAIM: ClaimId = 7;

fn format() -> Format {
	Format {
		ladder: vec![rendition(64, 36, 100), rendition(32, 18, 50)].try_into().unwrap(),
		limits: SourceLimits::new(128, 72, 30),
		variants: true,
		stated: None,
	}
}

/// A claim of an honest transcoder and of one that sends black pictures, and judges who said so.
struct Story {
	chain: FakeChain,
	net: FakeNet,
	store: MemoryStore,
	transcoder: Key,
}

impl Story {
	async fn new(_: &Sim) -> Self {
		let transcoder = Key::from_uri("//Alice").unwrap();
		let story = Self {
			chain: FakeChain::default(),
			net: FakeNet::new(),
			store: MemoryStore::default(),
			transcoder,
		};
		story.net.serve("t", Arc::new(Origin::new(Arc::new(story.store.clone()))));
		let register = Call::Transcoder {
			price: 1,
			reward_cut: Default::default(),
			fee_share: Default::default(),
			service: FakeNet::record("t"),
		};
		let client = story.chain.client(Some(story.transcoder.clone()));
		client.submit(register, Wait::InBlock).await.unwrap();
		story
	}

	fn info(&self) -> ClaimInfo {
		ClaimInfo {
			job: 1,
			assignment: 0,
			transcoder: self.transcoder.account(),
			transcoder_keys: 0,
			broadcaster: Key::from_uri("//Bob").unwrap().account(),
			broadcaster_keys: 0,
			stream: Hash::repeat_byte(3),
			first: 100,
			commitment: Commitment { root: Hash::zero(), total_work: 1, leaf_count: 8 },
			largest_leaf: 1,
			toolchain: FakeEngine::default().toolchain,
			ladder: format().ladder,
			limits: format().limits,
			factors: FACTORS,
			max_samples: 4,
			fee: 1,
			round: 1,
			window: 1,
		}
	}

	/// A drawn leaf whose bytes the transcoder serves.
	async fn leaf(&self, index: u32, black: bool, made_as: Option<Variant>) -> DrawnLeaf {
		let input = vec![index as u8, 1, 2, 3];
		let honest = FakeEngine::default();
		let mut made = honest.transcode(&format(), &input, made_as).await.unwrap();
		if black {
			made.outputs.iter_mut().for_each(|bytes| bytes.fill(0));
		}
		let mut outputs = Outputs::default();
		for bytes in &made.outputs {
			self.store.put(bytes).unwrap();
			outputs.try_push(Some(output(bytes))).unwrap();
		}
		self.store.put(&input).unwrap();
		let leaf = Leaf::Transcoded {
			segment: segment_info(&input),
			outputs,
			work: made.pixels.work(&FACTORS, &format().ladder, |_| true).unwrap(),
			extensions: Extensions::default(),
		};
		let place = self.info().place(GENESIS, index);
		let (seq, header) = (place.seq, leaf.header_hash(place).unwrap());
		DrawnLeaf {
			leaf: VerifyLeaf { index, seq, header, leaf },
			variant: made_as.map(|variant| variant.rendition),
		}
	}

	fn judgement(&self, leaves: Vec<DrawnLeaf>, said: Vec<Verdict>) -> JudgementView {
		let judge = JudgeView {
			account: AccountId::new([9; 32]),
			stake: 5,
			answer: JudgeAnswer::Revealed {
				verdicts: said.try_into().unwrap(),
				evidence: Evidence { recipe: 1, hash: Hash::zero() },
			},
		};
		let silent = JudgeView { answer: JudgeAnswer::Silent, ..judge.clone() };
		let ballot = BallotView { tranche: 0, seed: None, judges: vec![judge, silent] };
		JudgementView {
			claim: self.info(),
			stage: ChallengeStage::VerdictReveal,
			outcome: None,
			leaves,
			ballots: vec![ballot],
		}
	}

	fn decided(&self, outcome: Outcome) -> JudgementView {
		JudgementView {
			stage: ChallengeStage::Decided,
			outcome: Some(outcome),
			leaves: vec![],
			ballots: vec![],
			..self.judgement(vec![], vec![])
		}
	}

	async fn gather(&self, at: BlockNumber) -> Result<Case, AuditError> {
		gather(&self.chain.client(None), &self.net.end("a"), CLAIM, at).await
	}
}

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

fn read(bytes: &[u8]) -> Option<Case> {
	Case::read(bytes, bytes.len() as u64)
}

/// A small file that would take all memory of its judge.
#[test]
fn attack_case_that_fills_the_memory() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, vec![Verdict::Valid])));
		let case = story.gather(12).await.unwrap();
		let empty = |count| vec![LeafBytes::default(); count];
		let most = MAX_SAMPLES as usize;
		let full = Case { leaves: empty(most), ..case.clone() };
		assert_eq!(read(&full.to_bytes()), Some(full));
		let beyond = Case { leaves: empty(most + 1), ..case.clone() };
		assert_eq!(read(&beyond.to_bytes()), None, "more leaves than can be drawn");
		// Three bytes for each of them in the file: it is given up before they are all in memory.
		let flood = Case { leaves: empty(200_000), ..case }.to_bytes();
		let most = 2 * flood.len() + SAID as usize;
		assert!(200_000 * std::mem::size_of::<LeafBytes>() > most);
		let mut input = &flood[MAGIC.len()..];
		let read_on = Case::decode(&mut MemTrackingInput::new(&mut input, most));
		assert!(read_on.is_err() && read(&flood).is_none());
	});
}

/// A case's author lies about the chain: about the outcome, and about the owners of keys.
#[test]
fn attack_case_that_lies_about_outcome_or_keys() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, vec![WRONG])));
		story.chain.judge(20, CLAIM, Some(story.decided(Outcome::Failed)));
		let case = story.gather(25).await.unwrap();
		let chain = story.chain.client(None);
		assert!(is_of_chain(&chain, &case).await.unwrap());
		let acquitted = Case { outcome: Some(Outcome::Accepted), ..case.clone() };
		assert!(!is_of_chain(&chain, &acquitted).await.unwrap());
		let mut forged = case.clone();
		forged.broadcaster_keys.insert(
			0,
			KeysView {
				generation: 1,
				keys: vec![Key::from_uri("//Eve").unwrap().public()],
				revoked: vec![false],
				vrf: None,
			},
		);
		assert!(!is_of_chain(&chain, &forged).await.unwrap());
		let mut forged = case;
		forged.transcoder_keys.clear();
		assert!(!is_of_chain(&chain, &forged).await.unwrap());
	});
}

#[test]
fn case_should_say_in_a_file_what_was_wrong_with_a_claim_that_failed() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await, story.leaf(5, true, None).await];
		let held = story.judgement(leaves, vec![Verdict::Valid, WRONG]);
		story.chain.judge(10, CLAIM, Some(held.clone()));
		story.chain.judge(31, CLAIM, Some(story.decided(Outcome::Failed)));
		story.chain.judge(90, CLAIM, None);
		// At whatever block it is asked for: the votes as they were last.
		for at in [31, 32, 33, 64, 89, 90, 150] {
			let case = story.gather(at).await.unwrap();
			assert_eq!((case.block, case.outcome), (30, Some(Outcome::Failed)), "from {at}");
			assert_eq!(case.judgement, held);
		}
		let open = story.gather(12).await.unwrap();
		assert_eq!((open.block, open.outcome), (12, None));

		let case = read(&story.gather(60).await.unwrap().to_bytes()).unwrap();
		assert_eq!(case.missing(), 0);
		let again = judge_again(&FakeEngine::default(), &case).await;
		let verdicts: Vec<_> = again.leaves.iter().map(|leaf| leaf.verdict.clone()).collect();
		assert_eq!(verdicts, [Ok(Verdict::Valid), Ok(WRONG)]);
		assert_eq!(again.outcome(), Some(Outcome::Failed));
		let said: Vec<_> = again.leaves.iter().map(|leaf| leaf.said[0].verdict).collect();
		assert_eq!(said, [Verdict::Valid, WRONG]);
		assert!(
			again.leaves.iter().all(|leaf| leaf.said.len() == 1),
			"who was silent said nothing"
		);
		let chain = story.chain.client(None);
		assert!(is_of_chain(&chain, &case).await.unwrap());
	});
}

/// The path is in the transaction that revealed the leaf, wherever that has it, and in nothing that looks like it.
#[test]
fn case_should_prove_that_a_leaf_is_in_the_tree_of_its_claim() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let drawn = story.leaf(2, false, None).await;
		let mut leaves = vec![Leaf::Empty; 8];
		leaves[2] = drawn.leaf.leaf.clone();
		let tree = SumTree::new(&leaves).unwrap();
		let mut held = story.judgement(vec![drawn.clone()], vec![Verdict::Valid]);
		held.claim.commitment = tree.commitment();
		story.chain.judge(10, CLAIM, Some(held));

		let signed_by = |uri| Signing::own(Key::from_uri(uri).unwrap()).sign(&drawn.leaf.header);
		let right = Shown { signature: signed_by("//Bob"), path: tree.proof(2).unwrap() };
		let mut other_path = right.clone();
		other_path.path[0].work += 1;
		let other_key = Shown { signature: signed_by("//Eve"), ..right.clone() };
		let reveal = |shown: &Shown| {
			[b"before it".to_vec(), (CLAIM, 2u32, &drawn.leaf.leaf, shown).encode()].concat()
		};
		story.chain.include(12, reveal(&other_path));
		story.chain.include(11, reveal(&other_key));
		story.chain.include(9, [reveal(&right), vec![0]].concat());
		let case = story.gather(13).await.unwrap();
		assert_eq!(case.leaves[0].shown, None);
		story.chain.include(8, reveal(&right));
		let case = read(&story.gather(13).await.unwrap().to_bytes()).unwrap();
		assert_eq!(case.leaves[0].shown, Some(right));

		let told = async |shown: Option<Shown>| {
			let mut case = case.clone();
			case.leaves[0].shown = shown;
			let again = judge_again(&FakeEngine::default(), &case).await;
			let LeafAgain { in_tree, broadcaster_signed, ref verdict, .. } = again.leaves[0];
			(in_tree, broadcaster_signed, verdict.clone().ok())
		};
		let valid = Some(Verdict::Valid);
		let shown = case.leaves[0].shown.clone();
		assert_eq!(told(shown).await, (Some(true), Some(true), valid));
		assert_eq!(told(Some(other_key)).await, (Some(true), Some(false), valid));
		assert_eq!(told(Some(other_path)).await, (Some(false), Some(true), None));
		assert_eq!(told(None).await, (None, None, valid));
	});
}

/// Garbage is delivered with a receipt, and right outputs are claimed.
#[test]
fn case_should_show_when_a_receipt_says_something_else_than_the_claim() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, vec![Verdict::Valid])));
		let case = story.gather(12).await.unwrap();
		let (claim, leaf) = (&case.judgement.claim, &case.judgement.leaves[0].leaf);
		let header = leaf.leaf.header(claim.place(GENESIS, leaf.index)).unwrap();
		let claimed = leaf.leaf.receipt(claim.place(GENESIS, leaf.index), claim.toolchain).unwrap();
		let mut other = claimed.clone();
		other.result = TranscodeResult::Transcoded(Outputs::default());
		let broadcaster = Key::from_uri("//Bob").unwrap();
		let stranger = Key::from_uri("//Eve").unwrap();
		for (receipt, owner, signs, expected) in [
			(&claimed, &broadcaster, &story.transcoder, (Some(true), false)),
			(&other, &broadcaster, &story.transcoder, (Some(false), true)),
			(&other, &broadcaster, &stranger, (Some(false), false)),
			(&other, &stranger, &story.transcoder, (Some(false), false)),
		] {
			let signed = signed_header(owner, header.clone());
			let mut shown = case.clone();
			shown.leaves[0].record =
				Some(segment_record(signed, signed_receipt(signs, receipt.clone())));
			let again = judge_again(&FakeEngine::default(), &shown).await;
			let leaf = &again.leaves[0];
			assert_eq!((leaf.transcoder_signed, leaf.contradicts), expected);
			assert_eq!(leaf.verdict, Ok(Verdict::Valid), "its bytes are right all the same");
		}
	});
}

#[test]
fn case_should_acquit_whom_the_judges_convicted_wrongly() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, vec![WRONG])));
		story.chain.judge(20, CLAIM, Some(story.decided(Outcome::Failed)));
		let case = story.gather(25).await.unwrap();
		let again = judge_again(&FakeEngine::default(), &case).await;
		assert_eq!(
			(case.outcome, again.outcome()),
			(Some(Outcome::Failed), Some(Outcome::Accepted))
		);
	});
}

#[test]
fn due_variant_should_pass_and_be_missed_as_the_chain_reads_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let variant = Variant { rendition: 1, start: 2 };
		let there = story.leaf(2, false, Some(variant)).await;
		let omitted = DrawnLeaf { variant: Some(1), ..story.leaf(3, false, None).await };
		let uncalled = DrawnLeaf { variant: None, ..story.leaf(4, false, Some(variant)).await };
		let said = vec![
			Verdict::Variant { rendition: 1 },
			Verdict::Valid,
			Verdict::Variant { rendition: 1 },
		];
		let held = story.judgement(vec![there, omitted, uncalled], said);
		story.chain.judge(10, CLAIM, Some(held));
		let case = story.gather(12).await.unwrap();
		let again = judge_again(&FakeEngine::default(), &case).await;
		let expected = [Verdict::Valid, Verdict::Mismatch(MismatchKind::Unforced), WRONG];
		for (leaf, expected) in again.leaves.iter().zip(expected) {
			assert_eq!(leaf.verdict, Ok(expected));
			assert_eq!(leaf.said[0].verdict, expected, "judges are read in the same way");
		}
	});
}

#[test]
fn forged_case_should_say_what_is_wrong_with_it() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, vec![Verdict::Valid])));
		let case = story.gather(12).await.unwrap();
		let engine = FakeEngine::default();
		let told = async |case: &Case| {
			let again = judge_again(&engine, case).await;
			assert_eq!(again.outcome(), None);
			again.leaves[0].verdict.clone().unwrap_err()
		};
		let mut bytes = case.clone();
		bytes.leaves[0].blobs[1].as_mut().unwrap()[0] ^= 1;
		assert!(told(&bytes).await.contains("other bytes"));
		let mut absent = case.clone();
		absent.leaves[0].blobs[1] = None;
		assert!(told(&absent).await.contains("not in the case"));
		let mut other = case.clone();
		other.judgement.claim.job = 2;
		assert!(told(&other).await.contains("not of this claim"));
		// What it says of the chain is held against the chain.
		let chain = story.chain.client(None);
		assert!(is_of_chain(&chain, &case).await.unwrap());
		let mut judges = case.clone();
		judges.judgement.ballots.clear();
		assert!(!is_of_chain(&chain, &judges).await.unwrap());
		let foreign = Case { genesis: Hash::zero(), ..case.clone() };
		assert!(!is_of_chain(&chain, &foreign).await.unwrap());
		// Half a file, and a file with trailing bytes, are refused.
		let whole = case.to_bytes();
		assert_eq!(read(&whole[..whole.len() / 2]), None);
		assert_eq!(read(&[whole.as_slice(), &[0]].concat()), None);
		assert_eq!(read(&whole[1..]), None);
		assert_eq!(read(&whole), Some(case));
	});
}

#[test]
fn withheld_bytes_should_leave_a_leaf_open_and_a_wrong_one_still_convict() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let (good, bad) = (story.leaf(2, false, None).await, story.leaf(5, true, None).await);
		story.net.withhold(wanted(&good.leaf.leaf)[0], true);
		let held = story.judgement(vec![good.clone()], vec![Verdict::Valid]);
		story.chain.judge(10, CLAIM, Some(held));
		let case = story.gather(10).await.unwrap();
		assert_eq!(case.missing(), 1);
		assert_eq!(judge_again(&FakeEngine::default(), &case).await.outcome(), None);
		let held = story.judgement(vec![good, bad], vec![Verdict::Valid, WRONG]);
		story.chain.judge(20, CLAIM, Some(held));
		let case = story.gather(20).await.unwrap();
		let outcome = judge_again(&FakeEngine::default(), &case).await.outcome();
		assert_eq!(outcome, Some(Outcome::Failed));
	});
}

#[test]
fn claim_that_nobody_knows_any_more_should_be_said_to_be_so() {
	simulate(|sim| async move {
		let story = Story::new(&sim).await;
		let never = story.gather(12).await.unwrap_err();
		assert!(matches!(never, AuditError::NotJudged { claim: CLAIM, at: 12 }), "{never}");
		let said = vec![Verdict::NonConforming(NonConformingKind::Size)];
		let leaves = vec![story.leaf(2, false, None).await];
		story.chain.judge(10, CLAIM, Some(story.judgement(leaves, said)));
		story.chain.judge(20, CLAIM, Some(story.decided(Outcome::Failed)));
		story.chain.judge(900, CLAIM, None);
		let gone = story.gather(2_000).await.unwrap_err();
		assert!(matches!(gone, AuditError::NotJudged { .. }), "{gone}");
		story.chain.keep_from(400);
		let pruned = story.gather(600).await.unwrap_err();
		assert!(matches!(pruned, AuditError::TooOld { .. }), "{pruned}");
		story.chain.cut(true);
		assert!(matches!(story.gather(600).await, Err(AuditError::Chain(_))));
	});
}
