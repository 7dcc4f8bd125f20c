// Signed digits of two's complement integers, and where they go: a counting sort of every column and window by bucket.
//
// A row is one window of one column. Bucket b of a row collects the points whose digit is ±(b + 1); digit zero goes nowhere.

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> scalars: array<u32>;
@group(0) @binding(2) var<storage, read_write> cursors: array<atomic<u32>>;  // per bucket: how many, then from where, then to where
@group(0) @binding(3) var<storage, read_write> entries: array<u32>;          // per row, by bucket: point · 2 + sign
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;             // the bucket of each entry

fn word(scalar: u32, at: u32) -> u32 {
    let last = shape.words - 1u;
    let value = scalars[scalar * shape.words + min(at, last)];
    if at <= last { return value; }
    return 0u - (value >> 31u);
}

// The window's bits as they stand.
fn window(scalar: u32, index: u32) -> u32 {
    let start = index * shape.bits;
    let shift = start % 32u;
    var value = word(scalar, start / 32u) >> shift;
    if shift + shape.bits > 32u { value |= word(scalar, start / 32u + 1u) << (32u - shift); }
    return value & ((1u << shape.bits) - 1u);
}

fn each_digit(scalar: u32, scatter: bool) {
    let column = scalar / shape.points;
    let point = scalar % shape.points;
    if column >= shape.columns { return; }
    var carry = 0u;
    for (var index = 0u; index < shape.windows; index += 1u) {
        let value = window(scalar, index) + carry;
        carry = u32(value >= shape.buckets);
        var magnitude = value;
        if carry == 1u { magnitude = (1u << shape.bits) - value; }
        if magnitude == 0u { continue; }
        let row = column * shape.windows + index;
        let at = atomicAdd(&cursors[row * shape.buckets + magnitude - 1u], 1u);
        if scatter {
            entries[row * shape.points + at] = point << 1u | carry;
            keys[row * shape.points + at] = magnitude - 1u;
        }
    }
}

@compute @workgroup_size(128)
fn count(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    each_digit(invocation(id, groups, 128u), false);
}

@compute @workgroup_size(128)
fn scatter(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    each_digit(invocation(id, groups, 128u), true);
}

var<workgroup> totals: array<u32, 128>;

// From counts to where each bucket starts: one workgroup a row.
@compute @workgroup_size(128)
fn scan(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) id: vec3<u32>,
) {
    let index = group.y * groups.x + group.x;
    if index >= shape.columns * shape.windows { return; }
    let share = (shape.buckets + 127u) / 128u;
    let start = min(id.x * share, shape.buckets);
    let end = min(start + share, shape.buckets);
    let row = index * shape.buckets;
    var total = 0u;
    for (var bucket = start; bucket < end; bucket += 1u) {
        total += atomicLoad(&cursors[row + bucket]);
    }
    totals[id.x] = total;
    for (var stride = 1u; stride < 128u; stride *= 2u) {
        workgroupBarrier();
        var before = 0u;
        if id.x >= stride { before = totals[id.x - stride]; }
        workgroupBarrier();
        totals[id.x] += before;
    }
    var next = totals[id.x] - total;
    for (var bucket = start; bucket < end; bucket += 1u) {
        let count = atomicLoad(&cursors[row + bucket]);
        atomicStore(&cursors[row + bucket], next);
        next += count;
    }
}
