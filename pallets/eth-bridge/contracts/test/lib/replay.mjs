// A node's transactions once more, in an Ethereum in memory: two machines that share no code.
import { createBlock } from "@ethereumjs/block";
import { Mainnet, createCustomCommon } from "@ethereumjs/common";
import { SimpleStateManager } from "@ethereumjs/statemanager";
import { createTxFromRPC } from "@ethereumjs/tx";
import { createAccount, createAddressFromString } from "@ethereumjs/util";
import { createVM, runTx } from "@ethereumjs/vm";

/**
 * What each transaction since the genesis of `provider`'s chain, whose accounts with money are
 * `funded`, cost there and costs in @ethereumjs/vm: pairs of gas.
 */
export async function replay(provider, hardfork, funded) {
	const rpc = (method, ...params) => provider.send(method, params);
	const chainId = Number(await rpc("eth_chainId"));
	const common = createCustomCommon({ chainId }, Mainnet, { hardfork });
	const stateManager = new SimpleStateManager({ common });
	for (const address of funded) {
		const balance = BigInt(await rpc("eth_getBalance", address, "0x0"));
		await stateManager.putAccount(createAddressFromString(address), createAccount({ balance }));
	}
	const vm = await createVM({ common, stateManager });
	const pairs = [];
	for (let number = 1; number <= Number(await rpc("eth_blockNumber")); ++number) {
		const found = await rpc("eth_getBlockByNumber", "0x" + number.toString(16), true);
		const { timestamp, gasLimit, baseFeePerGas, miner } = found;
		const header = { number, timestamp, gasLimit, baseFeePerGas, coinbase: createAddressFromString(miner) };
		const block = createBlock({ header }, { common, skipConsensusFormatValidation: true });
		for (const tx of found.transactions) {
			const { gasUsed } = await rpc("eth_getTransactionReceipt", tx.hash);
			const { totalGasSpent } = await runTx(vm, { tx: await createTxFromRPC(tx, { common }), block });
			pairs.push([BigInt(gasUsed), totalGasSpent]);
		}
	}
	return pairs;
}
