/** What the runtime API and events give, as PAPI's codecs decode them. */
export type Address = string;
export type Hash = string;
export interface Tagged<T extends string = string, V = unknown> {
	type: T;
	value: V;
}

export interface Timing {
	slot_duration: bigint;
	session_length: bigint;
	beacon_window: number;
}
export interface Clock {
	/** Of the protocol's clock, which stands while the chain is closed: no height. */
	block: number;
	round: number;
	window: number;
}
export interface Round {
	index: number;
	/** Its first block, on the protocol's clock, and how many it has. */
	start: number;
	length: number;
	/** From which of these blocks on terms are frozen. */
	locked_from: number;
}
export interface Transcoder {
	account: Address;
	stake: bigint;
	price: bigint;
	reward_cut: number;
	fee_share: number;
	capacity: bigint;
	profiles: number[];
	active: boolean;
	jailed: boolean;
}
/** What a transcoder asks for and gives. */
export interface Terms {
	price: bigint;
	reward_cut: number;
	fee_share: number;
}
/** The stake behind a transcoder. */
export interface Backing {
	counting: bigint;
	next_round: bigint;
	/** Its own part of that. */
	own: bigint;
	bonds: number;
	/** What slashes have taken of a bond that was there from the beginning, or since one took all, in parts of 10^9. */
	slashed: number;
	/** How often a slash took all. */
	wiped: number;
	open: [number, number][];
}
/** What a transcoder's seat earns in this round, and how many of its jobs it served in the rounds that count. */
export interface Yield {
	round: number;
	stake: bigint;
	reward: bigint;
	per_lpt: bigint;
	earns: boolean;
	offered: number;
	served: number;
	/** Whether it serves enough of them to be paid. */
	competitive: boolean;
}
export type SeatReason = "Stake" | "Drawn" | "Waits" | "New" | "Jailed" | "OwnBond";
export type LeaveReason = "Jailed" | "Chilled" | "Offline" | "NoSeat" | "LittleStake" | "NoKeys" | "SmallPart";
export interface Validator {
	account: Address;
	stake: bigint;
	/** In the session in force, in the newest that is planned, and if one were planned now. */
	in_force: boolean;
	planned: boolean;
	next: boolean;
	leaves?: Tagged<LeaveReason>;
}
export interface Seat {
	account: Address;
	stake: bigint;
	next_stake: bigint;
	reason: Tagged<SeatReason>;
	validates: boolean;
	barred: boolean;
}
export interface Inflation {
	round: number;
	supply: bigint;
	stake: bigint;
	rate: number;
	mintable: bigint;
	pool_cut: number;
	next_rate: number;
	next_mintable: bigint;
}
/** How a transcoder has worked. */
export interface Performance {
	offered: number;
	served: number;
	/** Work that was accepted, what of it was judged, and the blocks in which it was done. */
	work: bigint;
	judged: bigint;
	blocks: bigint;
}
export interface Lock {
	id: number;
	transcoder: Address;
	round: number;
	value: bigint;
	liable_until: number;
	release: number;
	release_block: number;
	held_back: boolean;
	moves_to?: Address;
	offered_to?: Address;
}
export interface Stake {
	delegate?: Address;
	counting: bigint;
	next_round: bigint;
	fees: bigint;
	locks: Lock[];
}
export interface Rendition {
	width: number;
	height: number;
	profile: number;
	kbps: number;
	cap_kbps: number;
}
export interface Assignment {
	index: number;
	transcoder: Address;
	price: bigint;
	toolchain?: Hash;
	broadcaster_keys: number;
	transcoder_keys: number;
	max_leaves: number;
	variant_rate: number;
	claimable_until?: number;
	next_seq: bigint;
	allowance: bigint;
}
export interface Job {
	id: bigint;
	broadcaster: Address;
	stream: Hash;
	ladder: Rendition[];
	limits: { width: number; height: number; fps: number; longest: number; shortest: number };
	max_leaf_work: bigint;
	max_samples: number;
	max_price: bigint;
	end: number;
	unreserved: bigint;
	ended: boolean;
	current?: Assignment;
}
export interface ClaimInfo {
	job: bigint;
	assignment: number;
	transcoder: Address;
	transcoder_keys: number;
	broadcaster: Address;
	broadcaster_keys: number;
	stream: Hash;
	first: bigint;
	commitment: { root: Hash; total_work: bigint; leaf_count: number };
	toolchain: Hash;
	fee: bigint;
	round: number;
	window: number;
}
export type Stage =
	| "AwaitingSeed"
	| "LeafReveal"
	| "Commit"
	| "VerdictReveal"
	| "AwaitingDispute"
	| "Decided";
export type Outcome = "Accepted" | "Failed" | "Missed" | "Void";
export interface Challenge {
	claim: bigint;
	stage: Tagged<Stage>;
	deadline: number;
	tranche: number;
	positions: bigint[];
	answered: boolean[];
	members: Address[];
	committed: boolean[];
	revealed: boolean[];
	awaits_opening: boolean;
	outcome?: Tagged<Outcome>;
	seed?: Hash;
}
export interface KeysView {
	generation: number;
	keys: Tagged<"Ed25519" | "Sr25519", Hash>[];
	revoked: boolean[];
}
export interface SpendingKey {
	key: Address;
	cap: bigint;
	spent: bigint;
	expiry: number;
	create: boolean;
	top_up: boolean;
	end: boolean;
}
export interface Bridged {
	issued: bigint;
	credited: bigint;
	waiting: bigint;
	sent: bigint;
	backing: bigint;
	escrow?: { balance: bigint; deposited: bigint; released: bigint };
	limits: bigint[];
}
export interface Bridge {
	domain?: Hash;
	client: Tagged;
	/** An execution block of Ethereum, and its time in seconds. */
	synced?: [bigint, bigint];
	deposits: number;
	messages: number;
	/** Until which block nothing comes in, and goes out. */
	stopped: (number | undefined)[];
	lpt: Bridged;
	eth: Bridged;
}
/** An event with the block and the place of what caused it. */
export interface ChainEvent {
	block: number;
	hash: Hash;
	/** Its place among the block's events. */
	index: number;
	extrinsic: number | null;
	pallet: string;
	name: string;
	// biome-ignore lint: an event's fields are as many as there are events.
	data: any;
}
export interface Head {
	number: number;
	hash: Hash;
	parent: Hash;
}
