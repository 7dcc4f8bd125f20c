//! PNG and JPEG, of which nothing is decoded that is larger than it may be.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_core::result::DecodingResult;
use zune_jpeg::JpegDecoder;
use zune_png::PngDecoder;

use super::dataset::Dataset;
use super::error::DataError;
use super::normalise::{ADVICE, Normalise};
use super::number::MAX_ELEMENTS;
use super::resize::Picture;
use crate::integer::signature::Input;

/// Endings of pictures' names.
pub(super) const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Most bytes of a picture's file.
const MAX_FILE: u64 = 1 << 28;
/// Most pixels of a picture.
const MAX_PIXELS: usize = 1 << 26;

/// Reads a picture, or all pictures in a directory in the order of their names.
pub(super) fn read(
    path: &Path,
    inputs: &[Input],
    normalise: Option<&Normalise>,
) -> Result<Dataset, DataError> {
    let fault = |path: &Path, problem| DataError::File { path: path.to_owned(), problem };
    let [input] = inputs else {
        let names: Vec<String> = inputs.iter().map(|input| format!("{:?}", input.name)).collect();
        let problem = format!(
            "pictures are for networks of one input, and this one reads {}; give an .npz",
            if names.is_empty() { "none".into() } else { names.join(", ") }
        );
        return Err(fault(path, problem));
    };
    let paths = if path.is_dir() { list(path)? } else { vec![path.to_owned()] };
    let normalise = normalise.ok_or_else(|| fault(path, ADVICE.into()))?;
    let elements: usize = input.shape.iter().product();
    if paths.len().saturating_mul(elements) > MAX_ELEMENTS {
        let problem = format!(
            "its {} pictures make more than {MAX_ELEMENTS} numbers; give fewer",
            paths.len()
        );
        return Err(fault(path, problem));
    }
    let sample = |path: &PathBuf| {
        let bytes = crate::file::read(path, MAX_FILE);
        let bytes = bytes.map_err(|source| DataError::Read { path: path.clone(), source })?;
        let tensor = decode(&bytes).and_then(|picture| normalise.tensor(picture, &input.shape));
        Ok(vec![tensor.map_err(|problem| fault(path, problem))?])
    };
    let samples = paths.iter().map(sample).collect::<Result<Vec<_>, DataError>>()?;
    Ok(Dataset { samples, labels: None })
}

/// Whether a file is one by its name.
pub(super) fn named(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The pictures in a directory, by name; other files are not looked at.
fn list(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |source| DataError::Read { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| named(path));
    paths.sort();
    if paths.is_empty() {
        let problem = "it is a directory without a .png or .jpg file; name a file, or a directory \
            of pictures";
        return Err(DataError::File { path: directory.to_owned(), problem: problem.into() });
    }
    Ok(paths)
}

/// Decodes a picture of either kind, told by its first bytes.
fn decode(bytes: &[u8]) -> Result<Picture, String> {
    match bytes {
        [] => Err("it is empty; write or copy the picture again".into()),
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [0xff, 0xd8, ..] => jpeg(bytes),
        _ => Err("it begins like neither PNG nor JPEG; save the picture as one of them".into()),
    }
}

fn within(width: usize, height: usize) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(0) => Err("it has no pixels".into()),
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(format!(
            "it has {width} by {height} pixels, expected at most {MAX_PIXELS} in all; make it \
            smaller"
        )),
    }
}

/// What is allowed of a file of either kind.
fn options() -> DecoderOptions {
    // What is cut off would be grey otherwise.
    let options = DecoderOptions::default().set_strict_mode(true);
    options.set_max_width(1 << 16).set_max_height(1 << 16)
}

/// What a decoder says, which may go on about bytes of the file.
fn broken(kind: &str, error: &dyn Debug) -> String {
    let text = format!("{error:?}");
    let first: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("not a complete {kind} picture ({first}); write or copy it again")
}

/// Palettes are looked up, 16 bits cut to 8, transparency is dropped.
fn png(bytes: &[u8]) -> Result<Picture, String> {
    let options = options().png_set_confirm_crc(true);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| broken("PNG", &error))?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    within(width, height)?;
    let decoded = decoder.decode().map_err(|error| broken("PNG", &error))?;
    let samples = match decoded {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|sample| (sample >> 8) as u8).collect(),
        _ => return Err("its samples have neither 8 bits nor 16; save it again".into()),
    };
    let channels = samples.len() / (width * height);
    let pixels = samples.chunks_exact(channels.max(1));
    let rgb: Vec<u8> = match channels {
        1 | 2 => pixels.flat_map(|pixel| [pixel[0]; 3]).collect(),
        3 | 4 => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        _ => return Err("it has no pixels; write or copy it again".into()),
    };
    Ok(Picture { width, height, rgb })
}

/// As it is stored: a note on how a camera was held is not followed.
fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let options = options().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| broken("JPEG", &error))?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    within(width, height)?;
    let rgb = decoder.decode().map_err(|error| broken("JPEG", &error))?;
    if rgb.len() != 3 * width * height {
        return Err("its colours are none that RGB can be made of; save it as RGB".into());
    }
    Ok(Picture { width, height, rgb })
}
