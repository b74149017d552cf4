// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Follows the chain's finality. A quorum of the validators signs the root of a Merkle mountain range
/// (BEEFY); its newest leaf names the next validators and the root of all messages to Ethereum.
/// Every signature of the quorum is checked: nothing is sampled, nobody is trusted to relay.
abstract contract LightClient {
    /// A trusted point to start from.
    struct Checkpoint {
        uint32 blockNumber;
        uint64 time; // of that block, in seconds
        uint64 setId; // of the validators in office; the next ones have this id + 1
        uint32 currentLength;
        bytes32 currentRoot;
        uint32 nextLength;
        bytes32 nextRoot;
    }

    struct Head {
        uint32 blockNumber;
        uint64 time;
        uint64 setId;
        uint32 currentLength;
        uint32 nextLength;
        uint8 newest; // position in `messageRoots`
    }

    uint256 private constant COMMITMENT = 48;
    uint256 private constant LEAF = 121;
    uint256 private constant ROOTS = 8;
    /// SCALE of: one payload item, "mh", 32 bytes. Anything else is another payload.
    bytes4 private constant PAYLOAD = 0x046d6880;
    /// Stake that leaves at the end of a round is liable for three rounds more, which are days. Whose it
    /// is may validate for two sessions after that, a third of a day; half a day is left to report in.
    uint64 private constant LONGEST_AGE = 2 days;
    uint64 private constant LONGEST_REOPENING = 7 days;

    /// The block whose leaf is the first of the mountain range.
    uint32 public immutable firstBlock;
    /// Seconds for which the validators of the head can be held to account.
    uint64 public immutable maxAge;

    Head public head;
    uint64 public reopenedUntil;
    /// Roots of the validator sets `setId` and `setId + 1`, each at its id's parity.
    bytes32[2] public setRoots;
    /// The newest roots of the messages' tree, a ring: a commitment that comes between does not spoil
    /// a proof under way. The tree only grows, so an older root proves nothing that is not so.
    bytes32[ROOTS] public messageRoots;

    event Committed(uint32 indexed blockNumber, uint64 setId, bytes32 outboundRoot, uint64 time);
    event Reopened(uint64 until);

    error BadCheckpoint();
    error Expired();
    error NotExpired();
    error BadPayload();
    error NotNewer();
    error UnknownValidatorSet(uint64 setId);
    error BadLength();
    error BadPadding();
    error BadSignature(uint256 index);
    error NoQuorum(uint256 votes, uint256 quorum);
    error WrongValidators();
    error BadLeafVersion();
    error OtherBlocksLeaf();
    error WrongNextSet();
    error NotInMountainRange();

    constructor(Checkpoint memory start, uint32 first, uint64 age) {
        if (start.currentLength == 0 || start.nextLength == 0 || start.time > block.timestamp) revert BadCheckpoint();
        if (first == 0 || age == 0 || age > LONGEST_AGE) revert BadCheckpoint();
        firstBlock = first;
        maxAge = age;
        head = Head(start.blockNumber, start.time, start.setId, start.currentLength, start.nextLength, 0);
        setRoots[start.setId & 1] = start.currentRoot;
        setRoots[(start.setId + 1) & 1] = start.nextRoot;
    }

    /// Takes a commitment of a newer block, signed by the validators in office or the next ones. The
    /// form of `update` is that of docs/bridge-formats.md; who sends it does not matter.
    function submit(bytes calldata update) external {
        if (_isExpired()) revert Expired();
        if (update.length < COMMITMENT + LEAF) revert BadLength();
        Head memory h = head;

        if (bytes4(update) != PAYLOAD) revert BadPayload();
        uint32 number = uint32(_littleEndian(update, 36));
        uint64 setId = _littleEndian(update, 40);
        if (number <= h.blockNumber || number < firstBlock) revert NotNewer();
        uint256 length;
        if (setId == h.setId) length = h.currentLength;
        else if (setId == h.setId + 1) length = h.nextLength;
        else revert UnknownValidatorSet(setId);

        uint256 pos = _checkSignatures(update, length, setRoots[setId & 1]);
        _checkLeaf(update, pos, number, _word(update, 4));
        _advance(update, h, number, setId);
        head = h;
    }

    /// After this the head is too old: its validators may have left with their stake.
    function expiresAt() public view returns (uint256) {
        uint256 byAge = uint256(head.time) + maxAge;
        return byAge > reopenedUntil ? byAge : reopenedUntil;
    }

    /// Whether `expiresAt` has passed; reads what was reopened only where the head is too old.
    function _isExpired() internal view virtual returns (bool) {
        return block.timestamp > uint256(head.time) + maxAge && block.timestamp > reopenedUntil;
    }

    /// Lets the validators of an expired head be heard again, for a time. It moves nothing by itself:
    /// only what they sign is accepted.
    function _reopen(uint64 until) internal {
        if (!_isExpired()) revert NotExpired();
        if (until > block.timestamp + LONGEST_REOPENING) revert BadCheckpoint();
        reopenedUntil = until;
        emit Reopened(until);
    }

    function _isMessageRoot(bytes32 root) internal view returns (bool) {
        if (root == 0) return false;
        uint256 newest = head.newest;
        for (uint256 age = 0; age < ROOTS; ++age) {
            if (messageRoots[(newest + ROOTS - age) % ROOTS] == root) return true;
        }
        return false;
    }

    /// Recovers each voter's address from its signature and takes the absentees' from `update`; all
    /// together they must be the validator set. Returns where the signatures and addresses end.
    function _checkSignatures(bytes calldata update, uint256 length, bytes32 setRoot) private pure returns (uint256 pos) {
        bytes32 digest = keccak256(update[:COMMITMENT]);
        uint256 voters = COMMITMENT + LEAF;
        pos = voters + (length + 7) / 8;
        if (pos > update.length) revert BadLength();
        // Past the last validator all bits are zero.
        if (length % 8 != 0 && uint8(update[pos - 1]) & (0xff >> (length % 8)) != 0) revert BadPadding();

        bytes32[] memory row = new bytes32[](length);
        uint256 votes;
        uint256 bits;
        for (uint256 i = 0; i < length; ++i) {
            if (i % 256 == 0) bits = uint256(_word(update, voters + i / 8));
            address validator;
            unchecked {
                if (bits >> 255 == 1) {
                    validator = _signer(digest, _word(update, pos), uint256(_word(update, pos + 32)));
                    // The zero address stands in a set for a key that is none: it must not vote.
                    if (validator == address(0)) revert BadSignature(i);
                    ++votes;
                    pos += 64;
                } else {
                    validator = address(bytes20(_word(update, pos)));
                    pos += 20;
                }
            }
            bits <<= 1;
            assembly ("memory-safe") {
                mstore(0, shl(96, validator))
                mstore(add(add(row, 32), mul(i, 32)), keccak256(0, 20))
            }
        }
        uint256 quorum = length - (length - 1) / 3;
        if (votes < quorum) revert NoQuorum(votes, quorum);
        if (_binaryRoot(row) != setRoot) revert WrongValidators();
    }

    /// The leaf must be the newest one under the signed root. Where that leaf stands follows from the
    /// block's number: the relayer chooses neither index nor count nor order.
    function _checkLeaf(bytes calldata update, uint256 pos, uint32 number, bytes32 mmrRoot) private view {
        bytes32 hash = keccak256(update[COMMITMENT:COMMITMENT + LEAF]);
        uint256 mountains = uint256(number) - firstBlock + 1; // leaves: each bit is a mountain
        for (; mountains & 1 == 0; mountains >>= 1) {
            hash = _pair(_word(update, pos), hash);
            pos += 32;
        }
        for (mountains >>= 1; mountains != 0; mountains >>= 1) {
            if (mountains & 1 == 1) {
                hash = _pair(hash, _word(update, pos));
                pos += 32;
            }
        }
        // What was read beyond the end counted as zero; it is refused here.
        if (pos != update.length) revert BadLength();
        if (hash != mmrRoot) revert NotInMountainRange();
    }

    /// Takes from the proven leaf what the head needs.
    function _advance(bytes calldata update, Head memory h, uint32 number, uint64 setId) private {
        if (update[COMMITMENT] != 0) revert BadLeafVersion();
        uint256 parent = uint32(_littleEndian(update, COMMITMENT + 1));
        if (parent + 1 != number) revert OtherBlocksLeaf();
        uint64 nextId = _littleEndian(update, COMMITMENT + 37);
        if (nextId != setId + 1) revert WrongNextSet();
        if (setId != h.setId) {
            uint32 length = uint32(_littleEndian(update, COMMITMENT + 45));
            if (length == 0) revert WrongNextSet();
            (h.setId, h.currentLength, h.nextLength) = (setId, h.nextLength, length);
            setRoots[nextId & 1] = _word(update, COMMITMENT + 49);
        }
        bytes32 root = _word(update, COMMITMENT + 81);
        if (root != messageRoots[h.newest]) {
            h.newest = uint8((h.newest + 1) % ROOTS);
            messageRoots[h.newest] = root;
        }
        uint64 time = _littleEndian(update, COMMITMENT + 113) / 1000;
        h.blockNumber = number;
        // A clock ahead of ours does not prolong anybody's term, and none goes back: genesis has no time.
        if (time > block.timestamp) time = uint64(block.timestamp);
        if (time > h.time) h.time = time;
        emit Committed(number, setId, root, h.time);
    }

    /// Of an EIP-2098 signature; zero when there is none. This form has no room for the higher of the
    /// two equal s.
    function _signer(bytes32 digest, bytes32 r, uint256 sAndParity) private pure returns (address) {
        bytes32 s = bytes32(sAndParity & (type(uint256).max >> 1));
        return ecrecover(digest, uint8(27 + (sAndParity >> 255)), r, s);
    }

    /// Root of binary-merkle-tree: the last of an odd row moves up as it is. Uses up `row`.
    function _binaryRoot(bytes32[] memory row) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let first := add(row, 32)
            let bytesLeft := mul(mload(row), 32)
            for {} gt(bytesLeft, 32) {} {
                let to := first
                let from := first
                let end := add(first, bytesLeft)
                for {} lt(add(from, 32), end) { from := add(from, 64) } {
                    mstore(to, keccak256(from, 64))
                    to := add(to, 32)
                }
                if lt(from, end) {
                    mstore(to, mload(from))
                    to := add(to, 32)
                }
                bytesLeft := sub(to, first)
            }
            root := mload(first)
        }
    }

    function _pair(bytes32 left, bytes32 right) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(32, right)
            hash := keccak256(0, 64)
        }
    }

    /// The 32 bytes at `pos`; what lies beyond the end is zero.
    function _word(bytes calldata data, uint256 pos) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, pos))
        }
    }

    /// The 8 bytes at `pos` as a little-endian number; of one of 4 bytes it is the lower half.
    function _littleEndian(bytes calldata data, uint256 pos) private pure returns (uint64 v) {
        v = uint64(bytes8(_word(data, pos)));
        v = ((v & 0xff00ff00ff00ff00) >> 8) | ((v & 0x00ff00ff00ff00ff) << 8);
        v = ((v & 0xffff0000ffff0000) >> 16) | ((v & 0x0000ffff0000ffff) << 16);
        v = (v >> 32) | (v << 32);
    }
}
