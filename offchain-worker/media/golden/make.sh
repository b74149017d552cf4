#!/bin/sh
# Makes the source clips of the golden vectors. Run once: the clips are committed and named by
# their hash in the toolchain id, so they never change for this version of the profile. Only
# sources that give the same pictures on every processor are used.
set -eu
cd "$(dirname "$0")"
enc() { # name rate source-filter extra-options...
	name=$1 rate=$2 src=$3
	shift 3
	ffmpeg -nostdin -loglevel error -y -bitexact -f lavfi -i "$src" "$@" \
		-pix_fmt yuv420p -c:v libx264 -preset slow -threads 1 -x264-params cpu-independent=1 \
		-b:v "$rate" -maxrate "$rate" -bufsize "$rate" -g 250 -sc_threshold 0 \
		-c:a aac -b:a 48k -threads 1 \
		-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -muxdelay 0 -muxpreload 0 \
		-output_ts_offset 1.4 -f mpegts "$name.ts"
}
# Motion, sharp edges, sound, the common size.
enc a-1280x720p30 600k 'testsrc2=s=1280x720:r=30' -f lavfi -i 'sine=f=440:r=48000' -t 0.8 -shortest
# Noise: hard to predict, the buffer is always full.
enc b-640x360p25 500k 'cellauto=s=640x360:r=25:rule=110:seed=7,format=gray,format=yuv420p' -t 1
# A rate that is no whole number, a size that is no multiple of 16.
enc c-854x480p29.97 400k 'testsrc2=s=854x480:r=30000/1001' -t 1
# Portrait, twice the usual rate.
enc d-270x480p60 300k 'testsrc2=s=270x480:r=60,noise=alls=12:allf=t:all_seed=3' -t 0.6
# Still pictures that change at once.
enc e-426x240p24 200k 'life=s=213x120:r=6:seed=5:mold=10,scale=426:240:flags=neighbor,fps=24' -t 1.5
# A single frame.
enc f-320x180x1 200k 'testsrc2=s=320x180:r=30' -frames:v 1
# Ultra high definition, three pictures.
enc g-3840x2160x3 900k 'testsrc2=s=3840x2160:r=30' -frames:v 3
# Interlaced, pixels that are not square.
enc h-720x576i25 400k 'testsrc2=s=720x576:r=25,setsar=64/45' -t 0.5 -flags +ildct+ilme -top 1
# All 256 values of luma, which are brought to the limited range.
enc i-full-320x240 200k 'testsrc2=s=320x240:r=25,format=yuvj420p' -t 0.5 -color_range pc
# A group of pictures of ten seconds.
enc j-160x90-10s 30k 'testsrc2=s=160x90:r=12' -t 10
# 10 bits, which everybody refuses.
tenbit() {
	ffmpeg -nostdin -loglevel error -y -bitexact -f lavfi -i 'testsrc2=s=320x180:r=25' -frames:v 6 \
		-pix_fmt yuv420p10le -c:v libx264 -preset slow -threads 1 -x264-params cpu-independent=1 \
		-b:v 100k -fflags +bitexact -flags:v +bitexact -f mpegts k-10bit-320x180.ts
}
tenbit
ls -l ./*.ts
