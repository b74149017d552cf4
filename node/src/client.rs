//! The concrete types of the node: Wasm executor, chain, database and transaction pool.

use livepeer_runtime::{opaque::Block, RuntimeApi};

/// The host functions that the Wasm may call.
pub type HostFunctions = sp_io::SubstrateHostFunctions;

/// Runs the Wasm.
pub type Executor = sc_executor::WasmExecutor<HostFunctions>;
/// The chain.
pub type Client = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// The database.
pub type Backend = sc_service::TFullBackend<Block>;
/// Chooses the head to build on.
pub type SelectChain = sc_consensus::LongestChain<Backend, Block>;
/// Transactions that wait.
pub type TransactionPool = sc_transaction_pool::TransactionPoolHandle<Block, Client>;
