// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Tree} from "./Tree.sol";

/// Holds LPT and ETH. Lets in by deposits, which grow a tree that the chain proves; lets out only
/// what `Gateway` has found proven, no faster than the limits.
///
/// Nobody owns it. The guardian can stop it for a week at a time. The governor, a timelock, sets the
/// limits and the guardian. Neither can move anything, and there is no upgrade.
abstract contract Escrow is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// One slot per asset: each is written at every payment.
    struct Account {
        uint112 released; // all that has ever left
        uint96 level; // of the limit, at `since`
        uint48 since;
    }

    /// All that was ever deposited; one slot.
    struct Deposits {
        uint32 count;
        uint112 lpt;
        uint112 eth;
    }

    /// What holds for an asset, in two slots: a payment reads the first, a deposit the second. The
    /// guardian's stops are of both assets; each lies where it is looked at.
    struct Rules {
        uint96 perDay;
        uint96 large;
        uint48 releasesStoppedUntil;
        uint112 cap;
        uint96 minimum;
        uint48 depositsStoppedUntil;
    }

    struct Limits {
        uint96 perDay; // what is let through in a day; the whole of it at once after a day without
        uint96 large; // a payment above this waits for `DELAY` first, at most `perDay`
        uint112 cap; // most that is held
        uint128 minimum; // smallest deposit
    }

    struct Waiting {
        address recipient;
        uint64 readyAt;
        uint8 asset;
        uint128 remaining;
    }

    uint8 internal constant LPT = 0;
    uint8 internal constant ETH = 1;
    uint48 internal constant STOP = 7 days;
    uint64 internal constant DELAY = 1 days;
    /// What a recipient of ETH may use: enough for a wallet that is a contract, little to be burnt.
    uint256 internal constant RECIPIENT_GAS = 50_000;
    /// More than what a call with a value costs before the recipient begins.
    uint256 internal constant CALL_GAS = 20_000;

    // The chain proves slots 0 to 34: they keep their places.
    Account[2] public accounts;
    Deposits public deposits;
    /// What the root of all deposits is computed from, here and by the chain. To store the root as well would
    /// be a third slot for each deposit to write.
    bytes32[32] private _branch;

    address private _guardian;
    Rules[2] private _rules;
    mapping(bytes32 id => Waiting) public waiting;

    address public immutable governor;
    IERC20 public immutable lpt;
    /// In every leaf: this chain, this Ethereum, this contract.
    bytes32 public immutable domain;

    event Deposited(uint32 indexed index, bytes32 indexed recipient, uint8 asset, uint128 amount, address sender);
    event Paid(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount, uint128 fee);
    event Delayed(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount, uint64 readyAt);
    event Refused(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount);
    event Stopped(uint64 depositsUntil, uint64 releasesUntil);
    event LimitsSet(uint8 asset, Limits limits);
    event GuardianSet(address guardian);

    error NotGuardian();
    error NotGovernor();
    error DepositsStopped();
    error ReleasesStopped();
    error BadLimits();
    error BadSetup();
    error BadRecipient();
    error BadAmount();
    error BelowMinimum();
    error AboveCap();
    error TreeFull();
    error BridgeDown();
    error LimitReached(uint128 available);
    error NotWaiting();
    error NotReady(uint64 readyAt);
    error TransferFailed();
    error NotEnoughGas();

    modifier onlyGovernor() {
        if (msg.sender != governor) revert NotGovernor();
        _;
    }

    constructor(IERC20 token, bytes32 genesisHash, address firstGuardian, address timelock, Limits[2] memory first) {
        if (address(token).code.length == 0 || genesisHash == 0 || timelock == address(0)) revert BadSetup();
        lpt = token;
        governor = timelock;
        _guardian = firstGuardian;
        domain = keccak256(abi.encodePacked("livepeer-bridge-v1", genesisHash, block.chainid, address(this)));
        for (uint8 asset = LPT; asset <= ETH; ++asset) {
            _setLimits(asset, first[asset]);
            accounts[asset] = Account(0, first[asset].perDay, uint48(block.timestamp));
        }
    }

    // ---- in

    /// Takes `amount` LPT for an account of the chain. Needs the token's approval.
    function depositLPT(bytes32 recipient, uint128 amount) external nonReentrant {
        uint256 before = lpt.balanceOf(address(this));
        lpt.safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = lpt.balanceOf(address(this));
        if (held - before != amount) revert BadAmount();
        _deposit(LPT, recipient, amount, held);
    }

    /// Takes the ETH sent for an account of the chain.
    function depositETH(bytes32 recipient) external payable nonReentrant {
        if (msg.value > type(uint128).max) revert BadAmount();
        _deposit(ETH, recipient, uint128(msg.value), address(this).balance);
    }

    function _deposit(uint8 asset, bytes32 recipient, uint128 amount, uint256 held) private {
        Rules storage rules = _rules[asset];
        if (block.timestamp < rules.depositsStoppedUntil) revert DepositsStopped();
        // Without commitments nothing comes back out: better not to let in.
        if (_isExpired()) revert BridgeDown();
        if (recipient == 0) revert BadRecipient();
        if (amount < rules.minimum) revert BelowMinimum();
        if (held > rules.cap) revert AboveCap();
        Deposits memory all = deposits;
        uint32 index = all.count;
        if (index == type(uint32).max) revert TreeFull();

        all.count = index + 1;
        // Both are far below 2^112: what is held is below the cap, and LPT and ETH are no more.
        if (asset == LPT) all.lpt += uint112(amount);
        else all.eth += uint112(amount);
        deposits = all;
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), domain, index, asset, recipient, amount));
        Tree.append(_branch, index, leaf);
        emit Deposited(index, recipient, asset, amount, msg.sender);
    }

    /// The root of the tree of all deposits.
    function depositRoot() external view returns (bytes32) {
        return Tree.rootOfBranch(_branch, deposits.count);
    }

    // ---- out

    /// Pays what is proven, once: who calls has marked `id` as used. A large sum waits first.
    function _payOrDelay(bytes32 id, uint8 asset, address recipient, uint128 amount, uint128 fee) internal {
        if (block.timestamp < _rules[asset].releasesStoppedUntil) revert ReleasesStopped();
        if (amount > _rules[asset].large) {
            uint64 readyAt = uint64(block.timestamp) + DELAY;
            waiting[id] = Waiting(recipient, readyAt, asset, amount);
            emit Delayed(id, asset, recipient, amount, readyAt);
            return;
        }
        _take(asset, amount, amount);
        _pay(id, asset, recipient, amount, msg.sender == recipient ? 0 : fee);
    }

    /// Pays what waited: all of it, or as much as the limit allows today, but nothing smaller than an
    /// hour's worth of it. By anyone; nobody is paid for it. Undone when the recipient does not take it.
    function release(bytes32 id) external nonReentrant {
        if (block.timestamp < _rules[LPT].releasesStoppedUntil) revert ReleasesStopped();
        Waiting memory w = waiting[id];
        if (w.remaining == 0) revert NotWaiting();
        if (block.timestamp < w.readyAt) revert NotReady(w.readyAt);
        uint128 hour = uint128(_rules[w.asset].perDay) / 24 + 1;
        uint128 amount = _take(w.asset, w.remaining, w.remaining < hour ? w.remaining : hour);
        if (amount == w.remaining) delete waiting[id];
        else waiting[id].remaining = w.remaining - amount;
        if (!_send(w.asset, w.recipient, amount)) revert TransferFailed();
        emit Paid(id, w.asset, w.recipient, amount, 0);
    }

    /// What may leave now, by the limit.
    function available(uint8 asset) public view returns (uint128) {
        return _available(accounts[asset], _rules[asset].perDay);
    }

    function _available(Account memory account, uint256 perDay) private view returns (uint96) {
        uint256 level = account.level + (perDay * (block.timestamp - account.since)) / 1 days;
        return uint96(level < perDay ? level : perDay);
    }

    /// Takes `wanted` from the limit, or what there is but no less than `least`; it is to be paid.
    function _take(uint8 asset, uint128 wanted, uint128 least) private returns (uint128 taken) {
        Account memory account = accounts[asset];
        uint96 level = _available(account, _rules[asset].perDay);
        taken = wanted < level ? wanted : level;
        if (taken < least) revert LimitReached(level);
        accounts[asset] = Account(account.released + uint112(taken), level - uint96(taken), uint48(block.timestamp));
    }

    /// What the recipient does not take waits for it, for anybody to release. Whoever carried the
    /// message has its fee all the same: nothing that a recipient does is at the carrier's cost.
    function _pay(bytes32 id, uint8 asset, address recipient, uint128 amount, uint128 fee) private {
        uint128 sum = amount - fee;
        if (!_send(asset, recipient, sum)) {
            // It has not left.
            Account memory account = accounts[asset];
            accounts[asset] = Account(account.released - uint112(sum), account.level + uint96(sum), account.since);
            waiting[id] = Waiting(recipient, uint64(block.timestamp), asset, sum);
            emit Refused(id, asset, recipient, sum);
            sum = 0;
        }
        if (sum > 0 || fee > 0) emit Paid(id, asset, recipient, sum, fee);
        if (fee > 0 && !_send(asset, msg.sender, fee)) revert TransferFailed();
    }

    /// Whether it was sent. What the escrow itself cannot do undoes everything; only a recipient's
    /// refusal, with enough gas to decide, is an answer.
    function _send(uint8 asset, address to, uint128 amount) private returns (bool done) {
        if (asset == LPT) {
            lpt.safeTransfer(to, amount);
            return true;
        }
        if (address(this).balance < amount) revert TransferFailed();
        uint256 gasBefore = gasleft();
        uint256 gasFor = RECIPIENT_GAS;
        // Whatever the recipient returns is not copied.
        assembly ("memory-safe") {
            done := call(gasFor, to, amount, 0, 0, 0, 0)
        }
        // A carrier that gives too little does not make a refusal of it: 1/64 stays here in each call.
        if (!done && gasBefore < (RECIPIENT_GAS * 64) / 63 + CALL_GAS) revert NotEnoughGas();
    }

    // ---- brakes

    /// The guardian's only power: no deposits, no releases, or neither, for the next seven days.
    function stop(bool onDeposits, bool onReleases) external {
        if (msg.sender != _guardian) revert NotGuardian();
        uint48 until = uint48(block.timestamp) + STOP;
        for (uint8 asset = LPT; asset <= ETH; ++asset) {
            if (onDeposits) _rules[asset].depositsStoppedUntil = until;
            if (onReleases) _rules[asset].releasesStoppedUntil = until;
        }
        emit Stopped(_rules[LPT].depositsStoppedUntil, _rules[LPT].releasesStoppedUntil);
    }

    /// The guardian, and until when it has stopped what.
    function brakes() external view returns (address guardian, uint48 depositsStoppedUntil, uint48 releasesStoppedUntil) {
        return (_guardian, _rules[LPT].depositsStoppedUntil, _rules[LPT].releasesStoppedUntil);
    }

    /// The limits of an asset.
    function limits(uint256 asset) external view returns (uint96 perDay, uint96 large, uint112 cap, uint128 minimum) {
        Rules storage rules = _rules[asset];
        return (rules.perDay, rules.large, rules.cap, rules.minimum);
    }

    function setLimits(uint8 asset, Limits calldata next) external onlyGovernor {
        Account memory account = accounts[asset];
        uint96 level = _available(account, _rules[asset].perDay);
        _setLimits(asset, next);
        (account.level, account.since) = (level < next.perDay ? level : next.perDay, uint48(block.timestamp));
        accounts[asset] = account;
    }

    function setGuardian(address next) external onlyGovernor {
        _guardian = next;
        emit GuardianSet(next);
    }

    /// Limits cannot lock anybody in: a hundredth of the cap, and of what is held, may leave each day,
    /// and what does not wait fits into one day's limit.
    function _setLimits(uint8 asset, Limits memory next) private {
        if (next.minimum == 0 || next.minimum > type(uint96).max) revert BadLimits();
        if (next.large > next.perDay || next.perDay < next.cap / 100) revert BadLimits();
        uint256 held = asset == LPT ? lpt.balanceOf(address(this)) : address(this).balance;
        if (next.perDay == 0 || next.perDay < held / 100) revert BadLimits();
        Rules storage rules = _rules[asset];
        (rules.perDay, rules.large, rules.cap, rules.minimum) = (next.perDay, next.large, next.cap, uint96(next.minimum));
        emit LimitsSet(asset, next);
    }

    /// Whether commitments are accepted no more.
    function _isExpired() internal view virtual returns (bool);
}
