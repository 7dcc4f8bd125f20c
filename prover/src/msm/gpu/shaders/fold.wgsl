// Folds generators: result i is Σ_j s_j·generator_(j·length + i) for scalars that are the same for all i. One invocation computes one term, so that all have
// as many steps as one scalar takes, and neighbours take the same ones; `normalise` adds terms up.
//
// A step is 0, a doubling of what there is so far, or 1 + 2·endomorphism + sign, an addition of the generator. Those of block j stand from steps[j] to steps[j + 1].

struct Folding {
    length: u32,
    blocks: u32,
    zeta: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> folding: Folding;
@group(0) @binding(1) var<storage, read> bases: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> steps: array<u32>;
@group(0) @binding(3) var<storage, read_write> terms: array<vec4<u32>>;

@compute @workgroup_size(64)
fn fold(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = invocation(id, groups, 64u);
    let block = index / folding.length;
    if block >= folding.blocks { return; }
    let x = Field(bases[4u * index], bases[4u * index + 1u]);
    let y = Field(bases[4u * index + 2u], bases[4u * index + 3u]);
    let other_x = field_mul(x, Field(folding.zeta[0], folding.zeta[1]));
    var result = identity();
    for (var at = steps[block]; at < steps[block + 1u]; at += 1u) {
        let step = steps[at];
        if step == 0u {
            result = double(result);
            continue;
        }
        var term = Affine(x, y);
        if ((step - 1u) & 2u) != 0u { term.x = other_x; }
        result = add_affine(result, negated(term, ((step - 1u) & 1u) != 0u));
    }
    store_term(index, result);
}

// dbl-2008-s-1.
fn double(a: Point) -> Point {
    if is_identity(a) { return a; }
    let u = field_add(a.y, a.y);
    let v = field_mul(u, u);
    let w = field_mul(u, v);
    let s = field_mul(a.x, v);
    let square = field_mul(a.x, a.x);
    let m = field_add(field_add(square, square), square);
    let x = field_sub(field_mul(m, m), field_add(s, s));
    let y = field_sub(field_mul(m, field_sub(s, x)), field_mul(w, a.y));
    return Point(x, y, field_mul(v, a.zz), field_mul(w, a.zzz));
}
