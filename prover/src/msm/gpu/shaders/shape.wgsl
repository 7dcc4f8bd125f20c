// What sums of columns over bases look like on the device: see `shape.rs`.

struct Shape {
    points: u32,   // of a column
    words: u32,    // of a scalar
    bits: u32,     // of a digit
    windows: u32,  // of a scalar
    buckets: u32,  // of a row: 2^(bits − 1)
    chunk: u32,    // entries that one invocation adds up
    chunks: u32,   // of a row
    columns: u32,
}
