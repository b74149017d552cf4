//! The chain as the worker sees it, over subxt.
