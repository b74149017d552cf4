#!/usr/bin/env bash
# Transcoding speed as a ratio to the ffmpeg command line, both measured in one run. Prints JSON.
#
#   scripts/bench.sh [FILE]   a generated clip of 32 s by default
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
clip=${1:-$dir/clip.ts}
[ -n "${1:-}" ] || ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=1280x720:rate=25 \
	-f lavfi -i sine=frequency=440:sample_rate=48000 -t 32 -c:v libx264 -preset ultrafast \
	-b:v 3000k -g 50 -keyint_min 50 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -f mpegts "$clip"
exec "$CARGO_TARGET_DIR/release/livepeer-media" bench "$clip"
