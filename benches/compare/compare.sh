#!/usr/bin/env bash
# Writes benches/compare/RESULTS.md: EZKL, installed from PyPI into a virtual environment, and
# zkinfer on the same ONNX files, on this machine, in this run.
#
#   cargo build --release && benches/compare/compare.sh [--configurations default,calibrated]
#   [--seconds N] [--memory GB] [--output FILE] [NETWORK…]
#
# With networks named, prints the tables and writes nothing unless --output says where. --seconds
# and --memory limit each step of either tool; what goes beyond is a cell of the table. EZKL takes
# gigabytes of memory and disk for the larger networks. See ../measure.sh for what it needs; python3
# besides.
set -euo pipefail
options=() output=''
while [[ ${1-} == --* ]]; do
    if [ "$1" = --output ]; then
        output=$(realpath "$2")
    else
        options+=("$1" "$2")
    fi
    shift 2
done
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/../measure.sh"
if [ $# -eq 0 ]; then
    set -- mlp-64-32-16-10 cnn-8x8 lenet5 mlp-784-512-256-10 cnn-3x32x32
    output=${output:-$root/benches/compare/RESULTS.md}
fi
[ -z "$output" ] || options+=(--output "$output")

for network in "$@"; do network "$network"; done
PYTHONDONTWRITEBYTECODE=1 "$(environment compare)" "$root/benches/compare/compare.py" --folder "$work" --zkinfer "$zkinfer" \
    --machine "$(machine)" "${options[@]}" "$@"
