#!/usr/bin/env bash
# CPU-seconds (user + system) and peak memory of each command on each network of the zoo: the median of five cold processes.
# Needs GNU time (Debian: apt-get install time) and a release build.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
zkinfer="$root/target/release/zkinfer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median() { sort -n | sed -n 3p; }
# measure COMMAND…: prints "cpu-seconds peak-kilobytes".
measure() {
    for _ in 1 2 3 4 5; do
        /usr/bin/time -o "$work/time" -f '%U %S %M' "$@" >/dev/null
        awk '{ print $1 + $2, $3 }' "$work/time" >>"$work/runs"
    done
    echo "$(cut -d' ' -f1 "$work/runs" | median) $(cut -d' ' -f2 "$work/runs" | median)"
    rm "$work/runs"
}

echo '| network | compile, CPU-s | prove, CPU-s | prove, peak MB | verify, CPU-s | verify, peak MB | proof, bytes | key, bytes |'
echo '|---|---|---|---|---|---|---|---|'
for network in mlp-64-32-16-10 cnn-8x8 lenet5 mlp-784-512-256-10; do
    cp -r "$root/models/zoo/$network" "$work/"
    cd "$work/$network"
    "$zkinfer" compile "$network.onnx" --calibration calibration.npz >/dev/null
    "$zkinfer" prove "$network.zkc" sample.npy >/dev/null # fills the parameter cache
    read -r compile _ < <(measure "$zkinfer" compile "$network.onnx" --calibration calibration.npz --force)
    read -r prove prove_kb < <(measure "$zkinfer" prove "$network.zkc" sample.npy --force)
    read -r verify verify_kb < <(measure "$zkinfer" verify "$network.vk" sample.proof)
    bytes=$("$zkinfer" inspect sample.proof --json | sed -n 's/.*"argument_bytes": \([0-9]*\).*/\1/p')
    echo "| $network | $compile | $prove | $((prove_kb / 1024)) | $verify | $((verify_kb / 1024)) | $bytes | $(stat -c %s "$network.vk") |"
done
