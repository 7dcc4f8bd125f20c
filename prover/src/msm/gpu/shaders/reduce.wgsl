// Weighted sums of buckets: a segment of items (S_i, R_i) becomes one, S = Σ S_i and R = Σ R_i + 2^doublings · Σ i·S_i.
//
// Items of the first level are buckets, R_i = 0 and weights i; those of a later level are segments of 2^doublings buckets. What is left of a row in
// the end is Σ b·bucket_b = R and Σ bucket_b = S.

struct Level {
    items: u32,      // of a row
    segment: u32,    // items that one invocation takes
    segments: u32,   // of a row
    doublings: u32,
    pairs: u32,      // 1 if items have R_i
    rows: u32,
    unused_1: u32,
    unused_2: u32,
}

@group(0) @binding(0) var<uniform> level: Level;
@group(0) @binding(1) var<storage, read> items: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<u32>>;

@compute @workgroup_size(64)
fn reduce(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = invocation(id, groups, 64u);
    let row = index / level.segments;
    if row >= level.rows { return; }
    let first = (index % level.segments) * level.segment;
    let count = min(level.segment, level.items - first);
    let start = row * level.items + first;
    // Two additions an item: to the running sum, and of the running sum to the weighted one; then doublings; then the R_i.
    let weighing = 2u * count - 1u;
    let doubled = weighing + level.doublings;
    let steps = doubled + level.pairs * count;
    var running = identity();
    var weighted = identity();
    for (var step = 0u; step < steps; step += 1u) {
        let of_running = step < weighing && step % 2u == 0u;
        var a = weighted;
        if of_running { a = running; }
        var b = running;
        if of_running {
            b = load_half(start + count - 1u - step / 2u, 0u);
        } else if step >= doubled {
            b = load_half(start + step - doubled, 1u);
        } else if step >= weighing {
            b = weighted;
        }
        let result = add(a, b);
        if of_running { running = result; } else { weighted = result; }
    }
    store_sum(2u * index, running);
    store_sum(2u * index + 1u, weighted);
}

fn load_half(index: u32, which: u32) -> Point {
    if level.pairs == 1u { return load_item(2u * index + which); }
    return load_item(index);
}
