#!/usr/bin/env bash
# Writes benches/LANGUAGE.md: what it takes to compile, seal, generate and prove, and verify
# language models, beside what must not be exceeded. CPU-seconds (user + system), peak memory and
# wall seconds of cold processes, parameters cached; bytes.
#
#   cargo build --release && benches/language.sh [NETWORK-TOKENS…]
#
# With networks named, prints their rows and writes nothing. See measure.sh for what it needs, and
# models/language for the networks, which take 0.5 GB of disk each under target/networks.
set -euo pipefail
# shellcheck source=benches/measure.sh
source "$(dirname "$0")/measure.sh"

# What is asked: network, ids of the prompt and of the answer, how it is quantised (options with a
# plus between them); prove (CPU-seconds), peak memory (MB), verify (CPU-seconds), proof (bytes), seal
# (CPU-seconds), its peak (MB), its check (CPU-seconds), a dash where nothing is asked; then runs to
# take medians of.
asked="
gpt2    15 1  --bits=8  20 3000  1.5 400000  -   -    -  3
gpt2    15 1  --bits=12 20 3000  1.5 400000  -   -    -  3
gpt2    63 1  --bits=8  75 8000  4   800000  -   -    -  1
smollm2 16 16 --bits=12,*gated=16,*ffn_down=16,*attn_output=16+--weight-bits=8,logits=12,*ffn_down*=12 90 10000 5 1000000 600 6000 60 1
"

# written NETWORK TOKENS: the folder of a network with samples of so many ids.
written() {
    local folder=$root/target/networks/language-$2
    if [ ! -f "$folder/$1/$1.onnx" ]; then
        local python
        python=$(python_with language numpy,onnx,onnxruntime,gguf,tokenizers)
        PYTHONDONTWRITEBYTECODE=1 "$python" "$root/models/language/write.py" "$folder" "$1" --tokens "$2" >&2
    fi
    echo "$folder/$1"
}

# row NETWORK PROMPT ANSWER BITS LIMITS… RUNS: measures, and compares with what is asked.
row() {
    local network=$1 prompt=$2 answer=$3 bits=$4 runs=${12} tokens=$(($2 + $3)) folder widths
    folder=$(written "$network" "$tokens")
    IFS=+ read -ra widths <<<"$bits"
    cd "$work"
    rm -f m.* prompt.*
    python3 - "$folder/test.npz" "$prompt" <<'END_OF_SCRIPT'
import sys, zipfile, io, json, struct, ast

# The first ids of the first window, as .json: an .npy in a zip is read without numpy.
with zipfile.ZipFile(sys.argv[1]) as file:
    data = file.read(file.namelist()[0])
length = struct.unpack("<H", data[8:10])[0]
header = ast.literal_eval(data[10 : 10 + length].decode())
assert header["descr"] == "<i8", header
ids = struct.unpack_from(f"<{sys.argv[2]}q", data, 10 + length)
json.dump(list(ids), open("prompt.json", "w"))
END_OF_SCRIPT
    local compile=("$zkinfer" compile "$folder/$network.onnx" --dim "tokens=$tokens" --generate "$answer"
        --calibration "$folder/calibration.npz" "${widths[@]}" --accept-loss --no-seal --force -o m)
    local prove=("$zkinfer" generate m.zkc --prompt prompt.json --tokens "$answer" --force -o m.proof)
    local verify=("$zkinfer" verify m.vk m.proof)
    measure 1 1 "${compile[@]}" >compile
    measure 1 1 "$zkinfer" seal m.zkc >seal
    "${prove[@]}" >/dev/null # parameters are cached then
    RAYON_NUM_THREADS=2 measure "$runs" 1 "${prove[@]}" >prove
    RAYON_NUM_THREADS=1 measure 1 1 "${prove[@]}" >one
    measure 1 1 "${verify[@]}" >check # and the seal's range proofs
    measure 3 1 "${verify[@]}" >verify
    awk -v name="$network, $prompt + $answer ids, \`${widths[*]//s=/s }\`" -v cells="$(circuit m.vk .cells)" \
        -v bytes="$(argument_bytes m.proof)" -v limits="${*:5:7}" -v files="$(cat compile seal prove one check verify | tr '\n' ' ')" '
        function check(value, limit, name) { if (limit != "-" && value > limit) missed = missed (missed ? ", " : "missed: ") name }
        BEGIN {
            split(files, got); split(limits, limit)
            checked = got[13] - got[16]
            check(got[7], limit[1], "prove"); check(got[8], limit[2], "memory"); check(got[16], limit[3], "verify")
            check(bytes, limit[4], "proof"); check(got[4], limit[5], "seal"); check(got[5], limit[6], "seal, memory")
            check(checked, limit[7], "check of the seal")
            printf "| %s | %d | %.0f s, %d MB | %.0f s, %d MB, %.0f s |", name, cells, got[1], got[2], got[4], got[5], checked
            printf " %.1f s, %d MB | %.1f / %.1f s | %.2f s, %d MB | %d |", got[7], got[8], got[9], got[12], got[16], got[17], bytes
            printf " %s s, %s MB, %s s, %s B; %s s, %s MB, %s s | %s |\n", limit[1], limit[2], limit[3], limit[4], limit[5], limit[6], limit[7], missed ? missed : "met"
        }'
}

# rows [NETWORK-TOKENS…]: of these networks, or of all.
rows() {
    local network prompt answer limits
    set -f # names of values have asterisks
    while read -r network prompt answer limits; do
        [ -n "$network" ] || continue
        [ $# -eq 0 ] || [[ " $* " == *" $network-$((prompt + answer)) "* ]] || continue
        echo "$network, $prompt ids and $answer" >&2
        # shellcheck disable=SC2086 # several words
        row "$network" "$prompt" "$answer" $limits
    done <<<"$asked"
}

if [ $# -gt 0 ]; then
    rows "$@"
    exit
fi

rows >"$work/rows"
cat >"$root/benches/LANGUAGE.md" <<END_OF_FILE
# Language models, asked and measured

Made by \`benches/language.sh\` on $(machine), shared with others: seconds vary from run to run. [How to read it](README.md).

A prompt and the answer that the network gives to it, in one proof; weights sealed. Seconds are CPU-seconds of cold processes, user and system, parameters cached: of compiling once, of sealing once and of checking the seal once (beside verifying);
of \`generate\`, which runs the network, proves, and verifies what it proved; of \`verify\`. Wall seconds of \`generate\` are on two threads and on one. MB are 10^6 bytes of peak resident memory. gpt2 has GPT-2 small's shape and random weights.

| network | cells | compile | seal, check | prove | wall, 2 / 1 threads | verify | proof, bytes | asked, at most: prove, verify, proof; seal, check | |
|---|---|---|---|---|---|---|---|---|---|
$(cat "$work/rows")
END_OF_FILE
echo "benches/LANGUAGE.md written" >&2
