//! What the cache is believed, and what is said when nothing can be put there.

mod desk;

use std::fs;
use std::process::{Command, Output};

use desk::Desk;
use zkinfer::Seal;
use zkinfer::verifier::argument::bound::VERSION;

/// Runs with a cache of its own.
fn run(desk: &Desk, cache: &str, arguments: &[&str]) -> Output {
    let mut command: Command = desk.command(arguments);
    command.env("ZKINFER_CACHE", desk.path(cache)).output().expect("the binary runs")
}

#[test]
fn a_seal_counts_as_checked_only_by_a_record_that_nobody_else_can_have_written() {
    let desk = Desk::proven();
    let mut seal = Seal::from_bytes(&fs::read(desk.path("mlp-64-32-16-10.seal")).expect("a seal"))
        .expect("a seal");
    let digest = seal.record.digest().to_string();
    *seal.range_proofs[0].last_mut().expect("a range proof") ^= 1;
    fs::write(desk.path("unproven.seal"), seal.to_bytes()).expect("a seal");
    let verify = |seal: &str| {
        run(&desk, "cache", &["verify", "mlp-64-32-16-10.vk", seal, "sample.proof"]).status.code()
    };
    let (yes, no) = (Some(0), Some(1));
    assert_eq!(verify("unproven.seal"), no);

    let seals = desk.path("cache/checked-seals");
    let folder = seals.join(format!("argument-{VERSION}"));
    fs::create_dir_all(&folder).expect("a folder");
    // What earlier versions wrote, and that where this one looks.
    fs::write(seals.join(&digest), b"").expect("a file");
    fs::write(folder.join(&digest), b"").expect("a file");
    assert_eq!(verify("unproven.seal"), no);

    assert_eq!(verify("mlp-64-32-16-10.seal"), yes);
    let record = fs::read(folder.join(&digest)).expect("a record");
    // The range proof is no part of what the digest names: whoever has seen one for this record
    // need not see another.
    assert_eq!(verify("unproven.seal"), yes);
    fs::write(folder.join(&digest), &record[1..]).expect("a file");
    assert_eq!(verify("unproven.seal"), no);
    fs::write(folder.join(&digest), &record).expect("a file");
    assert_eq!(verify("unproven.seal"), yes);
    #[cfg(unix)]
    for path in [&seals, &folder, &folder.join(&digest)] {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions")
        };
        let before = fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(before & 0o077, 0, "{}", path.display());
        mode(0o777);
        assert_eq!(verify("unproven.seal"), no, "{}", path.display());
        mode(before);
        assert_eq!(verify("unproven.seal"), yes);
    }
}

#[test]
fn parameters_that_were_not_stored_are_not_listed_as_stored() {
    let desk = Desk::new();
    let refused = |cache: &str, part: &str| {
        for arguments in [&["urs", "7"][..], &["urs", "7", "--json"]] {
            let output = run(&desk, cache, arguments);
            let [out, message] =
                [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
            assert_eq!(output.status.code(), Some(2), "{out}{message}");
            assert!(message.contains(part) && message.contains("not stored"), "{message}");
            assert!(out.is_empty() || out.contains("\"error\""), "{out}");
        }
    };
    // Nothing can take the place of a folder with something in it.
    fs::create_dir_all(desk.path("half/lagrange-7.bin/x")).expect("a folder");
    refused("half", "lagrange-7.bin");
    assert!(desk.path("half/generators-7.bin").is_file());
    fs::write(desk.path("file"), b"").expect("a file");
    refused("file", "generators-7.bin");
    assert_eq!(run(&desk, "whole", &["urs", "7"]).status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_the_cache_is_not_read() {
    use std::os::unix::fs::symlink;
    let desk = Desk::new();
    for name in ["generators-7.bin", "lagrange-7.bin"] {
        assert_eq!(run(&desk, "cache", &["urs", "7"]).status.code(), Some(0));
        let path = desk.path("cache").join(name);
        let file = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("a file");
        desk.pipe(&format!("cache/{name}"));
        assert_eq!(
            desk.soon(desk.command(&["urs", "7"]).env("ZKINFER_CACHE", desk.path("cache")))
                .status
                .code(),
            Some(0)
        );
        assert_eq!(fs::read(&path).expect("a file"), file, "replaced");
        fs::remove_file(&path).expect("a file");
        symlink("/dev/zero", &path).expect("a link");
        assert_eq!(
            desk.soon(desk.command(&["urs", "7"]).env("ZKINFER_CACHE", desk.path("cache")))
                .status
                .code(),
            Some(0)
        );
        assert_eq!(fs::read(&path).expect("a file"), file, "replaced");
    }
}
