// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A recipient that misbehaves, as it is told.
contract BadRecipient {
    enum Mode {
        Refuse,
        Reenter,
        Bomb,
        Accept,
        Burn,
        Tight
    }

    Mode public mode;
    address private _target;
    bytes private _call;
    bool public reentered;

    function set(Mode next, address target, bytes calldata data) external {
        (mode, _target, _call) = (next, target, data);
    }

    receive() external payable {
        if (mode == Mode.Refuse) revert("no");
        if (mode == Mode.Reenter) {
            (bool ok, ) = _target.call(_call);
            if (ok) reentered = true;
        }
        if (mode == Mode.Bomb) {
            assembly {
                return(0, 100000)
            }
        }
        if (mode == Mode.Burn) while (true) {}
        // Of all that a recipient has, next to nothing is left out.
        if (mode == Mode.Tight) require(gasleft() > 49_000);
    }
}
