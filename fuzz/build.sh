#!/bin/sh
# Builds the targets with coverage for libFuzzer. These are the flags that cargo-fuzz sets,
# without its sanitizer: all of them are known to the stable compiler. `--target` keeps them
# away from build scripts and macros.
set -eu
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${PLENUM_CACHE:-$HOME/.cache/plenum}/fuzz/target"
export RUSTFLAGS="-Cpasses=sancov-module \
 -Cllvm-args=-sanitizer-coverage-level=4 \
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
 -Cllvm-args=-sanitizer-coverage-pc-table \
 -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --target x86_64-unknown-linux-gnu "$@"
