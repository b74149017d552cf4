//! # Roles that misbehave
//!
//! For tests and demonstrations only: never part of an image or a release. Each is the honest role with one
//! change, so that it shows the protocol's answer to exactly that change.

mod black;
mod copying;
mod engines;
mod holding;
mod spoiling;

use std::{process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use livepeer_worker::{
	broadcast::{self, BroadcastArgs},
	child, finish, start,
	transcode::{self, Swaps, TranscodeArgs},
	verify::{self, Answers, VerifyArgs},
};

use crate::{
	copying::Copying,
	engines::{Deed, Dishonest, Neglect, Neglectful},
	spoiling::spoil,
};

/// Misbehaves, to show what the chain does about it.
#[derive(Parser)]
#[command(name = "livepeer-cheat", version)]
struct Cli {
	#[command(subcommand)]
	cheat: Cheat,
}

#[derive(Subcommand)]
enum Cheat {
	/// Transcode every segment into black pictures with the right sound, size and length.
	Black(TranscodeArgs),
	/// Encode the first rendition at a third of its rate.
	Stingy(TranscodeArgs),
	/// Deliver the renditions of the first segment, over and over.
	Replay(TranscodeArgs),
	/// Claim a fifth more decoded pictures than there are.
	Overstate(TranscodeArgs),
	/// Leave out the forced variants, so that judges who encode nothing are not caught.
	Omit(TranscodeArgs),
	/// Make a variant in every segment, even if none is due.
	Vary(TranscodeArgs),
	/// Leave the last rendition out: deliver the one before it in its place, and claim both.
	Fewer(TranscodeArgs),
	/// Deliver everything, and keep the bytes back when judges ask for them.
	Withhold(TranscodeArgs),
	/// Deliver what was signed, and other bytes when judges ask for it.
	Garble(TranscodeArgs),
	/// Deliver and claim everything, and never reveal a drawn leaf.
	Unrevealed(TranscodeArgs),
	/// Judge that everything is right, without encoding it.
	Lazy(VerifyArgs),
	/// Judge that the smallest rendition is right, without scaling or encoding it.
	Smallest(VerifyArgs),
	/// Judge that everything is right, with the newest evidence that another judge has revealed.
	Copying(VerifyArgs),
	/// Judge that everything is wrong.
	Lying(VerifyArgs),
	/// Abstain from every judgement.
	Silent(VerifyArgs),
	/// Broadcast, and sign segments that nobody can transcode.
	Spoil(Box<BroadcastArgs>),
}

fn main() -> ExitCode {
	child();
	let cheat = Cli::parse().cheat;
	finish(start(async move {
		match cheat {
			Cheat::Black(args) => dishonest(args, Deed::Black).await,
			Cheat::Stingy(args) => dishonest(args, Deed::Stingy).await,
			Cheat::Replay(args) => dishonest(args, Deed::Replay).await,
			Cheat::Overstate(args) => dishonest(args, Deed::Overstate).await,
			Cheat::Omit(args) => dishonest(args, Deed::Omit).await,
			Cheat::Vary(args) => dishonest(args, Deed::Vary).await,
			Cheat::Fewer(args) => dishonest(args, Deed::Fewer).await,
			Cheat::Withhold(args) => withholding(args, false).await,
			Cheat::Garble(args) => withholding(args, true).await,
			Cheat::Unrevealed(args) => {
				let chain = Box::new(|chain| Arc::new(holding::Unrevealing(chain)) as _);
				transcode::run(args, Swaps { chain, ..Default::default() }).await
			}
			Cheat::Lazy(args) => neglectful(args, Neglect::Lazy).await,
			Cheat::Smallest(args) => neglectful(args, Neglect::Smallest).await,
			Cheat::Copying(args) => copying(args).await,
			Cheat::Lying(args) => neglectful(args, Neglect::Lying).await,
			Cheat::Silent(args) => neglectful(args, Neglect::Silent).await,
			Cheat::Spoil(args) => broadcast::run(*args, Box::new(spoil())).await,
		}
	}))
}

async fn dishonest(args: TranscodeArgs, deed: Deed) -> anyhow::Result<()> {
	let engine = Box::new(move |engine| Arc::new(Dishonest::new(engine, deed)) as _);
	transcode::run(args, Swaps { engine, ..Default::default() }).await
}

async fn withholding(args: TranscodeArgs, garbles: bool) -> anyhow::Result<()> {
	let service =
		Box::new(move |service| Arc::new(holding::Withholding::new(service, garbles)) as _);
	transcode::run(args, Swaps { service, ..Default::default() }).await
}

async fn neglectful(args: VerifyArgs, neglect: Neglect) -> anyhow::Result<()> {
	let engine = Box::new(move |honest| Arc::new(Neglectful { honest, neglect }) as _);
	verify::run(args, verify::Swaps { engine, ..Default::default() }).await
}

async fn copying(args: VerifyArgs) -> anyhow::Result<()> {
	let chain = args.node.connect(None).await?;
	let answers = Box::new(move |service: Arc<dyn Answers>| -> Arc<dyn Answers> {
		Arc::new(Copying::new(chain, service))
	});
	verify::run(args, verify::Swaps { answers, ..Default::default() }).await
}
