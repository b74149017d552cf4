#![doc = include_str!("../README.md")]

pub mod amf;
pub mod chunk;
pub mod flv;
mod gate;
mod http;
pub mod matroska;
mod places;
mod public;
mod pull;
mod push;
pub mod rtmp;
mod said;
mod srt;
mod whip;

pub use gate::{new_key, Denied, Gate, Keys, Part, Publication, Session};
pub use livepeer_worker_http::Ends;
pub use public::{literal, PublicOnly};
pub use pull::{pull, PullError};
pub use push::router;
pub use rtmp::serve as serve_rtmp;
pub use srt::serve as serve_srt;
pub use whip::router as whip_router;
