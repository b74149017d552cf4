/** What `types.test.ts` has to find something wrong with. */
export interface WrongSeat {
	account: number;
	stake: bigint | undefined;
	next_stake: bigint;
	reason: { type: "Stake" | "Drawn" };
	validates: boolean;
	seat: number;
}
export interface WrongStake {
	delegate: string;
	fees: bigint;
	locks: { id: bigint; moves_to?: string }[];
}
