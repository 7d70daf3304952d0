#!/bin/sh
# Runs each target for so many seconds: `run.sh 60`, or `run.sh 60 datagram rtp`. Ends with an
# error at the first finding and says where the bytes are that lead to it.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
kept="${PLENUM_CACHE:-$HOME/.cache/plenum}/fuzz"
seconds="${1:-60}"
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
    set -- $(ls "$here/fuzz_targets" | sed 's/\.rs$//')
fi
mkdir -p "$kept/findings"
for target in "$@"; do
    mkdir -p "$kept/corpus/$target"
    log="$kept/$target.log"
    # 4 KiB: no frame is longer than a packet, and a longer message says nothing new.
    if ! "$kept/target/x86_64-unknown-linux-gnu/release/$target" \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$kept/findings/$target-" \
        "$kept/corpus/$target" "$here/seeds/$target" >"$log" 2>&1; then
        tail -40 "$log"
        echo "$target: a finding; its bytes are in $kept/findings, all of it in $log" >&2
        exit 1
    fi
    awk -v target="$target" '
        /average_exec_per_sec/ { rate = $2 }
        /number_of_executed_units/ { runs = $2 }
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cover = $(i + 1) }
        END { printf "%-12s %10d runs, %7d a second, %5d places reached\n", target, runs, rate, cover }' "$log"
done
