#!/usr/bin/env bash
# CPU-seconds (user + system) and peak memory of each command on each network of the zoo, with public and with sealed weights: the median of five
# measurements of cold processes. Short commands are measured ten at a time.
# Needs GNU time (Debian: apt-get install time) and a release build.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
zkinfer="$root/target/release/zkinfer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

median() { sort -n | sed -n 3p; }
# measure TIMES COMMAND…: prints "cpu-seconds peak-kilobytes" of one process.
measure() {
    local times=$1
    shift
    for _ in 1 2 3 4 5; do
        /usr/bin/time -o "$work/time" -f '%U %S %M' bash -c 'for ((i = 0; i < $0; i++)); do "$@" >/dev/null; done' "$times" "$@"
        awk -v times="$times" '{ printf "%.3f %d\n", ($1 + $2) / times, $3 }' "$work/time" >>"$work/runs"
    done
    echo "$(cut -d' ' -f1 "$work/runs" | median) $(cut -d' ' -f2 "$work/runs" | median)"
    rm "$work/runs"
}

echo '| network | weights | compile, CPU-s | seal, CPU-s | prove, CPU-s | prove, peak MB | verify, CPU-s | verify, peak MB | proof, bytes | key, bytes | seal, bytes |'
echo '|---|---|---|---|---|---|---|---|---|---|---|'
for network in "${@:-mlp-64-32-16-10 cnn-8x8 lenet5 mlp-784-512-256-10}"; do
  for network in $network; do
    for weights in public sealed; do
        rm -rf "${work:?}/$network"
        cp -r "$root/models/zoo/$network" "$work/"
        cd "$work/$network"
        "$zkinfer" compile "$network.onnx" --calibration calibration.npz --weights "$weights" >/dev/null
        "$zkinfer" prove "$network.zkc" sample.npy >/dev/null
        "$zkinfer" verify "$network.vk" sample.proof >/dev/null # records the checked seal
        read -r compile _ < <(measure 5 "$zkinfer" compile "$network.onnx" --calibration calibration.npz --weights "$weights" --no-seal --force)
        seal=– seal_bytes=–
        if [ "$weights" = sealed ]; then
            # To a name of its own: the proofs below are by the first seal.
            read -r seal _ < <(measure 1 "$zkinfer" seal "$network.zkc" -o again --force)
            seal_bytes=$(stat -c %s "$network.seal")
        fi
        read -r prove prove_kb < <(measure 1 "$zkinfer" prove "$network.zkc" sample.npy --force)
        read -r verify verify_kb < <(measure 10 "$zkinfer" verify "$network.vk" sample.proof)
        bytes=$("$zkinfer" inspect sample.proof --json | sed -n 's/.*"argument_bytes": \([0-9]*\).*/\1/p')
        echo "| $network | $weights | $compile | $seal | $prove | $((prove_kb / 1024)) | $verify | $((verify_kb / 1024)) | $bytes | $(stat -c %s "$network.vk") | $seal_bytes |"
    done
  done
done
