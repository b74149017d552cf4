//! What an operator can do about a refusal.

/// The refusals about which something can be done, by pallet and error, and what.
pub const ADVICE: [(&str, &str); 46] = [
	("Jobs.InsufficientEth", "the account has too little ETH for the budget and the bond: give a smaller --budget, or send it ETH"),
	("Jobs.BudgetTooSmall", "the budget does not pay for one segment at the highest price: give a larger --budget or a lower --max-price"),
	("Jobs.StreamHasJob", "another run has a job for this stream: end it with `livepeer-worker stream end`, or use another --name"),
	("Jobs.CannotBeJudged", "the ladder and the source are more than the judges can check: ask for fewer or smaller renditions"),
	("Jobs.FullClaimTooSmall", "at this price nothing could ever be claimed for the stream: give a higher --max-price, longer segments, or more or larger renditions"),
	("Jobs.TooManyPlaces", "the job lasts so long that its claims would fill a transcoder: give a smaller --lasts or longer segments"),
	("Jobs.BadEnd", "a job must end after it begins, and may not last that long: give another --lasts"),
	("Jobs.CapExceeded", "the spending key has used up its cap: raise it with `livepeer-worker keys spend`"),
	("Jobs.KeyExpired", "the spending key has expired: renew it with `livepeer-worker keys spend`"),
	("Jobs.NoSpendingKey", "allow it with `livepeer-worker keys spend` and the account's own key"),
	("Jobs.OutOfScope", "allow it with `livepeer-worker keys spend` and the account's own key"),
	("Jobs.FeeTooSmall", "their fee is less than the smallest balance of ETH, which is the least that the chain pays: longer claims or a higher price are paid"),
	("Jobs.CannotPayFee", "the transcoder's account has too little LPT for the claim's call, and too little ETH to pay it instead: send it LPT"),
	("TranscoderElection.TermsLocked", "terms are locked in the last tenth of a round: the worker tries again in the next one"),
	("TranscoderElection.PriceBelowLowest", "in the lock period a price may not fall below the lowest of the others"),
	("TranscoderElection.NotEnoughSelfBond", "bond more of the account's own LPT to itself (lptStaking.bond)"),
	("TranscoderElection.TooManyCandidates", "the candidate list is full: bond more than the candidate with the least"),
	("TranscoderElection.Jailed", "`livepeer-worker stake unjail` with the account's own key once no verdict against it is open"),
	("Jobs.Jailed", "`livepeer-worker stake unjail` with the account's own key once no verdict against it is open"),
	("TranscoderElection.VerdictOpen", "a verdict against it is not executed yet: try again afterwards"),
	("TranscoderElection.NotJailed", "the account is not in jail"),
	("LptStaking.BelowMinimum", "that is less than the smallest bond: give more; a smaller lock can be withdrawn"),
	("LptStaking.RestBelowMinimum", "less than the smallest bond would be left: take less, or all of it with --all"),
	("LptStaking.BondedElsewhere", "an account bonds to one transcoder at a time: `livepeer-worker stake move`, or unbond first"),
	("LptStaking.StakeNotAccepted", "the transcoder is not registered: `livepeer-worker stake transcoders` lists others"),
	("LptStaking.TranscoderJailed", "the transcoder is jailed: wait until it has left jail, or choose another of `livepeer-worker stake transcoders`"),
	("LptStaking.NotBonded", "the account has no bond: `livepeer-worker stake status` shows what it has"),
	("LptStaking.InsufficientStake", "the bond is worth less than that: `livepeer-worker stake status` shows how much, --all takes all"),
	("LptStaking.TooManyLocks", "withdraw or rebond a lock first"),
	("LptStaking.UnknownLock", "`livepeer-worker stake status` lists the locks by number"),
	("LptStaking.StillUnbonding", "the unbonding period is not over: `livepeer-worker stake status` shows when it is"),
	("LptStaking.LiabilityOpen", "the transcoder that the stake left still has claims or judgements open from that time: try again when they are over"),
	("LptStaking.PoolWiped", "a slash took all of the transcoder's stake in this round: it takes stake again in the next"),
	("LptStaking.PoolNearlyWiped", "slashes have taken nearly all of the transcoder's stake, and a further one could take all: choose another of `livepeer-worker stake transcoders`"),
	("LptStaking.ExitPoolWiped", "a slash took all stake that was leaving the transcoder in this round: leave in the next"),
	("LptStaking.NothingToDo", "the amount is zero: give more"),
	("LptStaking.AlreadyThere", "the bond is there already: name another transcoder or account"),
	("LptStaking.NoFees", "there are no fees to withdraw yet: they come when the transcoder is paid for its work"),
	("LptStaking.WorthlessLock", "slashes left nothing of it: withdraw it to remove it"),
	("LptStaking.StillLiable", "the stake still answers for the transcoder that it left: bond it to that one, or wait for the round in which it is free"),
	("LptStaking.OfferChanged", "the offer has changed since it was shown: run `livepeer-worker stake accept` again and read what it says"),
	("LptStaking.NotEnoughFree", "give less: bonded and locked LPT are not free, and the smallest balance of 0.001 LPT must stay"),
	("LptStaking.TooSmallToPay", "the account has no such money, and this is below the smallest balance: send it some first"),
	("LptStaking.NotOffered", "its owner offers it with `livepeer-worker stake transfer`"),
	("TranscoderElection.NotRegistered", "register with the account's own key (`livepeer-worker keys register --peer-id`)"),
	("OperatorKeys.UnknownGeneration", "`livepeer-worker keys show` lists the keys by generation"),
];

/// What to do about a refusal, if anything; it continues a sentence.
pub(super) fn on_refusal(refused: &impl ToString) -> String {
	let refused = refused.to_string();
	let found = ADVICE.iter().find(|(known, _)| *known == refused);
	found.map_or_else(String::new, |(_, advice)| format!("; {advice}"))
}

/// Whether the pool refused a transaction because its account has not enough of the asset that pays the fee.
pub fn is_unpaid(reason: &str) -> bool {
	reason.contains("Inability to pay")
}

/// What to do about a refusal of the pool, if anything; it continues a sentence.
pub(super) fn on_pools_reason(reason: &str) -> &'static str {
	if is_unpaid(reason) || reason.contains("balance too low") {
		"; the account that signs has too little LPT for the fee of a transaction: send it some"
	} else {
		""
	}
}
