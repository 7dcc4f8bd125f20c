//! From the bytes of pictures to the numbers that a network was trained on.

use std::str::FromStr;

use ndarray::ArrayD;

use super::resize::Picture;

/// How pictures become tensors: a byte `p` of channel `c` becomes `(scale·p − mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalise {
    /// What bytes are multiplied by: 1/255 unless it is chosen.
    pub scale: f64,
    /// One number for all channels, or one for each in the network's order.
    pub mean: Vec<f64>,
    /// The same.
    pub std: Vec<f64>,
    /// Where the channels are, if the shape alone does not tell.
    pub layout: Option<Layout>,
    /// Which channel comes first.
    pub order: Order,
    /// What becomes of pictures of other proportions.
    pub fit: Fit,
}

/// Where a tensor's channels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In front of rows and columns.
    Nchw,
    /// Behind them.
    Nhwc,
}

/// Which channel comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Red, as most libraries have it.
    Rgb,
    /// Blue, as OpenCV has it.
    Bgr,
}

/// What becomes of pictures of other proportions than the network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// All of it, squeezed.
    Stretch,
    /// The largest part in the middle that has the network's proportions.
    Crop,
}

/// What a picture without these words is refused with.
pub(super) const ADVICE: &str = "say with `--normalise` what the network was trained on: unit \
    (0 to 1), minus-one-one, imagenet, bytes (0 to 255), or mean=…,std=…,scale=… by numbers";

impl FromStr for Normalise {
    type Err = String;

    /// A preset, settings, or a preset with settings behind it, between commas:
    /// `imagenet,layout=nhwc`, `mean=0.5,0.5,0.5,std=0.25,scale=1/255`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut settings: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut parts = text.split(',').map(str::trim).peekable();
        let unit = Self {
            scale: 1.0 / 255.0,
            mean: vec![0.0],
            std: vec![1.0],
            layout: None,
            order: Order::Rgb,
            fit: Fit::Stretch,
        };
        let mut normalise = match parts.next_if(|part| !part.contains('=')) {
            None | Some("unit") => unit,
            Some("bytes") => Self { scale: 1.0, ..unit },
            Some("minus-one-one") => Self { mean: vec![0.5], std: vec![0.5], ..unit },
            Some("imagenet") => {
                Self { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225], ..unit }
            }
            Some(other) => {
                return Err(format!(
                    "{other:?} is no preset; expected unit, bytes, minus-one-one or imagenet, or \
                    settings such as mean=0.5,std=0.5"
                ));
            }
        };
        for part in parts {
            match (part.split_once('='), settings.last_mut()) {
                (Some((key, value)), _) => settings.push((key, vec![value])),
                // The next number of a list.
                (None, Some((_, values))) => values.push(part),
                (None, None) => return Err(format!("{part:?} is no setting; expected KEY=VALUE")),
            }
        }
        for (key, values) in settings {
            let wrong =
                |expected: &str| Err(format!("{key}={:?}: expected {expected}", values.join(",")));
            let numbers: Option<Vec<f64>> = values.iter().map(|text| number(text)).collect();
            match (key, values.as_slice(), numbers) {
                ("scale", _, Some(numbers)) if numbers.len() == 1 && numbers[0] != 0.0 => {
                    normalise.scale = numbers[0];
                }
                ("scale", ..) => return wrong("a number other than 0, or a fraction like 1/255"),
                ("mean", _, Some(numbers)) if [1, 3].contains(&numbers.len()) => {
                    normalise.mean = numbers;
                }
                ("std", _, Some(numbers))
                    if [1, 3].contains(&numbers.len()) && !numbers.contains(&0.0) =>
                {
                    normalise.std = numbers;
                }
                ("mean" | "std", ..) => {
                    return wrong("a number for all channels, or three, of std none 0");
                }
                ("layout", ["nchw"], _) => normalise.layout = Some(Layout::Nchw),
                ("layout", ["nhwc"], _) => normalise.layout = Some(Layout::Nhwc),
                ("layout", ..) => return wrong("nchw or nhwc"),
                ("order", ["rgb"], _) => normalise.order = Order::Rgb,
                ("order", ["bgr"], _) => normalise.order = Order::Bgr,
                ("order", ..) => return wrong("rgb or bgr"),
                ("fit", ["stretch"], _) => normalise.fit = Fit::Stretch,
                ("fit", ["crop"], _) => normalise.fit = Fit::Crop,
                ("fit", ..) => return wrong("stretch or crop"),
                _ => {
                    return Err(format!(
                        "{key:?} is no setting; expected mean, std, scale, layout, order or fit"
                    ));
                }
            }
        }
        Ok(normalise)
    }
}

/// A finite number, or a fraction.
fn number(text: &str) -> Option<f64> {
    let parse = |text: &str| text.trim().parse::<f64>().ok();
    let number = match text.split_once('/') {
        None => parse(text),
        Some((above, below)) => Some(parse(above)? / parse(below)?),
    };
    number.filter(|number| number.is_finite())
}

/// What an input expects of a picture.
struct Place {
    layout: Layout,
    channels: usize,
    height: usize,
    width: usize,
}

impl Normalise {
    fn place(&self, shape: &[usize]) -> Result<Place, String> {
        let channels = |length: usize| [1, 3].contains(&length);
        let sizes = match shape {
            [1, sizes @ ..] if sizes.len() == 3 => sizes,
            sizes => sizes,
        };
        let &[first, middle, last] = sizes else {
            return Err(format!(
                "the input's shape {shape:?} is none of a picture, expected [1, C, H, W] or \
                [1, H, W, C]; give an array"
            ));
        };
        let nchw = Place { layout: Layout::Nchw, channels: first, height: middle, width: last };
        let nhwc = Place { layout: Layout::Nhwc, channels: last, height: first, width: middle };
        match (self.layout, channels(first), channels(last)) {
            (Some(Layout::Nchw), true, _) | (None, true, false) => Ok(nchw),
            (Some(Layout::Nhwc), _, true) | (None, false, true) => Ok(nhwc),
            (None, true, true) => Err(format!(
                "the input's shape {shape:?} does not tell where its channels are; say layout=nchw \
                or layout=nhwc in `--normalise`"
            )),
            _ => Err(format!(
                "the input's shape {shape:?} has no 1 or 3 channels {}",
                match self.layout {
                    Some(Layout::Nchw) => "in front (layout=nchw)",
                    Some(Layout::Nhwc) => "at its end (layout=nhwc)",
                    None => "in front or at its end; give an array",
                }
            )),
        }
    }

    /// The tensor that an input of this shape gets of a picture.
    pub(super) fn tensor(&self, picture: Picture, shape: &[usize]) -> Result<ArrayD<f32>, String> {
        let Place { layout, channels, height, width } = self.place(shape)?;
        let picture = match self.fit {
            Fit::Stretch => picture,
            Fit::Crop => picture.crop(width, height),
        };
        let pixels = picture.resize(width, height).rgb;
        let of = |list: &[f64], channel: usize| list[channel.min(list.len() - 1)];
        let value = |channel: usize, byte: u8| {
            let scaled = self.scale * f64::from(byte);
            ((scaled - of(&self.mean, channel)) / of(&self.std, channel)) as f32
        };
        let element = |pixel: &[u8], channel: usize| {
            let byte = match (channels, self.order) {
                (1, _) => grey(pixel),
                (_, Order::Rgb) => pixel[channel],
                (_, Order::Bgr) => pixel[2 - channel],
            };
            value(channel, byte)
        };
        let elements: Vec<f32> = match layout {
            Layout::Nchw => (0..channels)
                .flat_map(|channel| pixels.chunks_exact(3).map(move |pixel| (channel, pixel)))
                .map(|(channel, pixel)| element(pixel, channel))
                .collect(),
            Layout::Nhwc => pixels
                .chunks_exact(3)
                .flat_map(|pixel| (0..channels).map(move |channel| (channel, pixel)))
                .map(|(channel, pixel)| element(pixel, channel))
                .collect(),
        };
        ArrayD::from_shape_vec(shape, elements).map_err(|error| error.to_string())
    }
}

/// How bright a pixel is: 299, 587 and 114 thousandths, in 16 fractional bits as Pillow has them.
fn grey(pixel: &[u8]) -> u8 {
    let weighed = [19_595u32, 38_470, 7_471].iter().zip(pixel);
    let sum: u32 = weighed.map(|(weight, &byte)| weight * u32::from(byte)).sum();
    ((sum + (1 << 15)) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_settings() {
        let parse = |text: &str| text.parse::<Normalise>();
        let unit = parse("unit").unwrap();
        assert_eq!((unit.scale, unit.mean.as_slice(), unit.std.as_slice()), {
            (1.0 / 255.0, &[0.0][..], &[1.0][..])
        });
        let all = parse("imagenet,layout=nhwc,order=bgr,fit=crop,mean=1,2,3,scale=1").unwrap();
        assert_eq!(
            all,
            Normalise {
                scale: 1.0,
                mean: vec![1.0, 2.0, 3.0],
                std: vec![0.229, 0.224, 0.225],
                layout: Some(Layout::Nhwc),
                order: Order::Bgr,
                fit: Fit::Crop,
            }
        );
        assert_eq!(parse("scale=1/128,mean=0.5").unwrap().scale, 1.0 / 128.0);
        for (text, problem) in [
            ("", "\"\" is no preset"),
            ("zero", "\"zero\" is no preset"),
            ("unit,0.5", "\"0.5\" is no setting"),
            ("means=1", "\"means\" is no setting"),
            ("mean=1,2", "mean=\"1,2\": expected a number for all"),
            ("std=1,0,1", "std=\"1,0,1\": expected"),
            ("mean=nan", "mean=\"nan\": expected"),
            ("scale=0", "scale=\"0\": expected"),
            ("scale=1/0", "scale=\"1/0\": expected"),
            ("layout=chw", "layout=\"chw\": expected nchw or nhwc"),
            ("order=grb", "order=\"grb\": expected rgb or bgr"),
            ("fit=pad", "fit=\"pad\": expected stretch or crop"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.starts_with(problem), "{message}");
        }
    }
}
