// Chains of products, to see that they are right and how many there are a second.

struct Products { count: u32, length: u32, unused_1: u32, unused_2: u32 }

@group(0) @binding(0) var<uniform> products: Products;
@group(0) @binding(1) var<storage, read> factors: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> results: array<vec4<u32>>;

@compute @workgroup_size(64)
fn multiply(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = invocation(id, groups, 64u);
    if index >= products.count { return; }
    let factor = Field(factors[2u * index], factors[2u * index + 1u]);
    var product = factor;
    for (var i = 0u; i < products.length; i += 1u) { product = field_mul(product, factor); }
    results[2u * index] = product.lo;
    results[2u * index + 1u] = product.hi;
}
