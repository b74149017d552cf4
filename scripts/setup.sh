#!/usr/bin/env bash
# Installs what building, testing and showing the chain needs on Debian 12. Idempotent, asks
# nothing, and leaves no service running: Debian's Prometheus is wanted for its programs alone.
#
#   scripts/setup.sh          install what is missing
#   scripts/setup.sh --check  print what is missing with the command that mends it; exit 1 if any
#   scripts/setup.sh --bridge  install what only the bridge's contracts and tests need (npm packages)
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
packages=(
	build-essential ca-certificates chromium clang curl ffmpeg git libavcodec-dev libavfilter-dev
	libavformat-dev libavutil-dev libclang-dev libssl-dev libswresample-dev libswscale-dev nodejs
	pkg-config prometheus protobuf-compiler python3 python3-pip
)
# The Node.js of Debian 12. Some npm packages name a newer one, at which `npm ci` warns; whatever is run
# of them here runs with this one too.
node_least=18
# Debian's npm conflicts with nodejs from other sources, which bring their own.
command -v npm >/dev/null || packages+=(npm)

missing_packages() {
	for package in "${packages[@]}"; do
		# A tool that is on the PATH from elsewhere is as good as Debian's package.
		case "$package" in
		nodejs) command -v node >/dev/null && continue ;;
		python3) command -v python3 >/dev/null && continue ;;
		python3-pip) python3 -m pip --version >/dev/null 2>&1 && continue ;;
		esac
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}
# Says what is wrong with a Node.js that is on the PATH.
old_node() {
	command -v node >/dev/null || return 0
	local version
	version=$(node --version 2>/dev/null) || version=none
	local major=${version#v}
	[ "${major%%.*}" -ge "$node_least" ] 2>/dev/null ||
		echo "$(command -v node) is Node.js ${version#v}, and $node_least or newer is needed"
}
has_rustup() { command -v rustup >/dev/null || [ -x "$HOME/.cargo/bin/rustup" ]; }
has_target() {
	rustup target list --installed --toolchain "$toolchain" 2>/dev/null | grep -qx wasm32v1-none &&
		rustup component list --installed --toolchain "$toolchain" 2>/dev/null | grep -q '^clippy'
}
# Folders with npm packages: of the clients that test, and of the pages.
modules=(tests/js offchain-worker/pages)
# Those that only the bridge's tests need.
bridge=(pallets/eth-bridge/contracts tests/bridge/beacon-sim)
has_modules() {
	[ -f "$1/node_modules/.package-lock.json" ] &&
		[ ! "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]
}

export PATH="$HOME/.cargo/bin:$PATH"

if [ "${1:-}" = --bridge ]; then
	for folder in "${bridge[@]}"; do
		# Nothing of these packages runs when they are installed.
		has_modules "$folder" || npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
	done
	exit
fi

if [ "${1:-}" = --check ]; then
	status=0
	lacks() {
		printf 'missing: %s\n   mend: %s\n' "$1" "$2"
		status=1
	}
	packages_missing=$(missing_packages | tr '\n' ' ')
	case " $packages_missing" in
	*" prometheus "*) first="sudo systemctl mask prometheus; " ;;
	*) first= ;;
	esac
	[ -z "$packages_missing" ] ||
		lacks "Debian packages: $packages_missing" "${first}sudo apt-get install -y --no-install-recommends $packages_missing"
	old=$(old_node)
	[ -z "$old" ] || lacks "$old" "take it off the PATH, so that Debian's is used, or install a newer one"
	if ! has_rustup; then
		lacks "rustup" "curl -sSf https://static.rust-lang.org/rustup/rustup-init.sh | sh -s -- -y --default-toolchain none"
	elif ! has_target; then
		lacks "Rust $toolchain with target wasm32v1-none" \
			"rustup toolchain install $toolchain --profile minimal -c clippy,rustfmt -t wasm32v1-none"
	fi
	for folder in "${modules[@]}"; do
		has_modules "$folder" ||
			lacks "the npm packages of $folder" "npm ci --prefix $folder --ignore-scripts"
	done
	[ $status = 0 ] && echo "Everything is there."
	exit $status
elif [ $# -gt 0 ]; then
	echo "usage: scripts/setup.sh [--check | --bridge]" >&2
	exit 2
fi

mapfile -t wanted < <(missing_packages)
if [ "${#wanted[@]}" -gt 0 ]; then
	as_root=()
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "setup: run as root, or install sudo, to get: ${wanted[*]}" >&2
			exit 1
		}
		as_root=(sudo)
	fi
	# Its service would hold port 9090, which the demo's own Prometheus takes. `systemctl unmask prometheus`
	# gives it back to whoever wants it.
	case " ${wanted[*]} " in
	*" prometheus "*) [ ! -d /run/systemd/system ] || "${as_root[@]}" systemctl mask prometheus ;;
	esac
	"${as_root[@]}" apt-get update -q
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qy --no-install-recommends "${wanted[@]}"
fi
old=$(old_node)
[ -z "$old" ] || {
	echo "setup: $old: take it off the PATH, so that Debian's is used, or install a newer one" >&2
	exit 1
}
has_rustup ||
	curl --proto '=https' --tlsv1.2 -sSf https://static.rust-lang.org/rustup/rustup-init.sh |
	sh -s -- -y --default-toolchain none --no-modify-path
has_target ||
	rustup toolchain install "$toolchain" --profile minimal \
		--component clippy --component rustfmt --target wasm32v1-none
for folder in "${modules[@]}"; do
	# Nothing of these packages runs when they are installed.
	has_modules "$folder" || npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
done
