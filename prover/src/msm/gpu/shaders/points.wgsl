// Points of Vesta, y² = x³ + 5, and their addition.
//
// A base is affine; (0, 0) is the identity. A sum is (X, Y, ZZ, ZZZ) with x = X/ZZ, y = Y/ZZZ and ZZ³ = ZZZ²; the identity is all zeros. Formulas: madd-2008-s
// and add-2008-s of the Explicit-Formulas Database. A doubling has the shape of an addition: P = 2·S1 and R = 3·U1² instead of the differences, and no PPP
// in X3 (dbl-2008-s-1), so one body serves all cases.

struct Affine { x: Field, y: Field }
struct Point { x: Field, y: Field, zz: Field, zzz: Field }

fn identity() -> Point {
    return Point(field_zero(), field_zero(), field_zero(), field_zero());
}

fn is_identity(p: Point) -> bool {
    return field_is_zero(p.zz);
}

fn is_affine_identity(p: Affine) -> bool {
    return field_is_zero(p.y);
}

fn negated(p: Affine, negative: bool) -> Affine {
    if negative { return Affine(p.x, field_sub(field_zero(), p.y)); }
    return p;
}

// The sum of (u1, s1, zz, zzz) and (u2, s2) over the same denominators.
fn sum(u1: Field, s1: Field, u2: Field, s2: Field, zz: Field, zzz: Field) -> Point {
    var p = field_sub(u2, u1);
    var r = field_sub(s2, s1);
    let doubling = field_is_zero(p);
    if doubling {
        if !field_is_zero(r) { return identity(); }
        p = field_add(s1, s1);
        let square = field_mul(u1, u1);
        r = field_add(field_add(square, square), square);
    }
    let pp = field_mul(p, p);
    let ppp = field_mul(p, pp);
    let q = field_mul(u1, pp);
    var x = field_sub(field_mul(r, r), field_add(q, q));
    if !doubling { x = field_sub(x, ppp); }
    let y = field_sub(field_mul(r, field_sub(q, x)), field_mul(s1, ppp));
    return Point(x, y, field_mul(zz, pp), field_mul(zzz, ppp));
}

fn add_affine(a: Point, b: Affine) -> Point {
    if is_affine_identity(b) { return a; }
    if is_identity(a) {
        let one = field_one();
        return Point(b.x, b.y, one, one);
    }
    return sum(a.x, a.y, field_mul(b.x, a.zz), field_mul(b.y, a.zzz), a.zz, a.zzz);
}

fn add(a: Point, b: Point) -> Point {
    if is_identity(a) { return b; }
    if is_identity(b) { return a; }
    return sum(
        field_mul(a.x, b.zz), field_mul(a.y, b.zzz), field_mul(b.x, a.zz), field_mul(b.y, a.zzz),
        field_mul(a.zz, b.zz), field_mul(a.zzz, b.zzz),
    );
}
