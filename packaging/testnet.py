#!/usr/bin/env python3
"""Makes the beginning of a public test network: keys of its first validators, the genesis file, and the
specification with its boot nodes, which is the one file that everybody else needs.

    testnet.py BIN_DIR OUT_DIR --validator MULTIADDR [--validator MULTIADDR]... [--name NAME] [--id ID]

Each MULTIADDR is where a first validator's node is reached, such as
/dns4/v1.testnet.example.org/tcp/30333. OUT_DIR/validator-N holds that machine's keys and belongs onto it
alone: `account` (the phrase; keep it offline), `node-key`, and `keystore`, which the node is given by
--keystore-path. Validators who make their own keys send you keys and proof instead: write them into
genesis.json and run the last command that this prints.
"""

import argparse
import json
import os
import subprocess
import sys

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("binaries")
parser.add_argument("out")
parser.add_argument("--validator", action="append", required=True)
parser.add_argument("--name", default="Livepeer testnet")
parser.add_argument("--id", default="livepeer_testnet")
args = parser.parse_args()
os.umask(0o077)


def run(binary, *arguments):
    ended = subprocess.run(
        [os.path.join(args.binaries, binary), *arguments], check=False, capture_output=True, text=True,
    )
    if ended.returncode:
        sys.exit(f"testnet: {binary} {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout.strip()


if os.path.exists(args.out):
    sys.exit(f"testnet: {args.out} exists; keys are made once")
os.makedirs(args.out)
validators, boot_nodes, allocations = [], [], []
for number, address in enumerate(args.validator, 1):
    home = os.path.join(args.out, f"validator-{number}")
    os.makedirs(home)
    account = run("livepeer-worker", "keys", "new", os.path.join(home, "account"))
    run("livepeer-node", "key", "generate-node-key", "--file", os.path.join(home, "node-key"))
    peer = run("livepeer-node", "key", "inspect-node-key", "--file", os.path.join(home, "node-key"))
    session = json.loads(run(
        "livepeer-node", "key", "session", "--owner", account, "--chain", "dev", "--json",
        "--base-path", home, "--keystore-path", os.path.join(home, "keystore"),
    ))
    validators.append({
        "account": account, "keys": session["keys"], "proof": session["proof"], "stake": "2000",
        "price": "0.00001",
    })
    boot_nodes.append(f"{address}/p2p/{peer}")
    allocations.append([account, "10000"])

genesis = os.path.join(args.out, "genesis.json")
with open(genesis, "w", encoding="utf-8") as file:
    # Sudo is the first validator's account until governance takes over.
    json.dump({
        "name": args.name, "id": args.id, "sudo": validators[0]["account"], "validators": validators,
        "lpt": allocations,
    }, file, indent="\t")
spec = json.loads(run(
    "livepeer-node", "export-chain-spec", "--chain", "production", "--raw", "--genesis-file", genesis,
))
with open(os.path.join(args.out, "boot-nodes.json"), "w", encoding="utf-8") as file:
    json.dump(boot_nodes, file, indent="\t")
spec["bootNodes"] = boot_nodes
with open(os.path.join(args.out, "spec.json"), "w", encoding="utf-8") as file:
    json.dump(spec, file, indent="\t")
# Everybody may read it, and the services must.
os.chmod(file.name, 0o644)
print(f"{args.out}/spec.json: {spec['name']}, {len(boot_nodes)} boot nodes")
print(f"again after a change of genesis.json: livepeer-node export-chain-spec --chain production --raw "
      f"--genesis-file {genesis}, then put {args.out}/boot-nodes.json into its bootNodes")
