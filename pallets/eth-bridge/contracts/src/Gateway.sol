// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Escrow} from "./Escrow.sol";
import {LightClient} from "./LightClient.sol";
import {Tree} from "./Tree.sol";

/// The bridge's end on Ethereum: carries out the messages that the chain has sent, each once.
/// A message is never passed in as a hash: its leaf is computed from what is carried out.
contract Gateway is Escrow, LightClient {
    using BitMaps for BitMaps.BitMap;

    /// A message: `amount` leaves the escrow, `fee` of it goes to who carries it out.
    struct Withdrawal {
        uint32 index;
        uint8 asset;
        address recipient;
        uint128 amount;
        uint128 fee;
    }

    /// A message: what was earned in a round, `count` leaves under `root`, together `lpt` and `eth`.
    struct Round {
        uint32 index;
        uint32 round;
        bytes32 root;
        uint32 count;
        uint128 lpt;
        uint128 eth;
    }

    /// A leaf of a round.
    struct Earning {
        uint32 round;
        uint32 index;
        uint8 asset;
        address payee;
        uint128 amount;
    }

    /// What is left of a round.
    struct Open {
        bytes32 root;
        uint112 lpt;
        uint112 eth;
        uint32 count;
    }

    struct Setup {
        IERC20 lpt;
        bytes32 genesisHash;
        uint32 firstBlock;
        uint64 maxAge;
        address guardian;
        address governor;
    }

    uint8 private constant MESSAGE = 2;
    uint8 private constant EARNING = 3;
    uint8 private constant WITHDRAWAL = 0;
    uint8 private constant ROUND = 1;

    BitMaps.BitMap private _used;
    mapping(uint32 round => Open) public rounds;
    mapping(uint32 round => BitMaps.BitMap) private _claimed;

    event RoundOpened(uint32 indexed round);
    event Claimed(uint32 indexed round, uint32 indexed index);

    error AlreadyUsed();
    error NotProven();
    error BadMessage();
    error NoSuchRound();
    error RoundOverdrawn();

    constructor(Setup memory setup, Checkpoint memory checkpoint, Limits[2] memory first)
        Escrow(setup.lpt, setup.genesisHash, setup.guardian, setup.governor, first)
        LightClient(checkpoint, setup.firstBlock, setup.maxAge)
    {}

    /// Carries out a withdrawal: pays it, or has it wait where it is large. By anyone. `Paid`, `Delayed` or
    /// `Refused` names its leaf.
    function withdraw(Withdrawal calldata w, bytes32[] calldata proof) external nonReentrant {
        if (w.asset > ETH || w.fee >= w.amount) revert BadMessage();
        bytes32 id = keccak256(
            abi.encodePacked(MESSAGE, domain, w.index, WITHDRAWAL, w.asset, w.recipient, w.amount, w.fee)
        );
        _use(id, w.index, proof);
        _payOrDelay(id, w.asset, w.recipient, w.amount, w.fee);
    }

    /// Opens a round's earnings for claims. By anyone; moves nothing.
    function openRound(Round calldata r, bytes32[] calldata proof) external {
        if (r.root == 0 || r.count == 0 || r.lpt > type(uint112).max || r.eth > type(uint112).max) revert BadMessage();
        if (rounds[r.round].root != 0) revert AlreadyUsed();
        _use(
            keccak256(abi.encodePacked(MESSAGE, domain, r.index, ROUND, r.round, r.root, r.count, r.lpt, r.eth)),
            r.index,
            proof
        );
        rounds[r.round] = Open(r.root, uint112(r.lpt), uint112(r.eth), r.count);
        emit RoundOpened(r.round);
    }

    /// Pays an earning to its payee, or has it wait where it is large. By anyone.
    function claim(Earning calldata e, bytes32[] calldata proof) external nonReentrant {
        Open storage round = rounds[e.round];
        (uint256 count, uint112 lptLeft, uint112 ethLeft) = (round.count, round.lpt, round.eth);
        if (count == 0) revert NoSuchRound();
        if (e.asset > ETH || e.amount == 0) revert BadMessage();
        if (e.index >= count || proof.length != _depth(count)) revert NotProven();
        bytes32 id = keccak256(abi.encodePacked(EARNING, domain, e.round, e.index, e.asset, e.payee, e.amount));
        if (Tree.rootOf(id, e.index, proof) != round.root) revert NotProven();
        _mark(_claimed[e.round], e.index);
        // Whatever its leaves say, no round pays more than the chain has set aside for it.
        if (e.amount > (e.asset == LPT ? lptLeft : ethLeft)) revert RoundOverdrawn();
        if (e.asset == LPT) round.lpt = lptLeft - uint112(e.amount);
        else round.eth = ethLeft - uint112(e.amount);
        emit Claimed(e.round, e.index);
        _payOrDelay(id, e.asset, e.payee, e.amount, 0);
    }

    function isUsed(uint32 index) external view returns (bool) {
        return _used.get(index);
    }

    function isClaimed(uint32 round, uint32 index) external view returns (bool) {
        return _claimed[round].get(index);
    }

    /// The governor lets the validators of an expired head be heard again: after a pause of everybody
    /// who relays, or of the chain. What is accepted then still needs their quorum's signatures, so
    /// neither the governor alone nor validators who have left can do anything.
    function reopen(uint64 until) external onlyGovernor {
        _reopen(until);
    }

    function _isExpired() internal view override(Escrow, LightClient) returns (bool) {
        return LightClient._isExpired();
    }

    /// The message `leaf` at `index` is the chain's, and not used yet; now it is.
    function _use(bytes32 leaf, uint32 index, bytes32[] calldata proof) private {
        if (proof.length > Tree.DEPTH) revert NotProven();
        if (!_isMessageRoot(Tree.rootOfGrowing(leaf, index, proof))) revert NotProven();
        _mark(_used, index);
    }

    /// Each thing once.
    function _mark(BitMaps.BitMap storage bits, uint256 index) private {
        uint256 word = bits._data[index >> 8];
        uint256 bit = 1 << (index & 0xff);
        if (word & bit != 0) revert AlreadyUsed();
        bits._data[index >> 8] = word | bit;
    }

    function _depth(uint256 count) private pure returns (uint256 depth) {
        while (1 << depth < count) ++depth;
    }
}
