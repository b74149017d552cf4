// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// LPT's stand-in for tests and demonstrations: anyone may mint. `tax` makes it one of those tokens
/// that deliver less than was sent.
contract TestToken is ERC20("Livepeer Token (test)", "LPT") {
    uint256 public tax;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setTax(uint256 next) external {
        tax = next;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (tax > 0 && from != address(0) && to != address(0)) super._update(to, address(0), tax);
    }
}
