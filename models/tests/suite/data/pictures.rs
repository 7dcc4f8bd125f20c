//! Pictures: decoded, resized and normalised as Pillow and its users do, within limits.

use zkinfer_models::data::{Fit, Layout, Normalise, Order, ReadOptions, read_sample_with};

use super::*;

/// A JPEG of 16 by 16, by Pillow: quarters of 200, 30, 90 and 250, without colours.
const GREY: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb0043000201010101010201010102020202020403020202\
    020504040304060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0aff\
    c0000b080010001001011100ffc4001f0000010501010101010100000000000000000102030405060708090a0b\
    ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a108\
    2342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a53545556\
    5758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9\
    aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7\
    f8f9faffda0008010100003f00fd20afe55ebef0afea02bfffd9";

/// One of 16 by 16 pixels of (200, 60, 30), which Pillow reads as (199, 60, 29).
const RED: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb0043000201010101010201010102020202020403020202\
    020504040304060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0aff\
    db004301020202020202050303050a0706070a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\
    0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0affc00011080010001003011100021101031101ffc400\
    1f0000010501010101010100000000000000000102030405060708090a0bffc400b51000020103030204030505\
    04040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a\
    161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475\
    767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6\
    c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101\
    010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102\
    031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a26\
    2728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a828384\
    85868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4\
    d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00f07afe633fd200\
    a002800a00ffd9";

const GREYS: [u8; 2] = [8, 0];
const RGB: [u8; 2] = [8, 2];
const RGBA: [u8; 2] = [8, 6];

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// A PNG file, by bits of a sample and colour type.
fn png(
    folder: &Folder,
    name: &str,
    kind: [u8; 2],
    [width, height]: [u32; 2],
    data: &[u8],
) -> PathBuf {
    let chunk = |kind: &[u8], data: &[u8]| {
        let checked = [kind, data].concat();
        let length = (data.len() as u32).to_be_bytes();
        [&length, checked.as_slice(), &crc(&checked).to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &kind, &[0; 3]].concat();
    // Each row behind the number of its filter, in one block that is stored as it is.
    let row = data.len() / height as usize;
    let rows: Vec<u8> = data.chunks(row).flat_map(|row| [&[0], row].concat()).collect();
    let length = rows.len() as u16;
    let (low, high) = rows.iter().fold((1u32, 0u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    let sums = (high << 16 | low).to_be_bytes();
    let packed = [&[0x78, 0x01, 1], lengths.as_slice(), &rows, &sums].concat();
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &packed), chunk(b"IEND", &[])].concat();
    std::fs::write(folder.path(name), [b"\x89PNG\r\n\x1a\n", chunks.as_slice()].concat()).unwrap();
    folder.path(name)
}

/// Four rows of five pixels, all different.
fn pixels() -> Vec<u8> {
    let byte = |row: usize, column: usize, channel: usize| {
        (37 * row + 91 * column + 53 * channel + row * column * 7) % 256usize
    };
    let rows = (0..4).flat_map(|row| (0..5).map(move |column| (row, column)));
    rows.flat_map(|(row, column)| (0..3).map(move |channel| byte(row, column, channel) as u8))
        .collect()
}

fn read(path: &PathBuf, shape: &[usize], normalise: &str) -> Result<Vec<f32>, String> {
    let normalise = Some(normalise.parse().unwrap());
    let options = ReadOptions { normalise, labels: None };
    let sample = read_sample_with(path, &[input("x", shape)], &options);
    let sample = sample.map_err(|error| error.to_string())?;
    assert_eq!(sample[0].shape(), shape);
    Ok(sample[0].iter().copied().collect())
}

#[test]
fn every_kind_of_png() {
    let folder = Folder::new();
    let rgb = pixels();
    let expected: Vec<f32> = rgb.iter().map(|&byte| f32::from(byte)).collect();
    let path = png(&folder, "rgb.png", RGB, [5, 4], &rgb);
    assert_eq!(read(&path, &[1, 4, 5, 3], "bytes").unwrap(), expected);
    assert_eq!(read(&path, &[4, 5, 3], "bytes").unwrap(), expected);
    // Transparency is dropped.
    let rgba: Vec<u8> = rgb.chunks(3).flat_map(|pixel| [pixel, &[7]].concat()).collect();
    let path = png(&folder, "rgba.png", RGBA, [5, 4], &rgba);
    assert_eq!(read(&path, &[1, 4, 5, 3], "bytes").unwrap(), expected);
    // 16 bits are cut to 8.
    let long: Vec<u8> = rgb.iter().flat_map(|&byte| [byte, !byte]).collect();
    let path = png(&folder, "long.png", [16, 2], [5, 4], &long);
    assert_eq!(read(&path, &[1, 4, 5, 3], "bytes").unwrap(), expected);
    // Grey becomes three equal channels, colours become grey as Pillow has it.
    let grey: Vec<u8> = rgb.iter().copied().step_by(3).collect();
    let path = png(&folder, "grey.png", GREYS, [5, 4], &grey);
    let thrice: Vec<f32> = grey.iter().flat_map(|&byte| [f32::from(byte); 3]).collect();
    assert_eq!(read(&path, &[1, 4, 5, 3], "bytes").unwrap(), thrice);
    let path = folder.path("rgb.png");
    let pillow = [
        43.0, 134.0, 196.0, 60.0, 151.0, 80.0, 178.0, 97.0, 118.0, 187.0, 117.0, 193.0, 71.0,
        176.0, 102.0, 154.0, 87.0, 122.0, 205.0, 90.0,
    ];
    assert_eq!(read(&path, &[1, 1, 4, 5], "bytes").unwrap(), pillow);
}

#[test]
fn jpeg_in_grey_and_colours() {
    let folder = Folder::new();
    std::fs::write(folder.path("g.jpg"), unhex(GREY)).unwrap();
    std::fs::write(folder.path("c.JPEG"), unhex(RED)).unwrap();
    let grey = read(&folder.path("g.jpg"), &[1, 1, 16, 16], "bytes").unwrap();
    assert_eq!([grey[0], grey[15], grey[240], grey[255]], [200.0, 30.0, 90.0, 250.0]);
    let red = read(&folder.path("c.JPEG"), &[1, 16, 16, 3], "bytes").unwrap();
    // Decoders may differ by one.
    for (got, pillow) in red.iter().zip([199.0, 60.0, 29.0].iter().cycle()) {
        assert!((got - pillow).abs() <= 1.0, "{got}, {pillow}");
    }
}

#[test]
fn sizes_as_pillow_makes_them() {
    let folder = Folder::new();
    let path = png(&folder, "p.png", RGB, [5, 4], &pixels());
    for (shape, pillow) in [
        (
            [1, 2, 3, 3],
            &[
                68, 121, 158, 141, 133, 117, 113, 145, 136, 130, 136, 142, 120, 128, 132, 148, 139,
                124,
            ][..],
        ),
        (
            [1, 7, 8, 3],
            &[
                0, 53, 106, 40, 93, 146, 97, 150, 187, 154, 207, 84, 130, 183, 60, 27, 80, 117, 68,
                121, 174, 108, 161, 214, 13, 66, 119, 54, 107, 160, 113, 160, 203, 171, 161, 101,
                149, 139, 79, 48, 95, 138, 90, 143, 145, 131, 184, 146, 34, 87, 140, 77, 130, 183,
                138, 176, 228, 199, 88, 129, 180, 70, 110, 81, 119, 171, 126, 179, 98, 168, 221,
                37, 56, 109, 162, 100, 153, 150, 156, 201, 134, 139, 104, 117, 123, 88, 141, 106,
                151, 204, 161, 142, 123, 206, 131, 56, 77, 130, 183, 123, 168, 117, 173, 209, 39,
                78, 126, 104, 65, 118, 165, 130, 183, 219, 186, 105, 150, 224, 40, 93, 98, 151,
                204, 146, 127, 140, 198, 97, 64, 106, 108, 132, 95, 148, 150, 163, 216, 115, 139,
                141, 122, 115, 77, 130, 111, 164, 217, 160, 101, 154, 214, 27, 80, 124, 97, 150,
                114, 167, 140, 184, 237, 50, 110, 163, 104, 47, 100, 153,
            ],
        ),
        (
            [1, 2, 5, 3],
            &[
                26, 79, 132, 122, 175, 192, 182, 125, 68, 58, 111, 164, 154, 171, 114, 85, 138,
                191, 192, 135, 78, 79, 96, 149, 150, 203, 146, 147, 90, 107,
            ],
        ),
    ] {
        let expected: Vec<f32> = pillow.iter().map(|&byte: &u8| f32::from(byte)).collect();
        let got = read(&path, &shape, "bytes,layout=nhwc").unwrap();
        assert_eq!(got, expected, "{shape:?}");
    }
}

#[test]
fn normalisation_layout_order_and_proportions() {
    let folder = Folder::new();
    let path = png(&folder, "p.png", RGB, [2, 1], &[0, 51, 255, 102, 204, 153]);
    let shape = [1, 3, 1, 2];
    assert_eq!(read(&path, &shape, "unit").unwrap(), [0.0, 0.4, 0.2, 0.8, 1.0, 0.6]);
    assert_eq!(read(&path, &shape, "unit,order=bgr").unwrap(), [1.0, 0.6, 0.2, 0.8, 0.0, 0.4]);
    assert_eq!(
        read(&path, &[1, 1, 2, 3], "unit,layout=nhwc").unwrap(),
        [0.0, 0.2, 1.0, 0.4, 0.8, 0.6]
    );
    assert_eq!(read(&path, &shape, "minus-one-one").unwrap(), [-1.0, -0.2, -0.6, 0.6, 1.0, 0.2]);
    let imagenet = read(&path, &shape, "imagenet").unwrap();
    for (got, [x, mean, std]) in imagenet.iter().zip([
        [0.0, 0.485, 0.229],
        [0.4, 0.485, 0.229],
        [0.2, 0.456, 0.224],
        [0.8, 0.456, 0.224],
        [1.0, 0.406, 0.225],
        [0.6, 0.406, 0.225],
    ]) {
        assert_eq!(*got, ((x - mean) / std) as f32);
    }
    let caffe = read(&path, &shape, "mean=1,2,3,std=2,scale=1").unwrap();
    assert_eq!(caffe, [-0.5, 50.5, 24.5, 101.0, 126.0, 75.0]);
    // Of a row of three the one in the middle; of three rows too.
    let row: Vec<u8> = [[1; 3], [2; 3], [3; 3]].concat();
    for size in [[3, 1], [1, 3]] {
        let path = png(&folder, "r.png", RGB, size, &row);
        assert_eq!(read(&path, &[1, 3, 1, 1], "bytes,fit=crop,layout=nchw").unwrap(), [2.0; 3]);
    }
    let normalise: Normalise = "unit,fit=crop,order=bgr,layout=nchw".parse().unwrap();
    assert_eq!(
        (normalise.fit, normalise.order, normalise.layout),
        (Fit::Crop, Order::Bgr, Some(Layout::Nchw))
    );
}

#[test]
fn pictures_and_inputs_that_do_not_go_together() {
    let folder = Folder::new();
    let path = png(&folder, "p.png", RGB, [5, 4], &pixels());
    for (shape, normalise, problem) in [
        (&[1, 784][..], "unit", "shape [1, 784] is none of a picture"),
        (&[2, 3, 4, 4], "unit", "shape [2, 3, 4, 4] is none of a picture"),
        (&[1, 3, 8, 3], "unit", "does not tell where its channels are; say layout=nchw or"),
        (&[1, 4, 8, 8], "unit", "no 1 or 3 channels in front or at its end; give an array"),
        (&[1, 3, 8, 8], "unit,layout=nhwc", "no 1 or 3 channels at its end (layout=nhwc)"),
        (&[1, 8, 8, 3], "unit,layout=nchw", "no 1 or 3 channels in front (layout=nchw)"),
    ] {
        let message = read(&path, shape, normalise).unwrap_err();
        assert!(message.contains(problem), "{message}");
    }
    let one = [input("x", &[1, 3, 4, 4])];
    assert!(folder.error(&path, &one).starts_with("\"/p.png\": say with `--normalise` what"));
    let two = [input("a", &[1, 3, 4, 4]), input("b", &[1])];
    assert_eq!(
        folder.error(&path, &two),
        "\"/p.png\": pictures are for networks of one input, and this one reads \"a\", \"b\"; give \
        an .npz"
    );
    let normalise = Some("unit".parse().unwrap());
    let options = ReadOptions { normalise, labels: None };
    let empty = Dataset::read_with(folder.0.path().join("none.png"), &one, &options);
    assert!(empty.unwrap_err().to_string().starts_with("cannot read"));
}

#[test]
fn directories_of_pictures_in_the_order_of_their_names() {
    let folder = Folder::new();
    for (name, byte) in [("b.png", 2), ("a.png", 1), ("c.PNG", 3)] {
        png(&folder, name, RGB, [1, 1], &[byte; 3]);
    }
    folder.text("notes.txt", "no picture");
    let normalise = Some("bytes,layout=nchw".parse().unwrap());
    let options = ReadOptions { normalise, labels: None };
    let data = Dataset::read_with(folder.0.path(), &[input("x", &[1, 3, 1, 1])], &options).unwrap();
    let first: Vec<f32> = data.samples().iter().map(|sample| sample[0][[0, 0, 0, 0]]).collect();
    assert_eq!(first, [1.0, 2.0, 3.0]);
    // One that is broken is named.
    folder.text("bb.png", "x");
    let broken = Dataset::read_with(folder.0.path(), &[input("x", &[1, 3, 1, 1])], &options);
    assert!(broken.unwrap_err().to_string().contains("bb.png\": it begins like neither PNG nor"));
}

#[test]
fn pictures_that_are_cut_off_or_damaged() {
    let folder = Folder::new();
    let shape = [1, 3, 4, 5];
    let whole = std::fs::read(png(&folder, "w.png", RGB, [5, 4], &pixels()));
    let path = folder.path("t.png");
    let whole = whole.unwrap();
    // The last chunk says that there is nothing more.
    for length in 0..whole.len() - 12 {
        std::fs::write(&path, &whole[..length]).unwrap();
        let message = read(&path, &shape, "unit").unwrap_err();
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    for jpeg in [unhex(GREY), unhex(RED)] {
        for length in 0..jpeg.len() - 4 {
            std::fs::write(&path, &jpeg[..length]).unwrap();
            assert!(read(&path, &[1, 3, 16, 16], "unit").is_err(), "{length}");
        }
        // Whatever a byte is changed to: a picture or an error.
        for at in 0..jpeg.len() {
            for byte in [0x00, 0xff, jpeg[at] ^ 0x10] {
                let mut damaged = jpeg.clone();
                damaged[at] = byte;
                std::fs::write(&path, &damaged).unwrap();
                let _ = read(&path, &[1, 3, 16, 16], "unit");
            }
        }
    }
}

/// Sizes are refused before there is memory for them.
#[test]
fn pictures_that_promise_too_much() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(png(&folder, "p.png", RGB, [5, 4], &pixels())).unwrap();
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let checked = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checked.to_be_bytes());
    std::fs::write(folder.path("p.png"), &bytes).unwrap();
    let message = read(&folder.path("p.png"), &[1, 3, 4, 5], "unit").unwrap_err();
    assert!(
        message.ends_with(
            "it has 60000 by 60000 pixels, expected at most 67108864 in all; make it smaller"
        ),
        "{message}"
    );
    let mut bytes = unhex(RED);
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].fill(0xff);
    std::fs::write(folder.path("p.jpg"), &bytes).unwrap();
    let message = read(&folder.path("p.jpg"), &[1, 3, 4, 5], "unit").unwrap_err();
    assert!(message.contains("65535 by 65535 pixels, expected at most"), "{message}");
}

/// The checksum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), step);
    !bytes.iter().fold(u32::MAX, byte)
}
