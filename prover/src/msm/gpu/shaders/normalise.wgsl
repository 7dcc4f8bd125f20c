// Adds up the terms of folded generators, and gives them affine coordinates: with i = 1/ZZZ, 1/ZZ is (i·ZZ)².

struct Normalising {
    length: u32,
    blocks: u32,
    bits: u32,                         // of the exponent
    exponent: array<vec4<u32>, 2>,     // q − 2
}

@group(0) @binding(0) var<uniform> normalising: Normalising;
@group(0) @binding(1) var<storage, read> terms: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> bases: array<vec4<u32>>;

@compute @workgroup_size(64)
fn normalise(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = invocation(id, groups, 64u);
    if index >= normalising.length { return; }
    var p = load_term(index);
    for (var block = 1u; block < normalising.blocks; block += 1u) {
        p = add(p, load_term(block * normalising.length + index));
    }
    // Fermat: zzz^(q − 2), which is zero for the identity.
    var inverse = field_one();
    for (var bit = normalising.bits; bit > 0u; bit -= 1u) {
        let at = bit - 1u;
        inverse = field_mul(inverse, inverse);
        let word = normalising.exponent[at / 128u][(at / 32u) % 4u];
        if ((word >> (at % 32u)) & 1u) == 1u { inverse = field_mul(inverse, p.zzz); }
    }
    let ratio = field_mul(inverse, p.zz);
    let x = field_mul(p.x, field_mul(ratio, ratio));
    let y = field_mul(p.y, inverse);
    let at = 4u * index;
    bases[at] = x.lo;
    bases[at + 1u] = x.hi;
    bases[at + 2u] = y.lo;
    bases[at + 3u] = y.hi;
}
