#!/usr/bin/env bash
# Makes the media that tests and the demo play: speech by espeak-ng, moving pictures by
# ffmpeg. The results are kept in the repository, so only who wants others runs this.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

speak() { # NAME VOICE TEXT
    espeak-ng -v "$2" -w "$scratch/$1.wav" "$3"
    ffmpeg -v error -y -i "$scratch/$1.wav" -ac 1 -ar 48000 -c:a libopus -b:a 24k -frame_duration 20 "$1.ogg"
}
speak alice en+f3 "Good morning, this is Alice. The routers of this meeting can be drained while I speak, and you should hear no gap between one word and the next. One, two, three, four, five, six, seven, eight, nine, ten."
speak bob en+m3 "Hello Alice, Bob here. I hear you well. If a zone controller dies now, neither of us will notice. The quick brown fox jumps over the lazy dog, and the pool grows and shrinks under our feet."

video() { # NAME SECONDS SIZE RATE SOURCE CODEC-OPTIONS...
    local name=$1 seconds=$2 size=$3 rate=$4 source=$5
    shift 5
    ffmpeg -v error -y -f lavfi -i "$source=size=$size:rate=$rate" -t "$seconds" -pix_fmt yuv420p "$@" -f ivf "$name.ivf"
}
video camera 10 320x180 25 testsrc2 -c:v libvpx -b:v 150k -g 25 -deadline realtime -error-resilient 1
# The same picture in three sizes, with the same frames and key frames: layers of one track.
for layer in low:160x90:60k mid:320x180:150k high:640x360:450k; do
    IFS=: read -r name size rate <<<"$layer"
    video "camera-$name" 10 640x360 25 testsrc2 -vf "scale=${size/x/:}" -c:v libvpx -b:v "$rate" \
        -g 25 -keyint_min 25 -lag-in-frames 0 -auto-alt-ref 0 -deadline realtime -error-resilient 1
done
video screen 6 640x360 5 mandelbrot -c:v libvpx-vp9 -b:v 120k -g 5 -deadline realtime -row-mt 0
video camera-av1 2 320x180 15 testsrc2 -c:v libaom-av1 -cpu-used 8 -usage realtime -b:v 120k -g 15

# ffmpeg writes no H.264 into IVF: the access units are put into it here.
ffmpeg -v error -y -f lavfi -i testsrc2=size=320x180:rate=15 -t 2 -pix_fmt yuv420p -c:v libx264 -preset veryfast -tune zerolatency -b:v 120k -g 15 "$scratch/camera.h264"
ffprobe -v error -show_entries packet=pos,size -of csv=p=0 "$scratch/camera.h264" | python3 -c '
import struct, sys
data = open(sys.argv[1], "rb").read()
starts = sorted({int(line.split(",")[1]) for line in sys.stdin if line.strip()})
frames = [data[a:b] for a, b in zip(starts, starts[1:] + [len(data)])]
out = open(sys.argv[2], "wb")
out.write(struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"H264", 320, 180, 15, 1, len(frames), 0))
for time, frame in enumerate(frames):
    out.write(struct.pack("<IQ", len(frame), time) + frame)
' "$scratch/camera.h264" camera-h264.ivf
