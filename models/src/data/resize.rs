//! Pictures in another size: bilinear, over all pixels that a smaller picture's pixel covers.
//!
//! The same integers as Pillow's `resize` with `BILINEAR`, which torchvision's `Resize` calls: rows
//! first, then columns, each rounded to 8 bits, with weights of 22 fractional bits.

/// Fractional bits of weights: 32, less 8 of a sample and 2 of a sum.
const FRACTION: u32 = 22;

/// Pixels of three channels, row by row.
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// Where a pixel's weights begin, and what they are.
type Weights = Vec<(usize, Vec<i64>)>;

impl Picture {
    pub(super) fn resize(self, width: usize, height: usize) -> Self {
        let across = self.across(width);
        across.transpose().across(height).transpose()
    }

    /// The rectangle in the middle of the same proportions as one of `width` by `height`.
    pub(super) fn crop(self, width: usize, height: usize) -> Self {
        let (across, down) = (self.width * height, self.height * width);
        let part = |whole: usize, share: usize| ((whole + share / 2) / share).max(1);
        let (kept_width, kept_height) = match across > down {
            true => (part(down, height).min(self.width), self.height),
            false => (self.width, part(across, width).min(self.height)),
        };
        let left = (self.width - kept_width) / 2;
        let rows = self.rgb.chunks_exact(3 * self.width).skip((self.height - kept_height) / 2);
        let rows = rows.take(kept_height).flat_map(|row| &row[3 * left..3 * (left + kept_width)]);
        Self { width: kept_width, height: kept_height, rgb: rows.copied().collect() }
    }

    fn across(self, width: usize) -> Self {
        if width == self.width {
            return self;
        }
        let weights = weights(self.width, width);
        let mut rgb = Vec::with_capacity(3 * width * self.height);
        for row in self.rgb.chunks_exact(3 * self.width) {
            for (first, weights) in &weights {
                let pixels = row[3 * first..].chunks_exact(3);
                let mut sums = [1i64 << (FRACTION - 1); 3];
                for (pixel, weight) in pixels.zip(weights) {
                    for (sum, &sample) in sums.iter_mut().zip(pixel) {
                        *sum += weight * i64::from(sample);
                    }
                }
                rgb.extend(sums.map(|sum| (sum >> FRACTION).clamp(0, 255) as u8));
            }
        }
        Self { width, rgb, ..self }
    }

    fn transpose(self) -> Self {
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for column in 0..self.width {
            for row in 0..self.height {
                let at = 3 * (row * self.width + column);
                rgb.extend_from_slice(&self.rgb[at..at + 3]);
            }
        }
        Self { width: self.height, height: self.width, rgb }
    }
}

/// A triangle over each new pixel's middle: as wide as two old pixels, or as two new ones where
/// these are larger.
fn weights(from: usize, to: usize) -> Weights {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let of = |pixel: usize| {
        let middle = (pixel as f64 + 0.5) * scale;
        let first = (middle - stretch + 0.5).max(0.0) as usize;
        let end = ((middle + stretch + 0.5) as usize).min(from);
        let triangle = |at: usize| {
            let distance = (at as f64 - middle + 0.5) / stretch;
            (1.0 - distance.abs()).max(0.0)
        };
        let weights: Vec<f64> = (first..end).map(triangle).collect();
        let total: f64 = weights.iter().sum();
        let fixed = |weight: &f64| (weight / total * f64::from(1 << FRACTION) + 0.5) as i64;
        (first, weights.iter().map(fixed).collect())
    };
    (0..to).map(of).collect()
}
