#!/usr/bin/env bash
# Writes benches/RESULTS.md: every network of the zoo, float (quantised by zkinfer) and as
# onnxruntime quantised it, with public and with sealed weights. Cells, k and columns of the
# circuit; CPU-seconds (user + system) and peak memory of cold processes, medians; bytes; accuracy
# on labelled data.
#
#   cargo build --release && benches/results.sh [NETWORK…]
#
# With networks named, prints their rows and writes nothing. See measure.sh for what it needs.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/measure.sh"
all="mlp-64-32-16-10 cnn-8x8 lenet5 mlp-784-512-256-10 twins mobilenetv2-32 unet-32 resnet8-32"

# rows NETWORK: four rows of the table.
rows() {
    local network=$1 runs=5 float='' form weights model sample
    case $network in *-32) runs=3 ;; esac
    for form in float qdq; do
        for weights in public sealed; do
            network "$network"
            model=$network
            [ "$form" = float ] || model=$network.qdq
            sample=$(ls sample.np?)
            warm "$model" "$sample" "$weights"
            local layout seal=– int8
            layout=$(circuit "$model.vk" '"\(.cells) | \(.k) | \(.columns)"')
            [ "$weights" = public ] || seal=$(measure 1 1 "$zkinfer" seal "$model.zkc" -o again --force | cut -d' ' -f1)
            read -r compile compile_mb _ < <(measure "$runs" 5 "$zkinfer" compile "$model.onnx" --calibration calibration.npz --weights "$weights" --no-seal --force)
            read -r prove prove_mb _ < <(measure "$runs" 1 "$zkinfer" prove "$model.zkc" "$sample" --force)
            read -r verify verify_mb _ < <(measure "$runs" 5 "$zkinfer" verify "$model.vk" sample.proof)
            bytes=$(argument_bytes sample.proof)
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

Made by \`benches/results.sh\` on $(machine), shared with others:
seconds vary by half and more from run to run, compare within this table. [How to read it](README.md).

*float*: quantised by zkinfer; *qdq*: as onnxruntime quantised it (int8, per channel), proven as it is. Seconds are CPU-seconds of cold processes, user and system, parameters
cached, \`prove\` with its self-check, \`verify\` with the seal's range proof checked before; medians of five, of three for networks at 32 by 32. Accuracy in per cent on the network's
test set: float model / integers; for unet-32 of pixels.

| network | form | weights | cells | k | columns | compile, s | MB | seal, s | prove, s | peak MB | verify, s | peak MB | proof, bytes | key, bytes | accuracy |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
$(cat "$work/rows")
END
echo "benches/RESULTS.md written" >&2
