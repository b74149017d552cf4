/** Wallets, and what is said before something is signed. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { connect, feeOf, sign, submit, TxError, wallets, type Call, type Wallet } from "../chain/tx";
import type { ChainEvent } from "../chain/types";
import { isUnanswered, RpcError, TOO_MUCH } from "../chain/rpc";
import { Account, live, useLive, useRead } from "../ui/kit";
import { keep, kept } from "../ui/kept";
import { amount, t } from "../ui/words";

const KEY = "livepeer.account";
let wallet: Wallet | null = null;
let chosen: string | null = null;
const listeners = new Set<() => void>();
const told = (): void => listeners.forEach((listener) => listener());

/** The account that signs, if a wallet is connected. */
export function useWallet(): { wallet: Wallet | null; account: string | null } {
	const [, tick] = useState(0);
	useEffect(() => {
		const listener = () => tick((n) => n + 1);
		listeners.add(listener);
		return () => void listeners.delete(listener);
	}, []);
	return { wallet, account: wallet ? chosen : null };
}

export async function open(name: string): Promise<void> {
	const found = await connect(name);
	if (!found.accounts.length) throw new Error(t("This wallet shows this page no account of this chain.", "此钱包没有向本页提供该链的账户。"));
	wallet = found;
	const stored = kept(KEY);
	chosen = wallet.accounts.find(({ address }) => address === stored)?.address ?? wallet.accounts[0]?.address ?? null;
	told();
}

/** Lets go of the wallet: another one, or what it shows by now, is chosen anew. */
export function close(): void {
	wallet = null;
	chosen = null;
	told();
}

export function choose(address: string): void {
	chosen = address;
	keep(KEY, address);
	told();
}

export function WalletBar(): JSX.Element {
	const { wallet: of, account } = useWallet();
	const [problem, set] = useState("");
	const names = wallets();
	if (of) {
		return (
			<div class="wallet">
				<label>
					{t("Signing as", "签名账户")}
					<select value={account ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
						{of.accounts.map(({ address, name }) => (
							<option key={address} value={address}>
								{name ? `${name} · ` : ""}
								{address.slice(0, 8)}…{address.slice(-6)}
							</option>
						))}
					</select>
				</label>
				<button type="button" class="small" onClick={close}>
					{t("Another wallet", "更换钱包")}
				</button>
			</div>
		);
	}
	return (
		<div class="wallet">
			{names.length ? (
				names.map((name) => (
					<button key={name} type="button" class="primary" onClick={() => void open(name).catch((error) => set(String(error?.message ?? error)))}>
						{t(`Connect ${name}`, `连接 ${name}`)}
					</button>
				))
			) : (
				<span class="faint">{t("No wallet in this browser. Any extension that speaks injected-web3 will do, such as Talisman, SubWallet or polkadot.js; on a phone, the browser inside a wallet's app.", "此浏览器没有钱包。任何支持 injected-web3 的扩展均可，如 Talisman、SubWallet 或 polkadot.js；手机上请使用钱包应用内的浏览器。")}</span>
			)}
			{problem && (
				<p class="bad" role="alert">
					{problem}
				</p>
			)}
		</div>
	);
}

/** What an account needs whose LPT does not pay the fee. */
const lacksLpt = (): string => t("The account has not enough free LPT for the fee: send it some first. Wallets pay it in LPT only, also where the account has ETH; livepeer-worker pays it in ETH too.", "账户可用 LPT 不足以支付手续费：请先转入一些。即使账户有 ETH，钱包也只能用 LPT 支付；livepeer-worker 也可用 ETH 支付。");
/** Calls whose fee comes out of what they free, where an account has no LPT besides. */
const PAYS_ITSELF = ["LptStaking.unbond", "LptStaking.withdraw_stake"];

/** Errors that a node answers before a call is in a block, in words. */
const refusal = async (error: unknown): Promise<string> => {
	// What was sent is asked after until it is known: an answer can be wanting only before that.
	const isAway = error instanceof RpcError ? isUnanswered(error) : error instanceof Error && (error.name === "TimeoutError" || (error.name === "TypeError" && /fetch|network|load failed/i.test(error.message)));
	if (isAway) return t("The chain does not answer. Nothing was sent: try again.", "链没有应答，未发送：请重试。");
	if (error instanceof RpcError) {
		const detail = typeof error.data === "string" ? error.data : "";
		if (/pay some fees|balance too low|Payment/i.test(detail)) return lacksLpt();
		if (/stale|outdated/i.test(detail)) return t("The transaction is outdated. Try again.", "交易已过期，请重试。");
		if (/custom error/i.test(detail)) return t("The chain does not take this transaction now.", "链目前不接受此交易。");
		if (/bad signature|bad proof/i.test(detail)) return t("The signature does not fit this chain: let the wallet take its new metadata, or load the page again.", "签名与此链不符：请让钱包更新元数据，或重新加载页面。");
		if (error.code === 1_014 || /priority/i.test(detail)) return t("Another transaction of this account waits for a block. Try again when it is in one.", "此账户另有交易等待进入区块。请稍后重试。");
		if (error.code === TOO_MUCH || error.code === 503) return t("The gateway is asked too much just now. Nothing was sent: try again in a moment.", "网关当前请求过多，未发送：请稍后重试。");
		return detail || error.message;
	}
	if (error instanceof TxError) {
		// Words that are seldom needed come when they are; the chain's own do otherwise.
		const words = await import("../ui/refused").catch(() => null);
		return (error.refused && words?.refusedText(error.refused)) || error.message;
	}
	return error instanceof Error ? error.message : String(error);
};

/** Asks before it signs: what it costs, what follows, what is at risk. */
export function Ask({
	title,
	call,
	consequence,
	risk,
	onClose,
	onDone,
	children,
	problem,
}: {
	title: string;
	/** `null` while what was typed makes no call. */
	call: Call | null;
	consequence?: ComponentChildren;
	risk?: ComponentChildren;
	problem?: string | null;
	onClose: () => void;
	onDone?: (events: ChainEvent[]) => void;
	children?: ComponentChildren;
}): JSX.Element {
	const dialog = useRef<HTMLDialogElement>(null);
	const { wallet: of, account } = useWallet();
	const { head, error: away } = useLive();
	const [fee, setFee] = useState<bigint | null>(null);
	/** Whether it could not be had when it was asked for last. */
	const [isUntold, setUntold] = useState(false);
	const spendable = useRead((at) => (account && live.chain ? live.chain.spendable(account, at) : Promise.reject()), [account]);
	const [state, set] = useState<{ kind: "ready" | "signing" | "sending" | "done" | "failed"; text?: string }>({ kind: "ready" });
	const text = call ? JSON.stringify(call, (_, value) => (typeof value === "bigint" ? value.toString() : value)) : "";
	useEffect(() => dialog.current?.showModal(), []);
	useEffect(() => {
		setFee(null);
		setUntold(false);
	}, [text, account]);
	// Asked again at the next block while it is not known: nothing is signed before it is told.
	useEffect(() => {
		const { chain } = live;
		if (fee !== null || !call || !account || !chain || !head) return;
		let over = false;
		feeOf(chain, account, call, head.hash).then(
			(found) => over || setFee(found),
			() => over || setUntold(true),
		);
		return () => void (over = true);
	}, [text, account, fee === null, head?.hash]);
	/** Whether it is still asked: what was cancelled while the wallet was looked at is not sent. */
	const stands = useRef(true);
	useEffect(() => () => void (stands.current = false), []);
	const go = async (): Promise<void> => {
		const { chain } = live;
		if (!call || !of || !account || !chain) return;
		try {
			set({ kind: "signing" });
			const bytes = await sign(chain, of, account, call);
			if (!stands.current) return;
			set({ kind: "sending" });
			const events = await submit(live, bytes);
			set({ kind: "done" });
			onDone?.(events);
		} catch (error) {
			set({ kind: "failed", text: await refusal(error) });
		}
	};
	const busy = state.kind === "signing" || state.kind === "sending";
	return (
		<dialog ref={dialog} onClose={onClose} aria-labelledby="asked">
			<form
				method="dialog"
				onSubmit={(event) => {
					event.preventDefault();
					void go();
				}}
			>
				<h2 id="asked">{title}</h2>
				{state.kind === "done" ? (
					<p class="good big" role="status">
						✓ {t("Done: it is in a block.", "完成：已进入区块。")}
					</p>
				) : (
					<>
						{/* What is being signed is what is read here: it cannot be changed meanwhile. */}
						{children && <fieldset disabled={busy}>{children}</fieldset>}
						<dl class="before">
							{consequence && (
								<div>
									<dt>{t("What follows", "结果")}</dt>
									<dd>{consequence}</dd>
								</div>
							)}
							{risk && (
								<div class="risk">
									<dt>{t("What is at risk", "风险")}</dt>
									<dd>{risk}</dd>
								</div>
							)}
							<div>
								<dt>{t("Fee", "手续费")}</dt>
								<dd>{fee !== null ? amount(fee, "LPT") : isUntold ? t("not known yet: it is asked again with each block, and nothing is signed before", "尚未得知：每个区块都会重新询问，得知前不会签名") : "…"}</dd>
							</div>
							<div>
								<dt>{t("Signed by", "签名者")}</dt>
								<dd>{account ? <Account address={account} /> : <WalletBar />}</dd>
							</div>
						</dl>
						{/* Said before the wallet is asked: the chain would only refuse what it signs. */}
						{call && !busy && !problem && fee !== null && spendable !== undefined && spendable < fee && !PAYS_ITSELF.includes(`${call.pallet}.${call.name}`) && state.kind !== "failed" && (
							<p class="bad" role="alert">
								{lacksLpt()}
							</p>
						)}
						{problem && !busy && (
							<p class="bad" role="alert">
								{problem}
							</p>
						)}
						{state.kind === "failed" && (
							<p class="bad" role="alert">
								{state.text}
							</p>
						)}
						{busy && (
							<p role="status" class="faint">
								{state.kind === "signing" ? t("Look at your wallet…", "请查看您的钱包…") : t("Sent; waiting for a block…", "已发送，等待进入区块…")}
								{state.kind === "sending" && away ? t(" The chain does not answer now: it is asked again, and you need not sign again.", " 链暂无应答：会继续查询，无需再次签名。") : ""}
							</p>
						)}
					</>
				)}
				<div class="buttons">
					<button type="button" onClick={() => dialog.current?.close()}>
						{state.kind === "done" || state.kind === "sending" ? t("Close", "关闭") : t("Cancel", "取消")}
					</button>
					{state.kind !== "done" && (
						<button type="submit" class="primary" disabled={!call || !account || fee === null || busy || !!problem}>
							{t("Sign and send", "签名并发送")}
						</button>
					)}
				</div>
			</form>
		</dialog>
	);
}
