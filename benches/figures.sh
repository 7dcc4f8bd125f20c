#!/usr/bin/env bash
# Writes benches/FIGURES.md: what proving must not exceed, and what it takes. Networks of the zoo,
# larger ones that benches/networks/make.py makes up, and an encoder that models/packages/minilm.py
# downloads. CPU-seconds (user + system), peak memory
# and wall seconds of cold processes, parameters cached, medians; bytes.
#
#   cargo build --release && benches/figures.sh [NETWORK…]
#
# With networks named, prints their rows and writes nothing. See measure.sh for what it needs;
# python3 for the networks made up and downloaded.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/measure.sh"

# What is asked: network (and bits of its activations, where they are not 8: as docs/fidelity.md
# has them where the answers are close enough), weights, prove
# (CPU-seconds), peak memory (MB), verify (CPU-seconds), proof (bytes); then runs to take medians of,
# and processes a run.
asked="
lenet5             public  0.8   64  0.12  4000 5 5
mlp-784-512-256-10 public  0.6   64  0.12  3000 5 5
mlp-784-512-256-10 sealed  1.5  256  0.2  12000 5 5
cnn-3x32x32        public  1.0   96  0.15  5000 5 5
dense-4M           public  1.5  256  0.4   4000 5 5
resnet18-32        public  60  4000  5    16000 3 1
resnet50-224       public  75  8000  6    64000 1 1
yolov8n-320        public  75  8000  6    64000 1 1
mobilenetv2-224    public  75  8000  6    64000 1 1
transformer-16     sealed  0.5   64  0.1  12000 5 5
transformer-16@12  sealed  0.5   64  0.1  12000 5 5
nanogpt-64         sealed  3    400  0.3  64000 3 1
nanogpt-64@auto    sealed  3    400  0.3  64000 3 1
minilm-16-full@12  sealed 15  2000  1   256000 3 1
"
most_of_one_thread=0.6 # wall time on two threads over that on one

# row NETWORK WEIGHTS PROVE MEGABYTES VERIFY BYTES RUNS TIMES: measures, and compares with what is
# asked.
row() {
    local network=${1%@*} bits=8 weights=$2 runs=$7 times=$8 model=${1%@*} sample
    case $1 in *@*) bits=${1#*@} ;; esac
    network "$network"
    sample=$(ls sample.np?)
    warm "$model" "$sample" "$weights" "$bits"
    local prove peak wall one_wall verify bytes predicted
    read -r prove peak wall < <(RAYON_NUM_THREADS=2 measure "$runs" "$times" "$zkinfer" prove "$model.zkc" "$sample" --force)
    read -r _ _ one_wall < <(RAYON_NUM_THREADS=1 measure "$runs" "$times" "$zkinfer" prove "$model.zkc" "$sample" --force)
    read -r verify _ < <(measure "$runs" 5 "$zkinfer" verify "$model.vk" sample.proof)
    bytes=$(argument_bytes sample.proof)
    predicted=$(circuit "$model.vk" '.predicted | "\(.prove_seconds) \(.peak_bytes / 1e6) \(.verify_seconds) \(.proof_bytes)"')
    awk -v network="$network$([ "$bits" = 8 ] || echo ", \`--bits $bits\`")" -v weights="$weights" -v cells="$(circuit "$model.vk" .cells)" -v predicted="$predicted" -v prove="$prove" -v peak="$peak" -v verify="$verify" \
        -v bytes="$bytes" -v wall="$wall" -v one="$one_wall" -v asked="$3 $4 $5 $6 $most_of_one_thread" '
        function check(value, limit, name) { if (value > limit) missed = missed (missed ? ", " : "missed: ") name }
        BEGIN {
            split(asked, limit); split(predicted, guess)
            share = wall / one
            check(prove, limit[1], "prove"); check(peak, limit[2], "memory"); check(verify, limit[3], "verify")
            check(bytes, limit[4], "proof"); check(share, limit[5], "threads")
            printf "| %s | %s | %d | %.2f | %d | %.3f | %d | %.3f / %.3f = %.2f |", network, weights, cells, prove, peak, verify, bytes, wall, one, share
            printf " %.2f s, %d MB, %.3f s, %d B |", guess[1], guess[2], guess[3], guess[4]
            printf " %s s, %s MB, %s s, %s B, %s | %s |\n", limit[1], limit[2], limit[3], limit[4], limit[5], missed ? missed : "met"
        }'
}

# rows [NETWORK…]: of these networks, or of all.
rows() {
    local network weights limits
    while read -r network weights limits; do
        [ -n "$network" ] || continue
        [ $# -eq 0 ] || [[ " $* " == *" $network "* ]] || continue
        echo "$network, $weights weights" >&2
        # shellcheck disable=SC2086 # several words
        row "$network" "$weights" $limits
    done <<<"$asked"
}

awk '$1 > 0.5 { print "The processor is busy (load " $1 "): wall seconds will say little" }' /proc/loadavg >&2
if [ $# -gt 0 ]; then
    rows "$@"
    exit
fi

rows >"$work/rows"
cat >"$root/benches/FIGURES.md" <<END_OF_FILE
# Asked and measured

Made by \`benches/figures.sh\` on $(machine), shared with others: seconds vary from run to run. [How to read it](README.md).

Seconds are CPU-seconds of cold processes, user and system, parameters cached, \`prove\` with its self-check, \`verify\` with the seal's range proof checked before; medians of five, of
three for resnet18-32, nanogpt-64 and minilm-16-full; one run of those at 224 and 320. MB are 10^6 bytes of peak resident memory while proving. Threads: wall seconds of \`prove\` on two over those on one. Predicted: what \`zkinfer inspect\` says of the key.

| network | weights | cells | prove, s | peak MB | verify, s | proof, bytes | threads: 2 / 1 | predicted | asked, at most | |
|---|---|---|---|---|---|---|---|---|---|---|
$(cat "$work/rows")
END_OF_FILE
echo "benches/FIGURES.md written" >&2
