// Adds heads to their buckets, again so many an invocation: the run that starts a bucket's heads is added to the bucket, others are heads of the next level.

struct Level {
    rows: u32,
    buckets: u32,      // of a row
    heads: u32,        // of a row
    first: u32,        // of all rows, in the buffer
    chunk: u32,        // heads that one invocation adds up
    chunks: u32,       // of a row: heads of the next level
    next: u32,         // the first of those
    unused: u32,
}

@group(0) @binding(0) var<uniform> level: Level;
@group(0) @binding(1) var<storage, read_write> buckets: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> heads: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> head_keys: array<u32>;

@compute @workgroup_size(64)
fn merge(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = invocation(id, groups, 64u);
    let row = index / level.chunks;
    if row >= level.rows { return; }
    let chunk = index % level.chunks;
    let start = level.first + row * level.heads;
    let first = chunk * level.chunk;
    let end = min(first + level.chunk, level.heads);
    let head = level.next + index;
    head_keys[head] = 0u;
    var key = head_keys[start + first];
    var continues = false;
    if first > 0u { continues = key != 0u && head_keys[start + first - 1u] == key; }
    var result = identity();
    if key != 0u && !continues { result = load_bucket(row * level.buckets + key - 1u); }
    for (var at = first; at < end; at += 1u) {
        if key != 0u { result = add(result, load_head(start + at)); }
        var next = ~0u;
        if at + 1u < end { next = head_keys[start + at + 1u]; }
        if next == key { continue; }
        if continues {
            store_head(head, result);
            head_keys[head] = key;
        } else if key != 0u {
            store_bucket(row * level.buckets + key - 1u, result);
        }
        continues = false;
        key = next;
        result = identity();
        if key != 0u && key != ~0u { result = load_bucket(row * level.buckets + key - 1u); }
    }
}
