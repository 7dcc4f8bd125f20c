#!/usr/bin/env bash
# Writes scaling.csv and scaling.svg: what a proof costs per cell, for networks whose circuits have
# 2^14 to 2^22 cells (benches/networks/make.py). Public weights. CPU-seconds (user + system), wall
# seconds and peak memory of cold processes, parameters cached, medians; bytes. The column
# commit_ratio is the time of the whole proof over that of committing to its cells alone, from
# `prove --profile`.
#
#   cargo build --release && benches/plots/scaling.sh [--output FOLDER] [NETWORK…]
#
# Writes beside this script without a folder. See measure.sh for what it needs; python3 for the
# networks and the plot.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/../measure.sh"
output=$root/benches/plots
if [ "${1-}" = --output ]; then
    mkdir -p "$2"
    output=$(cd "$2" && pwd)
    shift 2
fi
[ $# -gt 0 ] || set -- scaling-14 scaling-16 scaling-18 scaling-20 scaling-22

# row NETWORK: a line of the file.
row() {
    local network=$1 prove peak wall verify ratio runs=5
    network "$network"
    warm "$network" sample.npy public
    case $network in scaling-2?) runs=3 ;; esac
    read -r prove peak wall < <(measure "$runs" 1 "$zkinfer" prove "$network.zkc" sample.npy --force)
    read -r verify _ < <(measure "$runs" 5 "$zkinfer" verify "$network.vk" sample.proof)
    ratio=$(commit_ratio "$network.zkc")
    echo "$(circuit "$network.vk" '"\(.cells),\(.k)"'),$prove,$wall,$peak,$verify,$(argument_bytes sample.proof),$ratio"
}

# commit_ratio NAME.zkc: of one more proof; empty for a zkinfer without profiles.
commit_ratio() {
    if "$zkinfer" prove --help | grep -q -e --profile; then
        "$zkinfer" prove "$1" sample.npy --force --profile --json | jq -r '.profile.commit_ratio'
    fi
}

echo cells,k,prove_cpu_s,prove_wall_s,peak_mb,verify_cpu_s,proof_bytes,commit_ratio >"$work/scaling.csv"
for network in "$@"; do
    echo "$network" >&2
    row "$network" | tee -a "$work/scaling.csv"
done
cp "$work/scaling.csv" "$output/"
"$(python_with plots matplotlib)" "$root/benches/plots/scaling.py" "$output/scaling.csv"
