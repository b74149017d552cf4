#![doc = include_str!("../README.md")]

mod child;
mod config;
mod diagnosis;
mod engine;
mod ffi;
pub mod golden;
mod libraries;
pub mod limits;
mod memory;
mod mux;
mod normalise;
mod parent;
mod picture;
mod pipeline;
pub mod profile;
mod sandbox;
mod segmenter;
mod sei;
mod shares;
mod source;
mod told;
pub mod vectors;
mod wire;
mod zygote;

pub use config::PoolConfig;
pub use diagnosis::{Diagnosis, PictureError, Ratios, TileError, NEAR, TILE};
pub use engine::Engine;
pub use ffi::descendants_seconds;
pub use parent::{MediaError, MediaPool, Priority, SegmentStream, TranscodeJob};
pub use picture::Picture;
pub use pipeline::{EvidenceSeed, Facts, Inspection, Transcoded, Variant, Wishes};
pub use wire::{Escape, Rung, Rungs, Segment, SegmentOptions, Shape};
pub use zygote::{child_main, SUBCOMMAND};

/// Versions of the libraries that this process has loaded, for logs: libavutil, libavcodec,
/// libavformat, libswscale, as major.minor.micro.
pub fn library_versions() -> [String; 4] {
	ffi::versions().map(|v| format!("{}.{}.{}", v >> 16, v >> 8 & 0xff, v & 0xff))
}
