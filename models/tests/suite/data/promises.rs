//! Files that promise other than they hold: truncated, packed, nested, doubled, endless.

use super::elements::header;
use super::*;

#[test]
fn truncated_arrays_are_refused() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    let npy = std::fs::read(folder.npy(counting::<f32>(&[3, 2]))).unwrap();
    let zipped = std::fs::read(npz(&folder, &[("x", counting::<f32>(&[3, 2]))], None)).unwrap();
    for (name, bytes) in [("t.npy", npy), ("t.npz", zipped)] {
        for length in 1..bytes.len() {
            std::fs::write(folder.path(name), &bytes[..length]).unwrap();
            folder.error(&folder.path(name), &inputs);
        }
    }
}

/// An archive of zeros, and where its only member's unpacked size stands.
fn bomb(folder: &Folder, elements: usize) -> (Vec<u8>, [usize; 2]) {
    let path = npz(folder, &[("x", ArrayD::zeros(vec![elements / 2, 2]))], None);
    let bytes = std::fs::read(path).unwrap();
    let of = |signature: &[u8], offset| {
        bytes.windows(4).position(|window| window == signature).unwrap() + offset
    };
    let places = [of(b"PK\x03\x04", 22), of(b"PK\x01\x02", 24)];
    (bytes, places)
}

#[test]
fn archives_that_unpack_to_too_much() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    // What the directory says is believed before anything is unpacked.
    let (mut bytes, places) = bomb(&folder, 1000);
    for place in places {
        bytes[place..place + 4].copy_from_slice(&4_000_000_000u32.to_le_bytes());
    }
    std::fs::write(folder.path("b.npz"), &bytes).unwrap();
    assert_eq!(
        folder.error(&folder.path("b.npz"), &inputs),
        "\"/b.npz\", array \"x\": it unpacks to 4000000000 bytes, more than the 1073807360 that \
        are read; give fewer samples"
    );
    // And where it says too little, no more than that is unpacked.
    let (mut bytes, places) = bomb(&folder, 1 << 22);
    for place in places {
        bytes[place..place + 4].copy_from_slice(&1000u32.to_le_bytes());
    }
    std::fs::write(folder.path("b.npz"), &bytes).unwrap();
    let message = folder.error(&folder.path("b.npz"), &inputs);
    assert!(
        message.contains("array \"x\": its shape [2097152, 2] needs more data than there is"),
        "{message}"
    );
    // Headers promise too.
    for (shape, problem) in [
        ("(67108865, 2)", "its shape [67108865, 2] needs more data than there is"),
        (
            "(4611686018427387904, 4)",
            "its shape [4611686018427387904, 4] needs more data than there is",
        ),
    ] {
        let path = header(
            &folder,
            &format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"),
            1,
        );
        assert!(folder.error(&path, &inputs).contains(problem));
    }
    // With all the data there, but no one would wait for it.
    let path =
        header(&folder, "{'descr': '|u1', 'fortran_order': False, 'shape': (67108865, 2), }", 1);
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(200_000_000).unwrap();
    assert_eq!(
        folder.error(&path, &inputs),
        "\"/h.npy\": its shape [67108865, 2] has 134217730 elements, expected at most 134217728; \
        give fewer samples"
    );
}

#[test]
fn headers_that_go_on_and_on() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    let nested = format!("{{'descr': {}}}", "[".repeat(5000));
    assert!(
        folder.error(&header(&folder, &nested, 1), &inputs).contains("a bracket or quote is open")
    );
    let long = " ".repeat(10_000);
    for version in [1, 2] {
        assert!(
            folder
                .error(&header(&folder, &long, version), &inputs)
                .contains("a header of 10001 bytes")
        );
    }
    // Four gigabytes, says the file.
    let path = folder.path("h.npy");
    std::fs::write(&path, b"\x93NUMPY\x02\x00\xff\xff\xff\xff").unwrap();
    assert!(folder.error(&path, &inputs).contains("a header of 4294967295 bytes"));
}

/// Arrays that nobody asks for are not read, whatever is wrong with them.
#[test]
fn only_what_is_asked_for_is_read() {
    let folder = Folder::new();
    let arrays = [("junk", ArrayD::zeros(vec![1 << 20])), ("x", counting::<f32>(&[4, 2]))];
    let mut bytes = std::fs::read(npz(&folder, &arrays, None)).unwrap();
    let two = [input("x", &[1, 2]), input("junk", &[1 << 20])];
    assert!(Dataset::read(folder.path("d.npz"), &two[..1]).is_ok());
    // Behind the first member's header, name and extra bytes.
    let data = bytes.windows(4).position(|window| window == b"PK\x03\x04").unwrap() + 60;
    bytes[data..data + 200].fill(0xff);
    std::fs::write(folder.path("d.npz"), bytes).unwrap();
    assert!(folder.error(&folder.path("d.npz"), &two).contains("array \"junk\": "));
    assert_eq!(Dataset::read(folder.path("d.npz"), &two[..1]).unwrap().samples().len(), 4);
}

/// An archive of empty members.
fn archive(folder: &Folder, names: [&str; 2]) -> PathBuf {
    let mut writer = zip::ZipWriter::new(std::fs::File::create(folder.path("m.npz")).unwrap());
    for name in names {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    }
    writer.finish().unwrap();
    folder.path("m.npz")
}

#[test]
fn members_of_one_name() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    // With and without the ending, which is no part of an array's name.
    assert_eq!(
        folder.error(&archive(&folder, ["x.npy", "x"]), &inputs),
        "\"/m.npz\": two of its arrays are called \"x\"; rename one"
    );
    // Two members of the very same name, of which libraries see one.
    let mut bytes = std::fs::read(archive(&folder, ["x.npy", "z.npy"])).unwrap();
    let places: Vec<usize> =
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"z.npy")).collect();
    assert_eq!(places.len(), 2);
    places.into_iter().for_each(|at| bytes[at] = b'x');
    std::fs::write(folder.path("t.npz"), bytes).unwrap();
    assert_eq!(
        folder.error(&folder.path("t.npz"), &inputs),
        "\"/t.npz\": two of its members have the same name; write it again"
    );
}

/// Files without end are not opened, files that are too long not read, and JSON not parsed then.
#[test]
fn files_without_end() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    std::fs::File::create(folder.path("long.json")).unwrap().set_len(90_000_000).unwrap();
    let message = folder.error(&folder.path("long.json"), &inputs);
    assert!(
        message.contains("it has 90000000 bytes, and files of this kind at most 67108864"),
        "{message}"
    );
    std::fs::File::create(folder.path("sparse.npy")).unwrap().set_len(200_000_000_000).unwrap();
    assert!(folder.error(&folder.path("sparse.npy"), &inputs).contains("not a complete .npy file"));
    #[cfg(unix)]
    for name in ["a.npy", "a.npz", "a.json"] {
        let (pipe, zero) =
            (folder.path(&format!("pipe-{name}")), folder.path(&format!("zero-{name}")));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
        for path in [pipe, zero] {
            let message = folder.error(&path, &inputs);
            assert!(
                message.contains("it is a device, pipe or socket, expected a regular file"),
                "{message}"
            );
        }
    }
}

#[test]
fn orders_and_byte_orders_of_npy() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    let file = |header_text: &str, data: &[u8]| {
        let path = header(&folder, header_text, 1);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(data);
        std::fs::write(&path, bytes).unwrap();
        let samples = Dataset::read(&path, &inputs).unwrap().samples().to_vec();
        samples
            .iter()
            .map(|sample| sample[0].iter().copied().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let numbers = |big: bool| -> Vec<u8> {
        [1i32, 2, 3, -4]
            .iter()
            .flat_map(|x| if big { x.to_be_bytes() } else { x.to_le_bytes() })
            .collect()
    };
    let rows = [[1.0, 2.0], [3.0, -4.0]];
    assert_eq!(
        file("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }", &numbers(false)),
        rows
    );
    assert_eq!(
        file("{'descr': '>i4', 'fortran_order': False, 'shape': (2, 2), }", &numbers(true)),
        rows
    );
    let columns = [[1.0, 3.0], [2.0, -4.0]];
    assert_eq!(
        file("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 2), }", &numbers(false)),
        columns
    );
    assert_eq!(
        file("{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2), }", &[1, 2, 3, 0xfc]),
        rows
    );
    // More than the shape says is no array of that shape.
    let path = header(&folder, "{'descr': '|i1', 'fortran_order': False, 'shape': (1, 2), }", 1);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([1, 2, 3]);
    std::fs::write(&path, bytes).unwrap();
    assert!(
        folder.error(&path, &inputs).contains("there is more data than its shape [1, 2] needs")
    );
}
