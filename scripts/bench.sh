#!/usr/bin/env bash
# Transcoding speed beside the ffmpeg command line, Debian's and FFmpeg 9, each measured in one run: Big Buck Bunny,
# 32 s of 720p into three renditions and 30 s of 1080p into four. Prints JSON.
#
#   scripts/bench.sh [FILE]   another film, into the ladder of LADDER
#
# FFMPEGS=ffmpeg:/path/to/another names others, PROFILE ours, ROUNDS how often each is run (3; the best counts).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${CARGO_TARGET_DIR:=$HOME/.cache/livepeer-appchain/target}"
tool=$CARGO_TARGET_DIR/release/livepeer-media
# The first call may fetch both.
FFMPEGS=${FFMPEGS:-ffmpeg:$(scripts/bench-quality.py --ffmpeg)}
export FFMPEGS
if [ -n "${1:-}" ]; then
	exec "$tool" bench "$1"
fi
bunny=$(scripts/bench-quality.py --clips)/bigbuckbunny.mp4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
clip() { # height seconds rate
	ffmpeg -nostdin -v error -y -stream_loop -1 -i "$bunny" -t "$2" -vf "scale=-2:$1,format=yuv420p" \
		-c:v libx264 -preset veryfast -b:v "$3" -maxrate "$3" -bufsize "$3" -g 50 -keyint_min 50 \
		-sc_threshold 0 -c:a aac -f mpegts "$dir/$1.ts"
}
clip 720 32 3000k
clip 1080 30 6000k
echo '{"720p":'
LADDER=${LADDER:-854x480@1200,640x360@700,426x240@400} "$tool" bench "$dir/720.ts"
echo ',"1080p":'
LADDER=${LADDER:-1280x720@2500,854x480@1200,640x360@700,426x240@400} "$tool" bench "$dir/1080.ts"
echo '}'
