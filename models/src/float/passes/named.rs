//! Compositions that are known functions, told by their values.

use crate::float::activation::Activation;
use crate::float::composed::Composition;

/// The activation that has a name and a composition's values, or the composition itself.
pub(super) fn named(composition: Composition<Activation>) -> Activation {
    let value = |x: f64| composition.apply(x, Activation::apply);
    /// Numbers of single precision that exporters write, such as √2.
    const SAME: f64 = 2e-6;
    /// Arguments that are tried, 8 to a unit on both sides of zero.
    const TRIED: i32 = 192;
    let same = |known: &Activation| {
        (-TRIED..=TRIED).all(|index| {
            let x = f64::from(index) / 8.0;
            (known.apply(x) - value(x)).abs() <= SAME * x.abs().max(1.0)
        })
    };
    let share = value(1.0);
    // x·σ(αx) at 1.
    let alpha = (share / (1.0 - share)).ln() as f32;
    let known = [
        Activation::Gelu { tanh: false },
        Activation::Gelu { tanh: true },
        Activation::Swish { alpha: (alpha * 1e4).round() / 1e4 },
        Activation::Mish,
        Activation::Softplus,
        Activation::HardSwish,
        Activation::Sigmoid,
        Activation::Softsign,
        Activation::Elu { alpha: 1.0, gamma: 1.0 },
        Activation::Relu,
    ];
    match known.into_iter().find(same) {
        Some(known) => known,
        None => Activation::Composed(Box::new(composition)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::activation::Plain;
    use crate::float::composed::Step;

    /// `number·x·(1 + erf(x/√2))`.
    fn gelu(number: f64) -> Composition<Activation> {
        let mut composition = Composition::default();
        let x = composition.push(Step::Argument);
        let factor = f64::from(0.707_106_77f32);
        let scaled = composition.push(Step::Affine { of: x, factor, offset: 0.0 });
        let erf = composition.push(Step::Apply(Activation::Plain(Plain::Erf), scaled));
        let more = composition.push(Step::Sum(vec![(erf, false)], 1.0));
        let product = composition.push(Step::Product(x, more));
        composition.push(Step::Affine { of: product, factor: number, offset: 0.0 });
        composition
    }

    #[test]
    fn functions_are_known_by_their_values() {
        assert_eq!(named(gelu(0.5)), Activation::Gelu { tanh: false });
        let Activation::Composed(other) = named(gelu(0.501)) else { panic!("it is another") };
        assert!(
            (other.apply(1.0, Activation::apply) - 1.002 * gelu(0.5).apply(1.0, Activation::apply))
                .abs()
                < 1e-12
        );
    }
}
