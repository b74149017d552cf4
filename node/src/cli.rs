//! The command line.

use clap::{Arg, Command, Parser};
use std::path::PathBuf;

/// Arguments of `livepeer-node`.
// The SDK sets `after_help` itself.
#[derive(Debug, Parser)]
#[command(
	mut_args = of_ours,
	mut_subcommands = with_ours,
	after_long_help = concat!("Support: ", env!("CARGO_PKG_REPOSITORY"), "/issues"),
)]
pub struct Cli {
	/// What to do instead of running a node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// File with the settings of a node; also LIVEPEER_NODE_CONFIG.
	///
	/// Each option can be set there by its long name, such as rpc-port = 9944, or in the environment, such as
	/// LIVEPEER_NODE_RPC_PORT. The command line takes precedence over the environment, and the environment
	/// over the file.
	// Read before all other options.
	#[allow(dead_code)]
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,

	/// How to run the node.
	#[clap(flatten)]
	pub run: sc_cli::RunCmd,

	/// The verify service of this node's validator.
	#[clap(flatten)]
	pub verify: VerifyParams,

	/// When to stop because the disk is full.
	#[clap(flatten)]
	pub storage_monitor: sc_storage_monitor::StorageMonitorParams,
}

/// `--chain` with our help: the SDK's names a chain that does not exist here.
fn of_ours(arg: Arg) -> Arg {
	if arg.get_id() != "chain" {
		return arg;
	}
	let help = "The chain: dev, local, or the path of a specification";
	arg.help(help).long_help(concat!(
		"The chain: dev, local, or the path of a specification, such as `export-chain-spec` prints.\n\n",
		"That command and `build-spec` also take production, with --genesis-file.",
	))
}

/// A command and its subcommands with that option.
fn with_ours(command: Command) -> Command {
	command.mut_args(of_ours).mut_subcommands(with_ours)
}

/// The verify service of a validator. The node passes it to its off-chain worker, which asks the service.
#[derive(Clone, Debug, clap::Args)]
pub struct VerifyParams {
	/// Base URL of the verify service, such as http://127.0.0.1:7936.
	///
	/// Without it the validator signs no verdicts, and is slashed for a no-show each time that it is drawn as a
	/// judge.
	#[arg(long, value_name = "URL", requires = "verify_token_file")]
	pub verify_url: Option<String>,

	/// File that holds the token which the verify service expects.
	#[arg(long, value_name = "PATH", requires = "verify_url")]
	pub verify_token_file: Option<PathBuf>,

	/// Peer id of the verify service, as `livepeer-worker keys peer` prints it. With it the node signs
	/// passes, for which transcoders reserve places for the service.
	#[arg(long, value_name = "PEER_ID", requires = "verify_url")]
	pub verify_peer_id: Option<sc_network::PeerId>,
}

/// What `livepeer-node` can do besides running.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
	/// Make and inspect keys.
	#[command(subcommand)]
	Key(KeySubcommand),

	/// Print a chain's specification.
	ExportChainSpec(ExportChainSpecCmd),

	/// Print a chain's specification, with this machine as boot node.
	BuildSpec(BuildSpecCmd),

	/// Verify a block in the database again.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Write blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Write the state at a block as a specification.
	ExportState(sc_cli::ExportStateCmd),

	/// Read blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Delete the chain's database.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Revert a number of blocks that are not final.
	Revert(sc_cli::RevertCmd),

	/// Print what the database holds.
	ChainInfo(sc_cli::ChainInfoCmd),

	/// Check a file of settings.
	#[command(subcommand)]
	Config(ConfigSubcommand),

	/// Print a shell's completion script for this program.
	Completions {
		/// The shell.
		shell: clap_complete::Shell,
	},

	/// Write manual pages, one for each command.
	Man {
		/// The folder, which must exist.
		dir: PathBuf,
	},
}

/// Commands for a file of settings.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigSubcommand {
	/// Say what is wrong with a file; or print the arguments that it stands for.
	Check {
		/// The file.
		file: PathBuf,
	},
}

/// Key commands: the SDK's, and one for session keys.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum KeySubcommand {
	/// Make session keys in the keystore, and print them with the proof for `session.setKeys`.
	Session(SessionKeysCmd),

	/// The SDK's key commands.
	#[command(flatten)]
	Sdk(sc_cli::KeySubcommand),
}

/// Makes session keys.
#[derive(Debug, Clone, clap::Parser)]
pub struct SessionKeysCmd {
	/// Account that will send `session.setKeys`: an address or 0x-prefixed public key.
	#[arg(long, value_name = "ACCOUNT")]
	pub owner: String,

	/// Derive the keys from this secret instead of making random ones. For test networks: they are printed and not
	/// stored, and the node gets them by `key insert`.
	#[arg(long, value_name = "SECRET")]
	pub suri: Option<String>,

	/// Print one JSON object instead of text.
	#[arg(long)]
	pub json: bool,

	/// Chain and base path.
	#[clap(flatten)]
	pub shared_params: sc_cli::SharedParams,

	/// The keystore.
	#[clap(flatten)]
	pub keystore_params: sc_cli::KeystoreParams,
}

/// Additions to a chain's preset.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GenesisParams {
	/// JSON file with the bootstrap validators and the allocations; only with `--chain production`.
	#[arg(long, value_name = "PATH")]
	pub genesis_file: Option<PathBuf>,

	/// File with the output of `key session --json` for a validator of `--chain dev` or `--chain local`,
	/// which then begins with these session keys instead of the well-known ones; may be given several times.
	#[arg(long, value_name = "PATH")]
	pub session_keys: Vec<PathBuf>,
}

/// Prints a specification.
#[derive(Debug, Clone, clap::Parser)]
pub struct ExportChainSpecCmd {
	/// The chain's beginning.
	#[clap(flatten)]
	pub genesis: GenesisParams,

	/// The SDK's arguments.
	#[clap(flatten)]
	pub sdk: sc_cli::ExportChainSpecCmd,
}

/// Prints a specification.
#[derive(Debug, Clone, clap::Parser)]
pub struct BuildSpecCmd {
	/// The chain's beginning.
	#[clap(flatten)]
	pub genesis: GenesisParams,

	/// The SDK's arguments.
	#[clap(flatten)]
	pub sdk: sc_cli::BuildSpecCmd,
}
