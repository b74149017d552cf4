//! The libp2p swarm of the worker.
