#!/usr/bin/env bash
# Writes attention.csv and attention.svg: what a layer of a transformer (width 64, four heads,
# causal, benches/networks/attention.py) takes by the number of its tokens. Sealed weights. Cells of
# the whole layer and of its scores and softmax; CPU-seconds to prove as predicted, and for layers of
# up to MEASURED tokens as measured: user + system of cold processes, parameters cached, medians.
#
#   cargo build --release && benches/plots/attention.sh [--output FOLDER] [TOKENS…]
#
# Without a folder, writes attention.csv beside this script and attention.svg into docs/. See measure.sh for what it needs; python3 for the
# networks and the plot.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/../measure.sh"
measured=${MEASURED:-128}
output=$root/benches/plots
if [ "${1-}" = --output ]; then
    mkdir -p "$2"
    output=$(cd "$2" && pwd)
    shift 2
fi
[ $# -gt 0 ] || set -- 8 16 32 64 128 256 512

# row TOKENS: a line of the file.
row() {
    local tokens=$1 network=layer-$1 prove= peak= verify= bytes=
    network "$network"
    if [ "$tokens" -le "$measured" ]; then
        warm "$network" sample.npy sealed
        read -r prove peak _ < <(measure 3 1 "$zkinfer" prove "$network.zkc" sample.npy --force)
        read -r verify _ < <(measure 3 3 "$zkinfer" verify "$network.vk" sample.proof)
        bytes=$(argument_bytes sample.proof)
    else
        "$zkinfer" compile "$network.onnx" --calibration calibration.npz >/dev/null
    fi
    echo "$tokens,$(circuit "$network.vk" '"\(.k),\(.cells),\([.layers[] | select(.name | startswith("softmax")).cells] | add),\(.predicted.prove_seconds)"'),$prove,$peak,$verify,$bytes"
}

echo tokens,k,cells,softmax_cells,predicted_cpu_s,prove_cpu_s,peak_mb,verify_cpu_s,proof_bytes >"$work/attention.csv"
for tokens in "$@"; do
    echo "$tokens tokens" >&2
    row "$tokens" | tee -a "$work/attention.csv"
done
cp "$work/attention.csv" "$output/"
"$(python_with plots matplotlib)" "$root/benches/plots/attention.py" "$output/attention.csv"
[ "$output" != "$root/benches/plots" ] || mv "$output/attention.svg" "$root/docs/"
