//! The keys with which a worker signs, and the keys by which it checks others' signatures.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use futures::future::{select, Either};
use livepeer_primitives::{
	api::KeysView,
	keys::{Generation, OperatorKey, OperatorSignature, Purpose, Signer, VrfKey},
	variant::{VariantPlace, VrfOpening},
	AccountId, Hash, Signature, StreamId,
};
use sp_core::{crypto::VrfSecret, sr25519, Pair};
use sp_runtime::traits::IdentifyAccount;
use thiserror::Error;

use crate::{
	lock,
	ports::{
		chain::{At, Chain, ChainError},
		clock::Clock,
		contradiction::{Contradiction, SignedReceipt, Unproven},
		transport::{RecordError, SegmentRecord, SignedHead, SignedHeader},
	},
};

/// Not an sr25519 secret URI: neither a seed in hex, nor a phrase, nor a development name such as `//Alice`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("not an sr25519 secret: expected a phrase, a 0x seed or a development name like //Alice")]
pub struct BadSecret;

/// An sr25519 key pair: an account's own, a spending key or an operator key.
#[derive(Clone)]
pub struct Key {
	pair: sr25519::Pair,
}

impl Key {
	/// Reads a secret URI.
	pub fn from_uri(uri: &str) -> Result<Self, BadSecret> {
		sr25519::Pair::from_string(uri.trim(), None)
			.map(|pair| Self { pair })
			.map_err(|_| BadSecret)
	}

	/// A new key from the operating system's entropy, with the phrase that restores it.
	pub fn generate() -> (Self, String) {
		let (pair, phrase, _) = sr25519::Pair::generate_with_phrase(None);
		(Self { pair }, phrase)
	}

	/// The key's own account.
	pub fn account(&self) -> AccountId {
		sp_runtime::MultiSigner::from(self.pair.public()).into_account()
	}

	/// The public key in the form in which an account names its operator keys.
	pub fn public(&self) -> OperatorKey {
		OperatorKey::Sr25519(self.pair.public())
	}

	/// The public key in the form in which an account names the key of its forced variants.
	pub fn vrf_public(&self) -> VrfKey {
		self.pair.public()
	}

	/// Signs bytes, such as a transaction's.
	pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
		self.pair.sign(bytes).into()
	}
}

impl core::fmt::Debug for Key {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		write!(f, "Key({})", self.account())
	}
}

/// A key that signs for an account as one of its generations.
#[derive(Clone, Debug)]
pub struct Signing {
	key: Key,
	signer: Signer,
}

impl Signing {
	/// A key that signs as its own account.
	pub fn own(key: Key) -> Self {
		let signer = Signer::account(key.account());
		Self { key, signer }
	}

	/// Signs the object of this hash.
	pub fn sign(&self, object: &Hash) -> OperatorSignature {
		let payload = self.signer.payload(object);
		OperatorSignature {
			signer: self.signer.clone(),
			signature: self.key.sign_bytes(payload.as_bytes()),
		}
	}

	/// The generation that it signs as.
	pub fn generation(&self) -> Generation {
		self.signer.generation
	}
}

/// The key that draws a transcoder's forced variants in one of its generations.
#[derive(Clone, Debug)]
pub struct Drawing(Key);

impl Drawing {
	/// The opening of x at a place. Its proof differs each time.
	pub fn open(&self, place: &VariantPlace) -> VrfOpening {
		VrfOpening::from(&self.0.pair.vrf_sign(&place.sign_data()))
	}

	/// x at a place: the same each time; never fails.
	pub fn x(&self, place: &VariantPlace) -> Option<[u8; 32]> {
		place.verify(&self.0.vrf_public(), &self.open(place))
	}
}

/// No key at hand draws the variants of the requested generation.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("none of the given keys draws the forced variants of {account} in generation {generation}: give the file of that key too. `livepeer-worker keys show` names it; `keys announce` can name another")]
pub struct NoVrfKey {
	/// The account.
	pub account: AccountId,
	/// The generation.
	pub generation: Generation,
}

/// No key at hand signs as the requested generation.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("none of the given keys signs for {account} as generation {generation}: give the file of one of its operator keys, or announce a key with `livepeer-worker keys announce`")]
pub struct NoKeyFor {
	/// The account.
	pub account: AccountId,
	/// The generation.
	pub generation: Generation,
}

/// The keys at hand that sign for one account: usually operator keys, not its own key.
#[derive(Clone, Debug)]
pub struct Keyring {
	account: AccountId,
	keys: Vec<Key>,
}

impl Keyring {
	/// Keys that may sign for `account`; the chain decides which of them do.
	pub fn new(account: AccountId, keys: Vec<Key>) -> Self {
		Self { account, keys }
	}

	/// The account's own key.
	pub fn own(key: Key) -> Self {
		Self { account: key.account(), keys: vec![key] }
	}

	/// The account that is signed for.
	pub fn account(&self) -> &AccountId {
		&self.account
	}

	/// The key that signs as `generation`, one of `views`.
	pub fn signing(&self, views: &[KeysView], generation: Generation) -> Result<Signing, NoKeyFor> {
		let missing = || NoKeyFor { account: self.account.clone(), generation };
		let signing = |key: &Key, place: u8| Signing {
			key: key.clone(),
			signer: Signer { account: self.account.clone(), generation, key: place },
		};
		if generation == 0 {
			let own = self.keys.iter().find(|key| key.account() == self.account);
			return own.cloned().map(Signing::own).ok_or_else(missing);
		}
		let view = views.iter().find(|view| view.generation == generation).ok_or_else(missing)?;
		let usable = |key: &&Key| place_of(view, key).is_some();
		let key = self.keys.iter().find(usable).ok_or_else(missing)?;
		place_of(view, key).map(|place| signing(key, place)).ok_or_else(missing)
	}

	/// The key that draws the variants of `generation`, one of `views`. A generation has one such key, which
	/// all machines of a pool hold.
	pub fn drawing(&self, views: &[KeysView], generation: Generation) -> Result<Drawing, NoVrfKey> {
		let missing = || NoVrfKey { account: self.account.clone(), generation };
		let is_it = |key: &&Key| match generation {
			0 => key.account() == self.account,
			_ => views
				.iter()
				.any(|view| view.generation == generation && view.vrf == Some(key.vrf_public())),
		};
		self.keys.iter().find(is_it).cloned().map(Drawing).ok_or_else(missing)
	}
}

/// A key's place in a generation, unless it is revoked.
fn place_of(view: &KeysView, key: &Key) -> Option<u8> {
	let place = view.keys.iter().position(|stored| *stored == key.public())?;
	let revoked = view.revoked.get(place).copied().unwrap_or(false);
	u8::try_from(place).ok().filter(|_| !revoked)
}

/// How long the state of the own keys, such as revocations, is cached.
const OWN_BELIEVED_MS: u64 = 60_000;
/// How long the chain may take to answer while there is a cached state to fall back on.
const OWN_MS: u64 = 2_000;

/// The keys at hand, with the chain's state of them.
pub struct OwnKeys {
	ring: Keyring,
	purpose: Purpose,
	chain: Arc<dyn Chain>,
	clock: Arc<dyn Clock>,
	known: Mutex<Option<Known>>,
}

impl OwnKeys {
	/// The keys of `ring`, for one purpose.
	pub fn new(
		ring: Keyring,
		purpose: Purpose,
		chain: Arc<dyn Chain>,
		clock: Arc<dyn Clock>,
	) -> Self {
		Self { ring, purpose, chain, clock, known: Mutex::default() }
	}

	/// The account that is signed for.
	pub fn account(&self) -> &AccountId {
		self.ring.account()
	}

	/// The signer of this generation. The chain's state of it is cached for a minute, and while the node is
	/// away.
	pub async fn signing(
		&self,
		generation: Generation,
	) -> Result<Result<Signing, NoKeyFor>, ChainError> {
		if generation == 0 {
			return Ok(self.ring.signing(&[], 0));
		}
		let known = lock(&self.known).as_ref().map(|known| (known.views.clone(), known.read_ms));
		let now_ms = self.clock.now_ms();
		let usable = known.and_then(|(views, read_ms)| {
			let signing = self.ring.signing(&views, generation).ok()?;
			Some((signing, now_ms < read_ms.saturating_add(OWN_BELIEVED_MS)))
		});
		let Some((signing, is_fresh)) = usable else {
			return Ok(self.ring.signing(&self.read().await?, generation));
		};
		if is_fresh {
			return Ok(Ok(signing));
		}
		let late = self.clock.sleep_until(now_ms.saturating_add(OWN_MS));
		match select(std::pin::pin!(self.read()), late).await {
			Either::Left((Ok(views), _)) => Ok(self.ring.signing(&views, generation)),
			_ => Ok(Ok(signing)),
		}
	}

	/// The signer of the generation that the account uses now.
	pub async fn signing_now(&self) -> Result<Result<Signing, NoKeyFor>, ChainError> {
		let views = self.read().await?;
		let newest = views.first().map_or(0, |view| view.generation);
		Ok(self.ring.signing(&views, newest))
	}

	/// What draws the variants of this generation, cached for ever: a generation never changes.
	pub async fn drawing(
		&self,
		generation: Generation,
	) -> Result<Result<Drawing, NoVrfKey>, ChainError> {
		let known = lock(&self.known).as_ref().map(|known| known.views.clone());
		if let Ok(drawing) = self.ring.drawing(&known.unwrap_or_default(), generation) {
			return Ok(Ok(drawing));
		}
		match generation {
			0 => Ok(self.ring.drawing(&[], 0)),
			_ => Ok(self.ring.drawing(&self.read().await?, generation)),
		}
	}

	async fn read(&self) -> Result<Vec<KeysView>, ChainError> {
		let views = self.chain.operator_keys(self.account(), self.purpose).await?;
		let read_ms = self.clock.now_ms();
		*lock(&self.known) = Some(Known { views: views.clone(), read_ms });
		Ok(views)
	}
}

/// How long a generation that was not found is taken for missing: about a block, because anybody can name
/// one.
const BELIEVED_MS: u64 = 6_000;
/// The most accounts whose keys are cached.
const MOST_KNOWN: usize = 1_024;

struct Known {
	views: Vec<KeysView>,
	read_ms: u64,
}

/// A cache of others' keys on the chain: a generation never changes.
pub struct KeyBook {
	chain: Arc<dyn Chain>,
	clock: Arc<dyn Clock>,
	known: Mutex<BTreeMap<(AccountId, Purpose), Known>>,
}

impl KeyBook {
	/// An empty book.
	pub fn new(chain: Arc<dyn Chain>, clock: Arc<dyn Clock>) -> Self {
		Self { chain, clock, known: Mutex::default() }
	}

	/// The generations of an account, including `wanted` if it exists.
	pub async fn views(
		&self,
		account: &AccountId,
		purpose: Purpose,
		wanted: Generation,
	) -> Result<Vec<KeysView>, ChainError> {
		if wanted == 0 {
			return Ok(Vec::new());
		}
		let place = (account.clone(), purpose);
		let now_ms = self.clock.now_ms();
		if let Some(known) = lock(&self.known).get(&place) {
			let has = known.views.iter().any(|view| view.generation == wanted);
			if has || now_ms < known.read_ms.saturating_add(BELIEVED_MS) {
				return Ok(known.views.clone());
			}
		}
		let views = self.chain.operator_keys(account, purpose).await?;
		let mut known = lock(&self.known);
		if known.len() >= MOST_KNOWN {
			known.clear();
		}
		known.insert(place, Known { views: views.clone(), read_ms: self.clock.now_ms() });
		Ok(views)
	}

	/// Whether `signature` is `account`'s for this purpose over the object with this hash. A key of any of
	/// its generations counts, revoked or not: earlier signatures stay valid.
	pub async fn is_signed(
		&self,
		signature: &OperatorSignature,
		account: &AccountId,
		purpose: Purpose,
		object: &Hash,
	) -> Result<bool, ChainError> {
		if signature.signer.account != *account {
			return Ok(false);
		}
		let views = self.views(account, purpose, signature.signer.generation).await?;
		Ok(is_signed_by(signature, account, object, &views))
	}

	/// Whether a header is signed by the broadcaster.
	pub async fn is_header_signed(
		&self,
		signed: &SignedHeader,
		broadcaster: &AccountId,
	) -> Result<bool, ChainError> {
		let hash = signed.header.hash();
		let signature = &signed.signature;
		self.is_signed(signature, broadcaster, Purpose::Segments, &hash).await
	}

	/// Whether a head is signed by the broadcaster, for this chain and stream.
	pub async fn is_head_signed(
		&self,
		signed: &SignedHead,
		stream: &StreamId,
		broadcaster: &AccountId,
	) -> Result<bool, ChainError> {
		let SignedHead { head, signature } = signed;
		if head.genesis != self.chain.genesis() || head.stream != *stream {
			return Ok(false);
		}
		self.is_signed(signature, broadcaster, Purpose::Segments, &head.hash()).await
	}

	/// Checks that a contradiction is of this chain, that all signatures in it are right, and that a leaf is
	/// an open claim's that states something else than the receipt.
	pub async fn check_contradiction(
		&self,
		contradiction: &Contradiction,
	) -> Result<Result<(), Unproven>, ChainError> {
		let header = contradiction.header();
		if header.genesis != self.chain.genesis() {
			return Ok(Err(Unproven::Foreign));
		}
		let (headers, receipts) = contradiction.signed();
		let broadcaster = contradiction.broadcaster();
		for signed in headers {
			if !self.is_header_signed(signed, broadcaster).await? {
				return Ok(Err(Unproven::Signature));
			}
		}
		for SignedReceipt { receipt, signature } in receipts {
			let (transcoder, hash) = (&header.transcoder, receipt.hash());
			if !self.is_signed(signature, transcoder, Purpose::Duties, &hash).await? {
				return Ok(Err(Unproven::Signature));
			}
		}
		if let Contradiction::Leaf { claimed, segment, receipt } = contradiction {
			// As of the best block: a claim that is closed there is open to no report any more.
			let Some(info) = self.chain.claim(At::Best, claimed.claim).await? else {
				return Ok(Err(Unproven::NotOpen(claimed.claim)));
			};
			return Ok(claimed.check(&info, segment, receipt));
		}
		Ok(Ok(()))
	}

	/// Checks both signatures of a record and those of the publisher's own renditions, and that it
	/// belongs to this chain, stream and owner and has this many outputs.
	pub async fn check_record(
		&self,
		record: &SegmentRecord,
		stream: &StreamId,
		broadcaster: &AccountId,
		renditions: usize,
	) -> Result<Result<(), RecordError>, ChainError> {
		let header = record.header();
		if header.genesis != self.chain.genesis() || header.stream != *stream {
			return Ok(Err(RecordError::Foreign));
		}
		if !self.is_header_signed(&record.signed, broadcaster).await? {
			return Ok(Err(RecordError::BroadcasterSignature));
		}
		let (receipt, signature) = (&record.receipt, &record.signature);
		let (transcoder, hash) = (&header.transcoder, receipt.hash());
		if receipt.header != header.hash()
			|| !self.is_signed(signature, transcoder, Purpose::Duties, &hash).await?
		{
			return Ok(Err(RecordError::TranscoderSignature));
		}
		if record.outputs().len() != renditions {
			return Ok(Err(RecordError::Outputs));
		}
		if !record.is_own_in_order() {
			return Ok(Err(RecordError::Own));
		}
		for own in record.own_headers() {
			if !self.is_header_signed(&own, broadcaster).await? {
				return Ok(Err(RecordError::Own));
			}
		}
		Ok(Ok(()))
	}
}

/// Whether `signature` is `account`'s over the object with this hash. A key of any of these generations
/// counts, revoked or not: earlier signatures stay valid.
pub fn is_signed_by(
	signature: &OperatorSignature,
	account: &AccountId,
	object: &Hash,
	views: &[KeysView],
) -> bool {
	let Signer { account: signer, generation, key } = &signature.signer;
	let view = views.iter().find(|view| view.generation == *generation);
	let key = view.and_then(|view| view.keys.get(usize::from(*key)));
	signer == account && signature.verifies(object, key)
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::{
		fakes::{simulate, FakeChain},
		ports::chain::{Call, Wait},
	};

	fn view(generation: Generation, keys: &[&Key], revoked: bool) -> KeysView {
		KeysView {
			generation,
			keys: keys.iter().map(|key| key.public()).collect(),
			revoked: keys.iter().map(|_| revoked).collect(),
			vrf: None,
		}
	}

	#[test]
	fn key_should_sign_for_its_account_when_read_from_a_uri() {
		let key = Key::from_uri("//Alice").unwrap();
		let object = Hash::repeat_byte(7);
		let signature = Keyring::own(key.clone()).signing(&[], 0).unwrap().sign(&object);
		assert!(signature.verifies(&object, None));
		assert_eq!(signature.signer, Signer::account(key.account()));
		assert_eq!(Key::from_uri("not a secret").map(|_| ()), Err(BadSecret));
	}

	#[test]
	fn operator_key_should_sign_as_the_generation_that_has_it_and_no_other() {
		let [cold, old, new] = ["//Cold", "//Old", "//New"].map(|uri| Key::from_uri(uri).unwrap());
		let ring = Keyring::new(cold.account(), vec![old.clone(), new.clone()]);
		let views = [view(2, &[&new], false), view(1, &[&cold, &old], false)];
		let object = Hash::repeat_byte(7);
		let signature = ring.signing(&views, 1).unwrap().sign(&object);
		assert_eq!(signature.signer, Signer { account: cold.account(), generation: 1, key: 1 });
		assert!(signature.verifies(&object, Some(&old.public())));
		assert!(!signature.verifies(&object, Some(&new.public())));
		assert_eq!(ring.signing(&views, 2).unwrap().generation(), 2);
		let missing = |generation| NoKeyFor { account: cold.account(), generation };
		assert_eq!(ring.signing(&views, 0).map(|_| ()), Err(missing(0)), "the account is cold");
		assert_eq!(ring.signing(&views, 3).map(|_| ()), Err(missing(3)));
		let revoked = [view(1, &[&old], true)];
		assert_eq!(ring.signing(&revoked, 1).map(|_| ()), Err(missing(1)));
	}

	#[test]
	fn variants_should_be_drawn_by_the_key_of_their_generation_and_no_other() {
		let [cold, one, shared] =
			["//Cold", "//One", "//Shared"].map(|uri| Key::from_uri(uri).unwrap());
		let account = cold.account();
		let place = VariantPlace {
			genesis: Hash::repeat_byte(1),
			stream: Hash::repeat_byte(2),
			job: 3,
			assignment: 0,
			seq: 4,
		};
		let views = [KeysView { vrf: Some(shared.vrf_public()), ..view(1, &[&one], true) }];
		let pool = Keyring::new(account.clone(), vec![one.clone(), shared.clone()]);
		// It need not sign anything, and is not revoked with those that do.
		let drawing = pool.drawing(&views, 1).unwrap();
		let x = drawing.x(&place).unwrap();
		assert_eq!(place.verify(&shared.vrf_public(), &drawing.open(&place)), Some(x));
		assert_eq!(drawing.x(&place), Some(x), "the same after a restart");
		let missing = |generation| NoVrfKey { account: account.clone(), generation };
		assert_eq!(pool.drawing(&views, 0).map(|_| ()), Err(missing(0)));
		assert_eq!(pool.drawing(&views, 2).map(|_| ()), Err(missing(2)));
		let without = Keyring::new(account.clone(), vec![one]);
		assert_eq!(without.drawing(&views, 1).map(|_| ()), Err(missing(1)));
		// The account itself draws its own.
		assert_ne!(Keyring::own(cold).drawing(&[], 0).unwrap().x(&place), Some(x));
	}

	#[test]
	fn variants_should_be_drawn_while_the_node_is_away() {
		simulate(|sim| async move {
			let chain = FakeChain::default();
			let [cold, one] = ["//Cold", "//One"].map(|uri| Key::from_uri(uri).unwrap());
			let ring = Keyring::new(cold.account(), vec![one.clone()]);
			let client = Arc::new(chain.client(None));
			let clock = Arc::new(sim.clock.clone());
			let own = OwnKeys::new(ring, Purpose::Duties, client, clock);
			assert!(own.drawing(1).await.unwrap().is_err());
			chain.set_keys(&cold.account(), Purpose::Duties, &[&one]);
			// Not there a moment ago, and asked for again.
			assert!(own.drawing(1).await.unwrap().is_ok());
			chain.cut(true);
			sim.sleep(10 * OWN_BELIEVED_MS).await;
			assert!(own.drawing(1).await.unwrap().is_ok(), "a generation never changes");
			assert!(own.drawing(2).await.is_err());
		})
	}

	#[test]
	fn own_key_should_sign_while_the_node_is_away_and_not_when_it_was_revoked() {
		simulate(|sim| async move {
			let chain = FakeChain::default();
			let [cold, one, two] =
				["//Cold", "//One", "//Two"].map(|uri| Key::from_uri(uri).unwrap());
			let account = cold.account();
			let ring = Keyring::new(account.clone(), vec![one.clone(), two.clone()]);
			let client = Arc::new(chain.client(None));
			let clock = Arc::new(sim.clock.clone());
			let own = OwnKeys::new(ring, Purpose::Duties, client, clock);
			assert!(own.signing(1).await.unwrap().is_err());
			chain.set_keys(&account, Purpose::Duties, &[&one, &two]);
			// Not there a moment ago, and asked for again.
			let place = |signing: Signing| signing.sign(&Hash::zero()).signer.key;
			assert_eq!(place(own.signing(1).await.unwrap().unwrap()), 0);
			chain.cut(true);
			sim.sleep(10 * OWN_BELIEVED_MS).await;
			assert_eq!(place(own.signing(1).await.unwrap().unwrap()), 0);
			chain.cut(false);
			let revoke = Call::RevokeKey { purpose: Purpose::Duties, generation: 1, key: 0 };
			chain.client(Some(cold)).submit(revoke, Wait::InBlock).await.unwrap();
			sim.sleep(OWN_BELIEVED_MS).await;
			assert_eq!(place(own.signing(1).await.unwrap().unwrap()), 1);
		})
	}
}
