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

    struct Ledger {
        uint128 deposited;
        uint128 released;
    }

    struct Limits {
        uint128 perDay; // what may leave in a day; the whole of it at once after a day without
        uint128 large; // a payment above this waits for `DELAY` first, at most `perDay`
        uint128 cap; // most that is held
        uint128 minimum; // smallest deposit
    }

    struct Bucket {
        uint128 level;
        uint64 since;
    }

    struct Waiting {
        address recipient;
        uint64 readyAt;
        uint8 asset;
        uint128 remaining;
    }

    uint8 internal constant LPT = 0;
    uint8 internal constant ETH = 1;
    uint64 internal constant STOP = 7 days;
    uint64 internal constant DELAY = 1 days;

    // The chain proves slots 0 to 3: they keep their places.
    bytes32 public depositRoot;
    Ledger[2] public ledgers;
    uint32 public depositCount;
    uint64 public depositsStoppedUntil;
    uint64 public releasesStoppedUntil;

    bytes32[32] private _branch;
    Limits[2] public limits;
    Bucket[2] private _buckets;
    mapping(bytes32 id => Waiting) public waiting;
    address public guardian;

    address public immutable governor;
    IERC20 public immutable lpt;
    /// In every leaf: this chain, this Ethereum, this contract.
    bytes32 public immutable domain;

    event Deposited(uint32 indexed index, bytes32 indexed recipient, uint8 asset, uint128 amount, address sender);
    event Paid(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount, uint128 fee);
    event Delayed(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount, uint64 readyAt);
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
    error NotBacked();
    error NotWaiting();
    error NotReady(uint64 readyAt);
    error TransferFailed();

    modifier onlyGovernor() {
        if (msg.sender != governor) revert NotGovernor();
        _;
    }

    constructor(IERC20 token, bytes32 genesisHash, address firstGuardian, address timelock, Limits[2] memory first) {
        if (address(token).code.length == 0 || genesisHash == 0 || timelock == address(0)) revert BadSetup();
        lpt = token;
        governor = timelock;
        guardian = firstGuardian;
        domain = keccak256(abi.encodePacked("livepeer-bridge-v1", genesisHash, block.chainid, address(this)));
        for (uint8 asset = LPT; asset <= ETH; ++asset) {
            _setLimits(asset, first[asset]);
            _buckets[asset] = Bucket(first[asset].perDay, uint64(block.timestamp));
        }
    }

    // ---- in

    /// Takes `amount` LPT for an account of the chain. Needs the token's approval.
    function depositLPT(bytes32 recipient, uint128 amount) external nonReentrant {
        uint256 before = lpt.balanceOf(address(this));
        lpt.safeTransferFrom(msg.sender, address(this), amount);
        if (lpt.balanceOf(address(this)) - before != amount) revert BadAmount();
        _deposit(LPT, recipient, amount);
    }

    /// Takes the ETH sent for an account of the chain.
    function depositETH(bytes32 recipient) external payable nonReentrant {
        if (msg.value > type(uint128).max) revert BadAmount();
        _deposit(ETH, recipient, uint128(msg.value));
    }

    function _deposit(uint8 asset, bytes32 recipient, uint128 amount) private {
        if (block.timestamp < depositsStoppedUntil) revert DepositsStopped();
        // Without commitments nothing comes back out: better not to let in.
        if (block.timestamp > expiresAt()) revert BridgeDown();
        if (recipient == 0) revert BadRecipient();
        Ledger memory ledger = ledgers[asset];
        if (amount < limits[asset].minimum) revert BelowMinimum();
        ledger.deposited += amount;
        if (ledger.deposited - ledger.released > limits[asset].cap) revert AboveCap();
        uint32 index = depositCount;
        if (index == type(uint32).max) revert TreeFull();

        ledgers[asset] = ledger;
        depositCount = index + 1;
        bytes32 leaf = keccak256(abi.encodePacked(uint8(0), domain, index, asset, recipient, amount));
        depositRoot = Tree.append(_branch, index, leaf);
        emit Deposited(index, recipient, asset, amount, msg.sender);
    }

    // ---- out

    /// Pays what is proven, once: who calls has marked `id` as used. A large sum waits first.
    function _payOrDelay(bytes32 id, uint8 asset, address recipient, uint128 amount, uint128 fee) internal {
        if (block.timestamp < releasesStoppedUntil) revert ReleasesStopped();
        if (amount > limits[asset].large) {
            uint64 readyAt = uint64(block.timestamp) + DELAY;
            waiting[id] = Waiting(recipient, readyAt, asset, amount);
            emit Delayed(id, asset, recipient, amount, readyAt);
            return;
        }
        uint128 taken = _take(asset, amount);
        if (taken != amount) revert LimitReached(taken);
        _pay(id, asset, recipient, amount, msg.sender == recipient ? 0 : fee);
    }

    /// Pays what waited for its delay: all of it, or as much as the limit allows today. By anyone;
    /// nobody is paid for it.
    function release(bytes32 id) external nonReentrant {
        if (block.timestamp < releasesStoppedUntil) revert ReleasesStopped();
        Waiting memory w = waiting[id];
        if (w.remaining == 0) revert NotWaiting();
        if (block.timestamp < w.readyAt) revert NotReady(w.readyAt);
        uint128 amount = _take(w.asset, w.remaining);
        if (amount == 0) revert LimitReached(0);
        if (amount == w.remaining) delete waiting[id];
        else waiting[id].remaining = w.remaining - amount;
        _pay(id, w.asset, w.recipient, amount, 0);
    }

    /// What may leave now, by the limit.
    function available(uint8 asset) public view returns (uint128) {
        Bucket memory bucket = _buckets[asset];
        uint256 perDay = limits[asset].perDay;
        uint256 level = bucket.level + (perDay * (block.timestamp - bucket.since)) / 1 days;
        return uint128(level < perDay ? level : perDay);
    }

    /// Takes `wanted` from the limit, or what there is.
    function _take(uint8 asset, uint128 wanted) private returns (uint128 taken) {
        uint128 level = available(asset);
        taken = wanted < level ? wanted : level;
        _buckets[asset] = Bucket(level - taken, uint64(block.timestamp));
    }

    function _pay(bytes32 id, uint8 asset, address recipient, uint128 amount, uint128 fee) private {
        Ledger memory ledger = ledgers[asset];
        ledger.released += amount;
        // What was sent here without a deposit backs nothing.
        if (ledger.released > ledger.deposited) revert NotBacked();
        ledgers[asset] = ledger;
        emit Paid(id, asset, recipient, amount - fee, fee);
        _send(asset, recipient, amount - fee);
        if (fee > 0) _send(asset, msg.sender, fee);
    }

    /// A recipient that cannot take it spoils only its own payment: everything is undone, and it can
    /// be tried again.
    function _send(uint8 asset, address to, uint128 amount) private {
        if (asset == LPT) {
            lpt.safeTransfer(to, amount);
        } else {
            bool done;
            // Whatever the recipient returns is not copied.
            assembly ("memory-safe") {
                done := call(gas(), to, amount, 0, 0, 0, 0)
            }
            if (!done) revert TransferFailed();
        }
    }

    // ---- brakes

    /// The guardian's only power: no deposits, no releases, or neither, for the next seven days.
    function stop(bool deposits, bool releases) external {
        if (msg.sender != guardian) revert NotGuardian();
        uint64 until = uint64(block.timestamp) + STOP;
        if (deposits) depositsStoppedUntil = until;
        if (releases) releasesStoppedUntil = until;
        emit Stopped(depositsStoppedUntil, releasesStoppedUntil);
    }

    function setLimits(uint8 asset, Limits calldata next) external onlyGovernor {
        Bucket memory bucket = Bucket(available(asset), uint64(block.timestamp));
        _setLimits(asset, next);
        if (bucket.level > next.perDay) bucket.level = next.perDay;
        _buckets[asset] = bucket;
    }

    function setGuardian(address next) external onlyGovernor {
        guardian = next;
        emit GuardianSet(next);
    }

    /// Limits cannot lock anybody in: a hundredth of the cap may leave each day, and what does not
    /// wait fits into one day's limit.
    function _setLimits(uint8 asset, Limits memory next) private {
        if (next.minimum == 0 || next.large > next.perDay || next.perDay < next.cap / 100) revert BadLimits();
        if (next.perDay == 0) revert BadLimits();
        limits[asset] = next;
        emit LimitsSet(asset, next);
    }

    /// When commitments stop being accepted.
    function expiresAt() public view virtual returns (uint256);
}
