// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Merkle trees of the bridge. Both of depth 32 only ever grow; leaves and nodes are told apart by
/// the first byte of what is hashed (see docs/bridge-formats.md).
library Tree {
    uint256 internal constant DEPTH = 32;

    /// keccak(0x01 ‖ left ‖ right)
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 1)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            hash := keccak256(at, 65)
        }
    }

    /// Puts `leaf` at position `index`, which is the number of leaves before it, and returns the new
    /// root. Of the leaves before, `branch` holds what is needed: at each height the newest complete
    /// subtree that waits for its right neighbour. One entry is written.
    function append(bytes32[32] storage branch, uint32 index, bytes32 leaf) internal returns (bytes32 root) {
        root = leaf;
        bytes32 empty; // the root of an empty subtree of this height
        bool kept;
        for (uint256 height = 0; height < DEPTH; ++height) {
            if ((index >> height) & 1 == 1) {
                root = node(branch[height], root);
            } else {
                if (!kept) {
                    branch[height] = root;
                    kept = true;
                }
                root = node(root, empty);
            }
            empty = node(empty, empty);
        }
    }

    /// The root that `leaf` at `index` has with these siblings, from the leaf up. The caller fixes
    /// the number of siblings: it is the tree's depth.
    function rootOf(bytes32 leaf, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32 root) {
        root = leaf;
        for (uint256 height = 0; height < siblings.length; ++height) {
            root = (index >> height) & 1 == 1 ? node(siblings[height], root) : node(root, siblings[height]);
        }
    }
}
