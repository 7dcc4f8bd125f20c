// Folds generators: result i is Σ_j s_j·generator_(j·length + i) for scalars that are the same for all i, so all invocations take the same steps.
//
// A step is 0, a doubling of what there is so far, or 1 + 4·block + 2·endomorphism + sign, an addition of a generator.

struct Folding {
    length: u32,
    steps: u32,
    zeta: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> folding: Folding;
@group(0) @binding(1) var<storage, read> bases: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> steps: array<u32>;
@group(0) @binding(3) var<storage, read_write> folded: array<vec4<u32>>;

@compute @workgroup_size(64)
fn fold(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= folding.length { return; }
    var result = identity();
    for (var at = 0u; at < folding.steps; at += 1u) {
        let step = steps[at];
        if step == 0u {
            result = double(result);
            continue;
        }
        let index = 4u * (((step - 1u) >> 2u) * folding.length + id.x);
        var x = Field(bases[index], bases[index + 1u]);
        let y = Field(bases[index + 2u], bases[index + 3u]);
        if ((step - 1u) & 2u) != 0u { x = field_mul(x, Field(folding.zeta[0], folding.zeta[1])); }
        result = add_affine(result, negated(Affine(x, y), ((step - 1u) & 1u) != 0u));
    }
    store_folded(id.x, result);
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
