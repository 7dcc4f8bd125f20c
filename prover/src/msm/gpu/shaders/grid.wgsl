// Invocations are numbered through; those that do not fit the first axis of the grid continue along the second.

fn invocation(id: vec3<u32>, groups: vec3<u32>, workgroup: u32) -> u32 {
    return id.y * groups.x * workgroup + id.x;
}
