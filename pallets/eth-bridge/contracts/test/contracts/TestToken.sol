// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// LPT's stand-in for tests and demonstrations: anyone may mint. `taxed` makes it one of those tokens
/// that deliver less than was sent; it is fixed, so that a transfer costs what it does elsewhere.
contract TestToken is ERC20("Livepeer Token (test)", "LPT") {
    bool private immutable _taxed;

    constructor(bool taxed) {
        _taxed = taxed;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_taxed && from != address(0) && to != address(0)) super._update(to, address(0), 1);
    }
}
