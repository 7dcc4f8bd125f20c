// Adds up the points of buckets: every invocation the same number of entries, wherever buckets begin and end, so that a bucket with many points takes no longer.
//
// A run is what a chunk has of one bucket. The run that starts a bucket is stored as the bucket; one that continues a bucket of the chunk before is stored as the
// chunk's head, for `merge` to add.

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> bases: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> cursors: array<u32>;  // where each bucket of a row ends
@group(0) @binding(3) var<storage, read> entries: array<u32>;
@group(0) @binding(4) var<storage, read> keys: array<u32>;
@group(0) @binding(5) var<storage, read_write> buckets: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> heads: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> head_keys: array<u32>;  // bucket + 1; zero where there is no head

fn base(index: u32) -> Affine {
    let at = index * 4u;
    return Affine(Field(bases[at], bases[at + 1u]), Field(bases[at + 2u], bases[at + 3u]));
}

@compute @workgroup_size(64)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let head = invocation(id, groups, 64u);
    let row = head / shape.chunks;
    if row >= shape.columns * shape.windows { return; }
    let first = (head % shape.chunks) * shape.chunk;
    let total = cursors[row * shape.buckets + shape.buckets - 1u];
    head_keys[head] = 0u;
    if first >= total { return; }
    let end = min(first + shape.chunk, total);
    let entry = row * shape.points;
    var key = keys[entry + first];
    var continues = false;
    if first > 0u { continues = keys[entry + first - 1u] == key; }
    var result = identity();
    for (var at = first; at < end; at += 1u) {
        let packed = entries[entry + at];
        result = add_affine(result, negated(base(packed >> 1u), (packed & 1u) == 1u));
        var next = ~0u;
        if at + 1u < end { next = keys[entry + at + 1u]; }
        if next == key { continue; }
        if continues {
            store_head(head, result);
            head_keys[head] = key + 1u;
        } else {
            store_bucket(row * shape.buckets + key, result);
        }
        continues = false;
        result = identity();
        key = next;
    }
}
