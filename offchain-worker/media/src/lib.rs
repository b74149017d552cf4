//! The canonical FFmpeg profile behind a sandboxed child process.
