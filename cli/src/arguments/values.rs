//! Values of options.

use clap::ValueEnum;
use zkinfer::models::data::Normalise;
use zkinfer::models::quantise::settings::{Bits as Each, Method};
use zkinfer::verifier::Digest;

/// What the layout should be cheapest for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Optimize {
    /// Proving time.
    #[default]
    Prover,
    /// Verifying time.
    Verifier,
    /// Proof size.
    Size,
}

/// What to prove on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A GPU for what it is faster at, measured once; the CPU where this build drives none.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first GPU that `zkinfer devices` lists (builds with the feature gpu).
    Gpu,
}

/// Whether weights are part of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Weights {
    /// Secret; proofs show that they are the ones that were sealed.
    #[default]
    Sealed,
    /// Part of the verifying key.
    Public,
}

/// What proofs show of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Visibility {
    /// Its integers.
    Public,
    /// Commitments to it.
    Sealed,
    /// Nothing but that it is in range (inputs only).
    Private,
}

/// A visibility for one tensor, or for all.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The tensor; none for all.
    pub name: Option<String>,
    /// What proofs show of it.
    pub visibility: Visibility,
}

/// `visibility` or `name=visibility`.
pub fn shown(text: &str) -> Result<Shown, String> {
    let (name, visibility) = match text.rsplit_once('=') {
        Some((name, visibility)) => (Some(name.to_owned()), visibility),
        None => (None, text),
    };
    let visibility = Visibility::from_str(visibility, true)
        .map_err(|_| "expected public, sealed or private, or NAME=public and so on".to_owned())?;
    Ok(Shown { name, visibility })
}

/// `name=length`.
pub fn dimension(text: &str) -> Result<(String, usize), String> {
    let pair =
        text.rsplit_once('=').map(|(name, length)| (name.to_owned(), length.parse().unwrap_or(0)));
    pair.filter(|(name, length)| !name.is_empty() && (1..=1 << 20).contains(length))
        .ok_or_else(|| "expected NAME=N with a length N from 1 to 1048576".into())
}

/// `name=length,length,…`.
pub fn shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let expected = "expected NAME=N,N,… with lengths N from 1 to 1048576, such as x=1,3,48,192";
    let (name, lengths) = text.rsplit_once('=').ok_or(expected)?;
    let length = |length: &str| length.trim().parse().ok().filter(|n| (1..=1 << 20).contains(n));
    let lengths: Option<Vec<usize>> = match lengths {
        // A scalar's.
        "" => Some(Vec::new()),
        _ => lengths.split(',').map(length).collect(),
    };
    let lengths = lengths.filter(|_| !name.is_empty()).ok_or(expected)?;
    Ok((name.to_owned(), lengths))
}

/// A preset, settings, or both.
pub fn normalise(text: &str) -> Result<Normalise, String> {
    text.parse()
}

/// 64 hexadecimal digits.
pub fn digest(text: &str) -> Result<Digest, String> {
    let error = || {
        format!(
            "expected a model's digest, 64 hexadecimal digits; these are {} characters",
            text.chars().count()
        )
    };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error());
    }
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest).ok_or_else(error)
}

/// A share of a spread.
pub fn percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').trim().parse().ok();
    percent
        .filter(|percent: &f64| percent.is_finite() && *percent > 0.0)
        .ok_or_else(|| "expected a number above 0, in percent".into())
}

/// What an input ranges over, or every one.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRange {
    pub name: Option<String>,
    pub ends: [f32; 2],
}

/// `[name=]low,high`.
pub fn range(text: &str) -> Result<InputRange, String> {
    let (name, bounds) = match text.rsplit_once('=') {
        Some((name, bounds)) => (Some(name.to_owned()), bounds),
        None => (None, text),
    };
    let parse = |part: &str| part.trim().parse::<f32>().ok().filter(|value| value.is_finite());
    let bounds = bounds.split_once(',').and_then(|(low, high)| Some([parse(low)?, parse(high)?]));
    let single = name.is_some();
    bounds
        .filter(|[low, high]| low < high || (single && low == high))
        .filter(|_| name.as_deref() != Some(""))
        .map(|ends| InputRange { name, ends })
        .ok_or_else(|| "expected two numbers [NAME=]LOW,HIGH with LOW below HIGH".into())
}

/// `minmax`, `percentile`, `percentile=share`, `mse` or `entropy`.
pub fn method(text: &str) -> Result<Method, String> {
    match text.split_once('=').map_or((text, None), |(name, share)| (name, Some(share))) {
        ("minmax", None) => Ok(Method::MinMax),
        ("mse", None) => Ok(Method::Mse),
        ("entropy", None) => Ok(Method::Entropy),
        ("percentile", share) => {
            let share = share.unwrap_or("99.99").parse().ok();
            share
                .filter(|share| (50.0..=100.0).contains(share))
                .map(Method::Percentile)
                .ok_or_else(|| "expected percentile=SHARE with 50 to 100 per cent".into())
        }
        _ => Err("expected minmax, percentile, percentile=99.99, mse or entropy".into()),
    }
}

/// Bytes: a number with its unit.
pub fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 9] = [
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("b", 1),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let found = UNITS.iter().find_map(|(unit, one)| Some((lower.strip_suffix(unit)?, *one)));
    let number = |number: &str| {
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        number.parse().ok().filter(|number: &f64| plain && *number > 0.0)
    };
    let count = found.and_then(|(text, one)| Some(number(text.trim_end())? * one as f64));
    let count = count.filter(|count| *count >= 1.0 && *count < 2f64.powi(60));
    count.map(|count| count as u64).ok_or_else(|| {
        "expected a number with its unit, such as 8GB or 500MB (kB, MB, GB, TB: powers of 1000; \
            KiB, MiB, GiB, TiB: of 1024)"
            .into()
    })
}

/// Bits of activations, or of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bits {
    /// More than 8 where the error asks for it.
    Auto,
    /// The same for all but those with these names.
    Given(Each, Vec<(String, Each)>),
}

pub fn bits(text: &str) -> Result<Bits, String> {
    if text == "auto" {
        return Ok(Bits::Auto);
    }
    let (mut usual, mut named) = (Each::EIGHT, Vec::new());
    for (place, part) in text.split(',').enumerate() {
        let (name, count) = part.rsplit_once('=').map_or((None, part), |(n, c)| (Some(n), c));
        let bits = count.parse().ok().and_then(Each::new);
        let bits = bits.ok_or("expected 8 to 16, or auto; with others for some by NAME=BITS")?;
        match name {
            None if place == 0 => usual = bits,
            None => return Err("bits of all values stand first: 12,NAME=16".into()),
            Some(name) => named.push((name.into(), bits)),
        }
    }
    Ok(Bits::Given(usual, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions() {
        assert_eq!(dimension("batch=16"), Ok(("batch".into(), 16)));
        for bad in ["", "batch", "=1", "n=0", "n=x", "n=-1"] {
            assert!(dimension(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shapes() {
        assert_eq!(shape("x=1,3,48,192"), Ok(("x".into(), vec![1, 3, 48, 192])));
        assert_eq!(shape("a=b:0=7"), Ok(("a=b:0".into(), vec![7])));
        assert_eq!(shape("sr="), Ok(("sr".into(), vec![])));
        for bad in ["", "1,2", "=1", "x=0", "x=1,,2", "x=1,-1", "x=1,a", "x=1,2097152"] {
            assert!(shape(bad).is_err_and(|error| error.contains("such as x=1,3,48,192")), "{bad}");
        }
    }

    #[test]
    fn digests() {
        assert_eq!(
            digest(&"0aB1".repeat(16)),
            Ok(Digest([0x0au8, 0xb1].repeat(16).try_into().unwrap()))
        );
        for bad in [
            "",
            "0a",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0g".repeat(32),
            &"+1".repeat(32),
            &"é".repeat(32),
        ] {
            assert!(
                digest(bad).is_err_and(|error| error.contains("64 hexadecimal digits")),
                "{bad}"
            );
        }
    }

    #[test]
    fn numbers_of_bytes() {
        let good = [
            ("8GB", 8_000_000_000),
            ("8 gb", 8_000_000_000),
            ("1.5GiB", 3 << 29),
            (" 500MB ", 500_000_000),
            ("64KiB", 1 << 16),
            ("2TB", 2_000_000_000_000),
            ("1TiB", 1 << 40),
            ("3kb", 3000),
            ("4MiB", 4 << 20),
            ("700B", 700),
        ];
        for (text, expected) in good {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for bad in
            ["", "8", "GB", "-1GB", "0GB", "8G", "1e3MB", "nanGB", "infGB", "0.1B", "9999999TB"]
        {
            assert!(bytes(bad).is_err_and(|error| error.contains("such as 8GB")), "{bad}");
        }
    }

    #[test]
    fn percents() {
        assert_eq!((percent("12.5"), percent("50 %")), (Ok(12.5), Ok(50.0)));
        for bad in ["", "0", "-1", "nan", "inf", "x", "%"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(range("-1, 1.5"), Ok(InputRange { name: None, ends: [-1.0, 1.5] }));
        let named = |name: &str, ends| Ok(InputRange { name: Some(name.into()), ends });
        assert_eq!(range("ids=0,9999"), named("ids", [0.0, 9999.0]));
        assert_eq!(range("a=b=3,3"), named("a=b", [3.0, 3.0]));
        for bad in ["", "1", "1,0", "0,nan", "a,b", "0,0", "=0,1", "x=1", "x=1,0", "0,1=x"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn methods_of_calibration() {
        assert_eq!(method("percentile"), Ok(Method::Percentile(99.99)));
        assert_eq!(method("percentile=99.5"), Ok(Method::Percentile(99.5)));
        assert_eq!([method("minmax"), method("mse")], [Ok(Method::MinMax), Ok(Method::Mse)]);
        for bad in ["", "max", "mse=1", "percentile=101", "percentile=x", "percentile=nan"] {
            assert!(method(bad).is_err(), "{bad}");
        }
        assert_eq!(bits("12"), Ok(Bits::Given(Each::TWELVE, vec![])));
        assert_eq!(bits("auto"), Ok(Bits::Auto));
        let named = vec![("*gated".into(), Each::SIXTEEN), ("a=b".into(), Each::EIGHT)];
        assert_eq!(bits("10,*gated=16,a=b=8"), Ok(Bits::Given(Each::TEN, named.clone())));
        assert_eq!(bits("*gated=16,a=b=8"), Ok(Bits::Given(Each::EIGHT, named)));
        for bad in ["7", "17", "-8", "x", "", "12,", "a=16,12", "a=x", "auto,a=16"] {
            assert!(bits(bad).is_err(), "{bad}");
        }
    }
}
