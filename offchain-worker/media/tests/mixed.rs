//! Many segments of mixed inputs, transcoded twice: in another order, under another load, by another number of
//! children, on lesser processors, with garbage in fresh memory. Not a byte may differ, of variants and evidence
//! neither. `SEGMENTS=500` for more.

mod common;

use common::*;
use livepeer_primitives::{
	video::{Rendition, SourceLimits},
	Hash,
};
use livepeer_worker_media::{
	profile::{CAPPED_QUALITY, PROCESSOR},
	EvidenceSeed, MediaError, MediaPool, PoolConfig, Priority, TranscodeJob, Transcoded, Variant,
	Wishes,
};
use tokio::task::JoinSet;

const SOURCES: [(&str, &str); 9] = [
	("testsrc2=s=320x180:r=25", "-bf 3"),
	("cellauto=s=256x144:r=24:rule=110:seed=@,format=gray", "-bf 0 -tune zerolatency"),
	("life=s=160x90:r=15:seed=@:mold=10,scale=320:180:flags=neighbor", "-refs 4"),
	("testsrc2=s=270x480:r=60,noise=alls=9:allf=t:all_seed=@", "-profile:v baseline"),
	("testsrc2=s=360x288:r=25,setsar=64/45", "-flags +ildct+ilme"),
	("testsrc2=s=320x240:r=30000/1001,format=yuvj420p", "-color_range pc"),
	("sierpinski=s=320x240:r=30:seed=@", "-crf 35"),
	("testsrc2=s=426x240:r=12,hue=h=@", "-tune stillimage"),
	("mandelbrot=s=640x360:r=25:start_scale=0.0@", "-weightp 2"),
];
const LADDERS: [&[Rendition]; 4] = [
	&[two(256, 144, 150), rendition(160, 90, 80)],
	&[two(426, 240, 500)],
	&[two(160, 90, 60), two(320, 180, 900)],
	// Made by two children where two are idle.
	&[two(426, 240, 300), rendition(426, 240, 300)],
];
const SEGMENT_LIMITS: SourceLimits =
	SourceLimits { longest: 540_000, shortest: 0, ..SourceLimits::new(640, 480, 60) };

const fn two(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { profile: CAPPED_QUALITY, ..rendition(width, height, kbps) }
}

fn segment(index: usize) -> Vec<u8> {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let (filter, options) = SOURCES[index % SOURCES.len()];
	let filter = filter.replace('@', &(index + 1).to_string());
	// Some as long as a stream's, and some with sound: by numbers that have nothing in common with each other,
	// nor with those of the sources and the processors, so that everything meets everything.
	let length = if index % 11 == 3 { 50 } else { 5 + index % 11 };
	let sound = match index % 13 {
		2 => "-f lavfi -i sine=r=48000:d=0.2 -c:a aac -b:a 64k",
		_ => "",
	};
	made(
		directory.path(),
		"segment.ts",
		&format!(
			"-f lavfi -i {filter} {sound} -frames:v {length} -pix_fmt yuv420p -c:v libx264 \
			 -preset veryfast -crf {} {options} -g 300 -f mpegts",
			20 + index % 13
		),
	)
}

/// What is made of a segment beside its renditions.
fn wishes(index: usize) -> Wishes {
	let seed = Hash::repeat_byte(index as u8);
	let evidence = (index % 5 == 1).then_some(EvidenceSeed { seed, index: index as u32 });
	let start = (index / 7 % 4) as u8;
	let variant = (index % 7 == 2).then_some(Variant { rendition: 0, start });
	Wishes { evidence, variant, ..Default::default() }
}

async fn all(
	pools: &[MediaPool],
	sources: &[Vec<u8>],
	order: impl Iterator<Item = usize>,
) -> Vec<Option<Result<Transcoded, MediaError>>> {
	let mut jobs = JoinSet::new();
	for index in order {
		let (pool, input) = (pools[index % pools.len()].clone(), sources[index].clone());
		jobs.spawn(async move {
			// Each on every processor, of which there are as many.
			let ladder = LADDERS[index / LADDERS.len() % LADDERS.len()];
			let (limits, wishes) = (&SEGMENT_LIMITS, wishes(index));
			let job = TranscodeJob { input: &input, ladder, limits, wishes };
			(index, pool.transcode(job, Priority::Live).await)
		});
	}
	let mut made = vec![None; sources.len()];
	while let Some(done) = jobs.join_next().await {
		let (index, result) = done.expect("no panic");
		made[index] = Some(result);
	}
	made
}

#[tokio::test]
async fn outputs_should_be_equal_whatever_the_order_the_load_and_the_processor() {
	let count = std::env::var("SEGMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
	let sources: Vec<Vec<u8>> = (0..count).map(segment).collect();
	let one_by_one = MediaPool::new(PoolConfig { live: 1, ..config() });
	let once = all(&[one_by_one], &sources, 0..count).await;
	let lesser: Vec<MediaPool> = ["none", "sse2", "ssse3", "avx2"]
		.iter()
		.map(|processor| {
			let environment = [(PROCESSOR, *processor), ("MALLOC_PERTURB_", "85")]
				.map(|(key, value)| (key.to_string(), value.to_string()));
			let environment = environment.into();
			MediaPool::new(PoolConfig { live: 3, divide: 3, environment, ..config() })
		})
		.collect();
	let again = all(&lesser, &sources, (0..count).rev()).await;
	for (index, (a, b)) in once.iter().zip(&again).enumerate() {
		assert!(matches!(a, Some(Ok(_))), "segment {index}: {:?}", a.as_ref().map(|a| a.is_err()));
		assert!(a == b, "segment {index} differs");
	}
	println!("{count} segments, made twice, are equal");
}
