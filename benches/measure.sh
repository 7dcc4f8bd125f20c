# shellcheck shell=bash What the scripts that measure the command line share; they source it. Needs
# GNU time and jq (Debian: apt-get install time jq).
#
# The environment variable ZKINFER names another binary than the one that cargo built here;
# ZKINFER_CACHE, which zkinfer reads itself, another folder for its parameters.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
zkinfer=$(realpath -e "${ZKINFER:-$root/target/release/zkinfer}")
mkdir -p "$root/target"
work=$(mktemp -d "$root/target/measure.XXXXXX") # not in /tmp: some machines have that in memory
trap 'rm -rf "$work"' EXIT

# measure RUNS TIMES COMMAND…: prints "cpu-seconds peak-megabytes wall-seconds", medians over RUNS
# of the command repeated TIMES.
measure() {
    local runs=$1 times=$2
    shift 2
    rm -f "$work/runs"
    for ((run = 0; run < runs; run++)); do
        local start=$EPOCHREALTIME # GNU time knows hundredths only
        # shellcheck disable=SC2016 # the inner shell expands them
        /usr/bin/time -o "$work/time" -f '%U %S %M' bash -c 'for ((i = 0; i < $0; i++)); do "$@" >/dev/null || exit; done' "$times" "$@"
        awk -v times="$times" -v start="$start" -v end="$EPOCHREALTIME" \
            '{ printf "%.3f %.0f %.4f\n", ($1 + $2) / times, $3 * 1024 / 1e6, (end - start) / times }' "$work/time" >>"$work/runs"
    done
    echo "$(median 1) $(median 2) $(median 3)"
}

# median FIELD: of that field of the runs measured last.
median() {
    cut -d' ' -f"$1" "$work/runs" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# circuit FILE FILTER: what the jq filter finds in the layout of a key.
circuit() {
    "$zkinfer" inspect "$1" --json | jq -r ".layout | $2"
}

# argument_bytes FILE: a proof's length without the statement that it proves.
argument_bytes() {
    "$zkinfer" inspect "$1" --json | jq -r '.. | .argument_bytes? // empty'
}

# machine: the line that says where and when figures were measured.
machine() {
    echo "$(date -u +%F), $(nproc) $(uname -m) cores ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)), $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB"
}

# environment NAME: prints the Python of a virtual environment with the packages of
# benches/NAME/requirements.txt.
environment() {
    local folder=$root/target/python/$1
    [ -d "$folder" ] || python3 -m venv "$folder" >&2
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$root/benches/$1/requirements.txt" >&2
    echo "$folder/bin/python"
}

# python_with NAME MODULES: prints the user's Python if it can import MODULES (a comma between
# them), or else that of the environment.
python_with() {
    if python3 -c "import $2" 2>/dev/null; then
        echo python3
    else
        environment "$1"
    fi
}

# network NAME: a fresh copy of a network's files in $work, from the zoo or as
# benches/networks/make.py and models/packages/minilm.py write them; changes to it.
network() {
    local files="$root/models/zoo/$1"
    if [ ! -d "$files" ]; then
        files="$root/target/networks/$1"
        local python
        case $1 in
            minilm-*)
                python=$(python_with networks numpy,onnx,onnxruntime,scipy)
                PYTHONDONTWRITEBYTECODE=1 "$python" "$root/models/packages/minilm.py" "$root/target/networks" --name "$1" >&2
                ;;
            *)
                python=$(python_with networks numpy,onnx)
                PYTHONDONTWRITEBYTECODE=1 "$python" "$root/benches/networks/make.py" --network "$1" --output "$root/target/networks" >&2
                ;;
        esac
    fi
    rm -rf "${work:?}/$1"
    cp -r "$files" "$work/"
    cd "$work/$1" || return
}

# warm MODEL SAMPLE WEIGHTS [BITS]: compiles, proves and verifies once; parameters are cached then, and the
# seal's check recorded.
warm() {
    "$zkinfer" compile "$1.onnx" --calibration calibration.npz --weights "$3" --bits "${4:-8}" >/dev/null
    "$zkinfer" prove "$1.zkc" "$2" -o sample.proof >/dev/null
    "$zkinfer" verify "$1.vk" sample.proof >/dev/null
}
