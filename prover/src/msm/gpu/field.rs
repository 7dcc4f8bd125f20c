//! WGSL for Vesta's base field, written out: no loop, no array.
//!
//! An element is eight 32-bit limbs of its Montgomery form `a·2^256 mod q`, always below `q`. Only
//! the product differs with what the device has: 64-bit integers, or 32-bit ones alone. Both give
//! the same limbs, so buffers look the same.
//!
//! `q = 2^254 + q_3·2^96 + q_2·2^64 + q_1·2^32 + 1` is 1 modulo 2^32, so the factor of a Montgomery
//! step is the negated lowest limb, and a step takes three real multiplications: those by `q_1`,
//! `q_2` and `q_3`.

use std::fmt::Write;

use ff::PrimeField;
use pasta_curves::Fq;

use super::words;

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limbs {
    /// Eight limbs of 32 bits with 64-bit products.
    Wide,
    /// Twenty limbs of 13 bits: forty products of two of them add up in 32 bits.
    Narrow,
}

/// Adds to a function's text.
macro_rules! line {
    ($text:expr, $($format:tt)*) => {{ let _ = writeln!($text, $($format)*); }};
}

impl std::fmt::Display for Limbs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wide => "8 × 32 bits",
            Self::Narrow => "20 × 13 bits",
        })
    }
}

/// Bits of a narrow limb, and how many there are.
const BITS: usize = 13;
const COUNT: usize = 20;

/// `q` as 32-bit limbs, lowest first.
fn modulus() -> [u32; 8] {
    let mut words = [0; 8];
    // −1 is even, so adding one has no carry.
    let bytes = (-Fq::one()).to_repr();
    words.iter_mut().zip(bytes.chunks(4)).for_each(|(word, bytes)| {
        *word = bytes.iter().rev().fold(0, |w, &b| w << 8 | u32::from(b))
    });
    words[0] += 1;
    words
}

/// The `i`-th limb of a pair of vectors.
fn limb(name: &str, i: usize) -> String {
    format!("{name}.{}.{}", ["lo", "hi"][i / 4], ["x", "y", "z", "w"][i % 4])
}

/// The type and its operations: `field_add`, `field_sub`, `field_mul`, `field_is_zero`.
pub fn source(limbs: Limbs) -> String {
    let mut text = String::from("struct Field { lo: vec4<u32>, hi: vec4<u32> }\n");
    text += "fn field_zero() -> Field { return Field(vec4<u32>(), vec4<u32>()); }\n";
    line!(text, "fn field_one() -> Field {{ return {}; }}", literal(words::to_device(&Fq::one())));
    text += "fn field_is_zero(a: Field) -> bool { return all((a.lo | a.hi) == vec4<u32>()); }\n";
    text += &reduce();
    text += &add();
    text += &sub();
    text += &match limbs {
        Limbs::Wide => wide(),
        Limbs::Narrow => narrow(),
    };
    text
}

/// The eight limbs `name0` to `name7` as an element.
fn element(name: &str) -> String {
    let half =
        |from: usize| (from..from + 4).map(|i| format!("{name}{i}")).collect::<Vec<_>>().join(", ");
    format!("Field(vec4<u32>({}), vec4<u32>({}))", half(0), half(4))
}

/// These limbs as an element.
fn literal(limbs: [u32; 8]) -> String {
    let half =
        |limbs: &[u32]| limbs.iter().map(|limb| format!("{limb}u")).collect::<Vec<_>>().join(", ");
    format!("Field(vec4<u32>({}), vec4<u32>({}))", half(&limbs[..4]), half(&limbs[4..]))
}

/// `a − b` limb by limb into `d0…d7`, with the borrow left in `borrow`.
fn difference(text: &mut String, a: impl Fn(usize) -> String, b: impl Fn(usize) -> String) {
    line!(text, "  var borrow = 0u;");
    for i in 0..8 {
        let (a, b) = (a(i), b(i));
        // Of two's complement: the difference of two limbs, then the borrow from below.
        line!(text, "  let e{i} = {a} - {b};");
        line!(text, "  let d{i} = e{i} - borrow;");
        line!(text, "  borrow = u32({a} < {b}) | u32(e{i} < borrow);");
    }
}

/// What is below `2q`, modulo `q`.
fn reduce() -> String {
    let mut text = String::from("fn field_reduce(a: Field) -> Field {\n");
    let q = modulus();
    difference(&mut text, |i| limb("a", i), |i| format!("{}u", q[i]));
    line!(text, "  if borrow == 1u {{ return a; }}\n  return {};\n}}", element("d"));
    text
}

/// `2q < 2^256`, so a sum needs no ninth limb.
fn add() -> String {
    let mut text = String::from("fn field_add(a: Field, b: Field) -> Field {\n  var carry = 0u;\n");
    for i in 0..8 {
        let (a, b) = (limb("a", i), limb("b", i));
        line!(text, "  let e{i} = {a} + {b};");
        line!(text, "  let s{i} = e{i} + carry;");
        line!(text, "  carry = u32(e{i} < {a}) | u32(s{i} < carry);");
    }
    line!(text, "  return field_reduce({});\n}}", element("s"));
    text
}

fn sub() -> String {
    let mut text = String::from("fn field_sub(a: Field, b: Field) -> Field {\n");
    let q = modulus();
    difference(&mut text, |i| limb("a", i), |i| limb("b", i));
    line!(text, "  let mask = 0u - borrow;\n  var carry = 0u;");
    for (i, q) in q.iter().enumerate() {
        line!(text, "  let f{i} = d{i} + ({q}u & mask);");
        line!(text, "  let s{i} = f{i} + carry;");
        line!(text, "  carry = u32(f{i} < d{i}) | u32(s{i} < carry);");
    }
    line!(text, "  return {};\n}}", element("s"));
    text
}

/// Montgomery's product by rows: `t = (t + a·b_i + m·q) / 2^32` with `m = −(t + a·b_i) mod 2^32`.
fn wide() -> String {
    let q = modulus();
    let mut text = String::from("fn field_mul(a: Field, b: Field) -> Field {\n  var s: u64;\n");
    for i in 0..8 {
        line!(text, "  let b{i} = u64({});", limb("b", i));
        // Row i: limbs r{i}_0 to r{i}_8 before the division.
        for j in 0..8 {
            let below = if i == 0 { String::new() } else { format!(" + u64(t{}_{j})", i - 1) };
            let carry = if j == 0 { "" } else { " + (s >> 32u)" };
            line!(
                text,
                "  s = u64({}) * b{i}{below}{carry};\n  let r{i}_{j} = u32(s);",
                limb("a", j)
            );
        }
        line!(text, "  let r{i}_8 = u32(s >> 32u);\n  let m{i} = 0u - r{i}_0;");
        // The lowest limb of m·q is m: with r_0 it gives zero, and a carry unless both are zero.
        line!(
            text,
            "  s = u64(m{i}) * {}lu + u64(r{i}_1) + u64(u32(r{i}_0 != 0u));\n  let t{i}_0 = \
            u32(s);",
            q[1]
        );
        for (j, q) in q.iter().enumerate().take(7).skip(2) {
            let product = if *q == 0 { String::new() } else { format!("u64(m{i}) * {q}lu + ") };
            line!(
                text,
                "  s = {product}u64(r{i}_{j}) + (s >> 32u);\n  let t{i}_{} = u32(s);",
                j - 1
            );
        }
        line!(text, "  s = (u64(m{i}) << 30u) + u64(r{i}_7) + (s >> 32u);\n  let t{i}_6 = u32(s);");
        line!(text, "  let t{i}_7 = r{i}_8 + u32(s >> 32u);");
    }
    line!(text, "  return field_reduce({});\n}}", element("t7_"));
    text
}

/// The same in rows of 13 bits, nineteen of them, and one of 9, so that the division is by
/// `2^(19·13 + 9) = 2^256` too.
///
/// Limbs carry only at the end: each takes at most forty products of 26 bits and one carry, less
/// than `2^32`.
fn narrow() -> String {
    let mut text = String::from("fn field_mul(a: Field, b: Field) -> Field {\n");
    let mask = (1u32 << BITS) - 1;
    for name in ["a", "b"] {
        for j in 0..COUNT {
            let (word, shift) = (j * BITS / 32, j * BITS % 32);
            let mut value = format!("({} >> {shift}u)", limb(name, word));
            if shift + BITS > 32 && word < 7 {
                value = format!("({value} | ({} << {}u))", limb(name, word + 1), 32 - shift);
            }
            line!(text, "  let {name}{j} = {value} & {mask}u;");
        }
    }
    let q = narrow_modulus();
    for j in 0..COUNT {
        line!(text, "  var t{j} = 0u;");
    }
    for i in 0..COUNT {
        for j in 0..COUNT {
            line!(text, "  t{j} += a{j} * b{i};");
        }
        let last = i == COUNT - 1;
        let bits = if last { 256 - (COUNT - 1) * BITS } else { BITS };
        line!(text, "  let m{i} = (0u - t0) & {}u;", (1u32 << bits) - 1);
        for (j, &q) in q.iter().enumerate() {
            match q {
                0 => {}
                1 => line!(text, "  t{j} += m{i};"),
                _ if q.is_power_of_two() => {
                    line!(text, "  t{j} += m{i} << {}u;", q.trailing_zeros())
                }
                _ => line!(text, "  t{j} += m{i} * {q}u;"),
            }
        }
        if !last {
            line!(text, "  t1 += t0 >> {BITS}u;");
            (1..COUNT).for_each(|j| line!(text, "  t{} = t{j};", j - 1));
            line!(text, "  t{} = 0u;", COUNT - 1);
        }
    }
    for j in 1..COUNT {
        line!(text, "  t{j} += t{} >> {BITS}u;\n  t{0} &= {mask}u;", j - 1);
    }
    // The nine lowest bits are zero: the result starts behind them.
    for word in 0..8 {
        let start = 32 * word + 256 - (COUNT - 1) * BITS;
        let parts = (0..COUNT)
            .filter(|j| j * BITS < start + 32 && (*j + 1 == COUNT || (j + 1) * BITS > start))
            .map(|j| {
                let at = j * BITS;
                if at >= start {
                    format!("(t{j} << {}u)", at - start)
                } else {
                    format!("(t{j} >> {}u)", start - at)
                }
            });
        line!(text, "  let r{word} = {};", parts.collect::<Vec<_>>().join(" | "));
    }
    line!(text, "  return field_reduce({});\n}}", element("r"));
    text
}

/// `q` as narrow limbs.
fn narrow_modulus() -> [u32; COUNT] {
    let words = modulus();
    let bit = |at: usize| words.get(at / 32).map_or(0, |word| word >> (at % 32) & 1);
    std::array::from_fn(|j| (0..BITS).map(|i| bit(j * BITS + i) << i).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modulus_has_the_shape_that_products_rely_on() {
        let q = modulus();
        assert_eq!((q[0], q[4], q[5], q[6], q[7]), (1, 0, 0, 0, 1 << 30));
        assert!(q[1..4].iter().all(|&limb| limb > 1));
        let narrow = narrow_modulus();
        assert_eq!((narrow[0], narrow[1], narrow[19]), (1, 0, 1 << 7));
        assert!(narrow[10..19].iter().all(|&limb| limb == 0));
    }
}
