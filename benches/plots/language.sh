#!/usr/bin/env bash
# Writes language.csv and language.svg: what a language model of GPT-2 small's shape (random weights,
# 8 bits, sealed, one id of answer) takes by the number of its tokens and of its layers. CPU-seconds
# to prove, verify and seal and peak memory as predicted; those to prove and to verify and the peak
# also as measured, once and parameters cached, of the LAYERS-TOKENS that MEASURED names: sealing
# them takes minutes.
#
#   cargo build --release && MEASURED="12-16 12-64" benches/plots/language.sh [LAYERS-TOKENS…]
#
# Writes language.csv beside this script and language.svg into docs/. See measure.sh for what it
# needs; python3 for the networks, 0.5 GB of disk each under target/networks, and the plot.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/../measure.sh"
output=$root/benches/plots
[ $# -gt 0 ] || set -- 3-16 6-16 9-16 12-16 12-32 12-64 12-128

# row LAYERS TOKENS: a line of the file.
row() {
    local layers=$1 tokens=$2 folder=$root/target/networks/language-$1-$2/gpt2 prove= peak= verify=
    if [ ! -f "$folder/gpt2.onnx" ]; then
        PYTHONDONTWRITEBYTECODE=1 "$(python_with language numpy,onnx,onnxruntime,gguf,tokenizers)" \
            "$root/models/language/write.py" "$(dirname "$folder")" gpt2 --tokens "$tokens" --layers "$layers" >&2
    fi
    cd "$work"
    "$zkinfer" compile "$folder/gpt2.onnx" --dim "tokens=$tokens" --generate 1 --bits 8 \
        --calibration "$folder/calibration.npz" --accept-loss --no-seal --force -o m >/dev/null 2>&1
    if [[ " ${MEASURED-} " == *" $layers-$tokens "* ]]; then
        "$zkinfer" seal m.zkc --force >/dev/null
        python3 -c "print([7] * ($tokens - 1))" >prompt.json
        "$zkinfer" generate m.zkc --prompt prompt.json --tokens 1 --force -o m.proof >/dev/null
        read -r prove peak _ < <(measure 1 1 "$zkinfer" generate m.zkc --prompt prompt.json --tokens 1 --force -o m.proof)
        "$zkinfer" verify m.vk m.proof >/dev/null
        read -r verify _ < <(measure 1 1 "$zkinfer" verify m.vk m.proof)
    fi
    echo "$layers,$tokens,$(circuit m.vk '"\(.k),\(.cells),\(.predicted.prove_seconds),\(.predicted.verify_seconds),\(.predicted.peak_bytes / 1e6),\(.predicted.proof_bytes)"'),$prove,$verify,$peak"
}

echo layers,tokens,k,cells,predicted_cpu_s,predicted_verify_cpu_s,predicted_peak_mb,proof_bytes,prove_cpu_s,verify_cpu_s,peak_mb >"$work/language.csv"
for shape in "$@"; do
    echo "${shape%-*} layers, ${shape#*-} tokens" >&2
    row "${shape%-*}" "${shape#*-}" | tee -a "$work/language.csv"
done
cp "$work/language.csv" "$output/"
"$(python_with plots matplotlib)" "$root/benches/plots/language.py" "$output/language.csv"
mv "$output/language.svg" "$root/docs/"
