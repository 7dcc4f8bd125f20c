#!/usr/bin/env bash
# Writes benches/RESULTS.md: every network of the zoo, float (quantised by zkinfer) and as onnxruntime quantised it, with public and with sealed weights.
# Cells, k and columns of the circuit; CPU-seconds (user + system) and peak memory of cold processes, medians; bytes; accuracy on labelled data.
#
#   cargo build --release && benches/results.sh [NETWORK…]
#
# With networks named, prints their rows and writes nothing. Needs GNU time and jq (Debian: apt-get install time jq).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
zkinfer="$root/target/release/zkinfer"
all="mlp-64-32-16-10 cnn-8x8 lenet5 mlp-784-512-256-10 twins mobilenetv2-32 unet-32 resnet8-32"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# measure RUNS TIMES COMMAND…: prints "cpu-seconds peak-megabytes", medians over RUNS of the command repeated TIMES.
measure() {
    local runs=$1 times=$2
    shift 2
    for ((run = 0; run < runs; run++)); do
        /usr/bin/time -o "$work/time" -f '%U %S %M' bash -c 'for ((i = 0; i < $0; i++)); do "$@" >/dev/null; done' "$times" "$@"
        awk -v times="$times" '{ printf "%.3f %.0f\n", ($1 + $2) / times, $3 / 1024 }' "$work/time" >>"$work/runs"
    done
    echo "$(cut -d' ' -f1 "$work/runs" | sort -n | sed -n "$((runs / 2 + 1))p") $(cut -d' ' -f2 "$work/runs" | sort -n | sed -n "$((runs / 2 + 1))p")"
    rm "$work/runs"
}

# rows NETWORK: four rows of the table.
rows() {
    local network=$1 runs=5 float='' form weights model sample
    case $network in *-32) runs=3 ;; esac
    for form in float qdq; do
        for weights in public sealed; do
            rm -rf "${work:?}/$network"
            cp -r "$root/models/zoo/$network" "$work/"
            cd "$work/$network"
            model=$network
            [ "$form" = float ] || model=$network.qdq
            sample=$(ls sample.np?)
            "$zkinfer" compile "$model.onnx" --calibration calibration.npz --weights "$weights" >/dev/null
            "$zkinfer" prove "$model.zkc" "$sample" >/dev/null
            "$zkinfer" verify "$model.vk" sample.proof >/dev/null # records the checked seal
            local layout seal=– int8
            layout=$("$zkinfer" inspect "$model.vk" --json | jq -r '.layout | "\(.cells) | \(.k) | \(.columns)"')
            [ "$weights" = public ] || seal=$(measure 1 1 "$zkinfer" seal "$model.zkc" -o again --force | cut -d' ' -f1)
            read -r compile compile_mb < <(measure "$runs" 5 "$zkinfer" compile "$model.onnx" --calibration calibration.npz --weights "$weights" --no-seal --force)
            read -r prove prove_mb < <(measure "$runs" 1 "$zkinfer" prove "$model.zkc" "$sample" --force)
            read -r verify verify_mb < <(measure "$runs" 5 "$zkinfer" verify "$model.vk" sample.proof)
            bytes=$("$zkinfer" inspect sample.proof --json | jq -r '.. | .argument_bytes? // empty')
            # The integer network is the same with sealed weights, so accuracy is measured once.
            if [ "$weights" = public ]; then
                "$zkinfer" evaluate "$model.onnx" test.npz --circuit "$model.zkc" --json >"$work/evaluation"
                [ "$form" = qdq ] || float=$(jq '.float_accuracy * 10000 | round / 100' "$work/evaluation")
                int8=$(jq '.int8_accuracy * 10000 | round / 100' "$work/evaluation")
                accuracy="$float / $int8"
            fi
            echo "| $network | $form | $weights | $layout | $compile | $compile_mb | $seal | $prove | $prove_mb | $verify | $verify_mb | $bytes | $(stat -c %s "$model.vk") | $accuracy |"
        done
    done
}

if [ $# -gt 0 ]; then
    for network in "$@"; do rows "$network"; done
    exit
fi

for network in $all; do
    echo "$network" >&2
    rows "$network" >>"$work/rows"
done
cat >"$root/benches/RESULTS.md" <<END
# Results

Made by \`benches/results.sh\` on $(date -u +%F), $(nproc) $(uname -m) cores ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)), $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, shared with others:
seconds vary by half and more from run to run, compare within this table. [How to read it](README.md).

*float*: quantised by zkinfer; *qdq*: as onnxruntime quantised it (int8, per channel), proven as it is. Seconds are CPU-seconds of cold processes, user and system, parameters
cached, \`prove\` with its self-check, \`verify\` with the seal's range proof checked before; medians of five, of three for networks at 32 by 32. Accuracy in per cent on the network's
test set: float model / integers; for unet-32 of pixels.

| network | form | weights | cells | k | columns | compile, s | MB | seal, s | prove, s | peak MB | verify, s | peak MB | proof, bytes | key, bytes | accuracy |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
$(cat "$work/rows")
END
echo "benches/RESULTS.md written" >&2
