//! What is read: regular files, and no more than their kind may have. What is written: all or
//! nothing, where it was meant to go, over nothing.

mod desk;

use std::fs;
use std::process::{Output, Stdio};

use desk::Desk;

const NAME: &str = "mlp-64-32-16-10";

fn message(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Every command line that reads a file of ours, with the file's place taken by `bad.` and the
/// right ending.
fn readers() -> Vec<(&'static str, Vec<&'static str>)> {
    let publish = ["--model-version", "1", "--licence", "MIT", "--force"];
    vec![
        ("bad.zkc", vec!["run", "bad.zkc", "sample.npy"]),
        ("bad.zkc", vec!["prove", "bad.zkc", "sample.npy", "--force"]),
        ("bad.zkc", vec!["seal", "bad.zkc", "--force"]),
        ("bad.zkc", vec!["evaluate", "mlp-64-32-16-10.onnx", "test.npz", "--circuit", "bad.zkc"]),
        ("bad.zkc", [&["publish", "bad.zkc"], &publish[..]].concat()),
        (
            "bad.seal",
            [&["publish", "mlp-64-32-16-10.zkc", "--seal", "bad.seal"], &publish[..]].concat(),
        ),
        (
            "bad.pem",
            [
                &["publish", "mlp-64-32-16-10.zkc", "--publisher", "Me", "--sign", "bad.pem"],
                &publish[..],
            ]
            .concat(),
        ),
        (
            "bad.opening",
            vec![
                "prove",
                "mlp-64-32-16-10.zkc",
                "sample.npy",
                "--opening",
                "bad.opening",
                "--force",
            ],
        ),
        ("bad.opening", vec!["prove", "mlp-64-32-16-10.zkc", "bad.opening", "--force"]),
        ("bad.proof", vec!["verify", "mlp-64-32-16-10.vk", "bad.proof"]),
        ("bad.vk", vec!["verify", "bad.vk", "sample.proof"]),
        ("bad.seal", vec!["verify", "mlp-64-32-16-10.vk", "bad.seal", "sample.proof"]),
        ("bad.json", vec!["verify", "mlp-64-32-16-10.vk", "sample.proof", "bad.json"]),
        ("bad.pem", vec!["verify", "mlp-64-32-16-10.vk", "sample.proof", "--publisher", "bad.pem"]),
        ("bad.zkc", vec!["inspect", "bad.zkc"]),
        ("bad.vk", vec!["inspect", "bad.vk"]),
        ("bad.seal", vec!["inspect", "bad.seal"]),
        ("bad.opening", vec!["inspect", "bad.opening"]),
        ("bad.proof", vec!["inspect", "bad.proof"]),
        ("bad.json", vec!["inspect", "bad.json"]),
        // What lies beside is read without being named.
        ("copy.opening", vec!["prove", "copy.zkc", "sample.npy", "--force"]),
        ("copy.seal", vec!["verify", "copy.vk", "sample.proof"]),
        ("copy.seal", [&["publish", "copy.zkc"], &publish[..]].concat()),
        ("copy.json", vec!["verify", "copy.vk", "mlp-64-32-16-10.seal", "sample.proof"]),
    ]
}

/// A proven network, and a copy of its files for those that lie beside others.
fn desk() -> Desk {
    let desk = Desk::proven();
    for ending in ["zkc", "vk"] {
        fs::copy(desk.path(&format!("{NAME}.{ending}")), desk.path(&format!("copy.{ending}")))
            .expect("a copy");
    }
    desk
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read_and_none_is_waited_for() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let desk = desk();
    for (file, arguments) in readers() {
        let path = desk.path(file);
        let refused = |what: &str| {
            let output = desk.soon(&mut desk.command(&arguments));
            let message = message(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
            assert!(message.contains(file) && message.contains(what), "{arguments:?}: {message}");
        };
        desk.pipe(file);
        refused("a named pipe");
        fs::remove_file(&path).expect("a pipe");
        symlink("/dev/zero", &path).expect("a link");
        refused("a device");
        fs::remove_file(&path).expect("a link");
        let socket = UnixListener::bind(&path).expect("a socket");
        refused("a socket");
        drop(socket);
        fs::remove_file(&path).expect("a socket");
        fs::create_dir(&path).expect("a directory");
        refused("a directory");
        fs::remove_dir(&path).expect("a directory");
    }
    fs::remove_file(desk.path("copy.vk")).expect("the copy");
    // Keys that are looked through for the right one.
    desk.pipe("a.vk");
    symlink("/dev/zero", desk.path("b.vk")).expect("a link");
    assert_eq!(desk.soon(&mut desk.command(&["verify", "sample.proof"])).status.code(), Some(0));
}

#[test]
fn files_that_are_too_long_are_refused_by_their_length() {
    let desk = desk();
    for (file, arguments) in readers() {
        let magic: &[u8] = match file.rsplit('.').next() {
            Some("zkc") => b"zkinf.zc",
            Some("opening") => b"zkinf.op",
            Some("proof") => b"zkinf.pf",
            Some("vk") => b"zkinf.vk",
            Some("seal") => b"zkinf.sl",
            _ => b"{ \"a\": 1",
        };
        fs::write(desk.path(file), magic).expect("a file");
        let long = fs::File::options().write(true).open(desk.path(file)).expect("a file");
        long.set_len(200 << 30).expect("a file with a hole");
        let output = desk.soon(&mut desk.command(&arguments));
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.contains(file) && message.contains("214748364800 bytes"),
            "{arguments:?}: {message}"
        );
        fs::remove_file(desk.path(file)).expect("a file");
    }
}

#[test]
fn a_result_has_the_name_that_was_asked_for() {
    let desk = Desk::compiled();
    let prove =
        |output: &str| desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "sample.npy", "-o", output]);
    prove("x.v1.0");
    prove("y.v1.0.proof");
    fs::copy(desk.path("sample.npy"), desk.path("z.v1.0.npy")).expect("a copy");
    desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "z.v1.0.npy"]);
    desk.succeed(&["keygen", "john.doe"]);
    desk.succeed(&[
        "publish",
        "mlp-64-32-16-10.zkc",
        "--model-version",
        "1",
        "--licence",
        "MIT",
        "-o",
        "mlp.v1.0",
    ]);
    desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,1", "-o", "net.v1.0"]);
    // What belongs to it is found by the same rule.
    desk.succeed(&["prove", "net.v1.0.zkc", "sample.npy", "-o", "w.v1.0"]);
    desk.succeed(&["verify", "net.v1.0.vk", "w.v1.0.proof", "--json"]);
    for name in [
        "x.v1.0.proof",
        "y.v1.0.proof",
        "z.v1.0.proof",
        "john.doe.pem",
        "john.doe.pub.pem",
        "mlp.v1.0.json",
    ] {
        assert!(desk.path(name).is_file(), "{name}");
    }
    desk.refuse(
        &["prove", "mlp-64-32-16-10.zkc", "sample.npy", "-o", "nowhere/"],
        &["nowhere/", "no such directory"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn one_result_may_go_to_a_device_and_several_may_not() {
    let desk = Desk::compiled();
    let prove = ["prove", "mlp-64-32-16-10.zkc", "sample.npy", "-o"];
    desk.succeed(&[&prove[..], &["/dev/null"]].concat());
    assert!(!std::path::Path::new("/dev/null.proof").exists());
    let output = desk.run(&[&prove[..], &["/dev/full"]].concat());
    assert!(
        output.status.code() == Some(2) && message(&output).contains("/dev/full"),
        "{}",
        message(&output)
    );
    desk.pipe("pipe");
    let pipe = desk.path("pipe");
    let reader = std::thread::spawn(move || fs::read(pipe).expect("what is written"));
    desk.succeed(&[&prove[..], &["pipe"]].concat());
    fs::write(desk.path("piped.proof"), reader.join().expect("a proof")).expect("a file");
    desk.succeed(&["verify", "mlp-64-32-16-10.vk", "piped.proof"]);
    for arguments in [
        &["compile", "mlp-64-32-16-10.onnx", "--calibration", "calibration.npz"][..],
        &["seal", "mlp-64-32-16-10.zkc"],
        &["keygen", "me"],
    ] {
        desk.refuse(
            &[arguments, &["--force", "-o", "/dev/null"]].concat(),
            &["/dev/null", "a device", "files"],
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_not_replaced_unless_asked_for_and_then_not_what_it_points_to() {
    use std::os::unix::fs::symlink;
    let desk = Desk::compiled();
    symlink("nothing", desk.path("nothing.proof")).expect("a link");
    fs::write(desk.path("precious"), b"precious").expect("a file");
    symlink("precious", desk.path("something.proof")).expect("a link");
    for (name, what) in [("nothing", "a symbolic link to nothing"), ("something", "already exists")]
    {
        let prove = ["prove", "mlp-64-32-16-10.zkc", "sample.npy", "-o", name];
        let link = desk.path(&format!("{name}.proof"));
        desk.refuse(&prove, &[&format!("{name}.proof"), what, "--force"]);
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        desk.succeed(&[&prove[..], &["--force"]].concat());
        assert!(fs::symlink_metadata(&link).expect("a file").is_file());
    }
    assert!(!desk.path("nothing").exists());
    assert_eq!(fs::read(desk.path("precious")).expect("a file"), b"precious");
}

/// Starts a command ten times at once.
fn ten(desk: &Desk, arguments: &[&str]) -> Vec<Output> {
    let start = || {
        desk.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs")
    };
    let running: Vec<_> = (0..10).map(|_| start()).collect();
    running.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect()
}

#[test]
fn of_ten_at_once_one_writes_and_the_others_say_that_it_is_there() {
    let desk = Desk::compiled();
    let compile = ["compile", "mlp-64-32-16-10.onnx", "--input-range", "0,1", "-o", "same"];
    for arguments in
        [&["prove", "mlp-64-32-16-10.zkc", "sample.npy"][..], &["keygen", "me"], &compile]
    {
        let outputs = ten(&desk, arguments);
        let (done, refused): (Vec<_>, Vec<_>) =
            outputs.iter().partition(|output| output.status.success());
        assert_eq!((done.len(), refused.len()), (1, 9), "{arguments:?}");
        for output in refused {
            let message = message(output);
            assert!(
                output.status.code() == Some(2) && message.contains("already exists"),
                "{arguments:?}: {message}"
            );
        }
    }
    // Told to overwrite, each replaces the whole set of another.
    assert!(ten(&desk, &["keygen", "me", "--force"]).iter().all(|output| output.status.success()));
    assert!(
        ten(&desk, &[&compile[..], &["--force"]].concat())
            .iter()
            .all(|output| output.status.success())
    );
    let publish =
        ["publish", "same.zkc", "--model-version", "1", "--licence", "MIT", "--publisher", "Me"];
    desk.succeed(&[&publish[..], &["--sign", "me.pem"]].concat());
    desk.succeed(&["prove", "same.zkc", "sample.npy", "-o", "same.proof"]);
    desk.succeed(&["verify", "same.vk", "same.proof", "--publisher", "me.pub.pem"]);
}

#[test]
fn what_a_killed_run_left_is_gone_after_the_next_start() {
    let desk = Desk::compiled();
    fs::create_dir(desk.path("out")).expect("a directory");
    for directory in ["", "out/"] {
        for arguments in [
            &[
                "prove",
                "mlp-64-32-16-10.zkc",
                "sample.npy",
                "--force",
                "-o",
                &format!("{directory}p"),
            ][..],
            &["keygen", "me", "--force", "-o", &format!("{directory}me")],
        ] {
            let left = desk.path(&format!("{directory}.zkinfer-AbCdEf.tmp"));
            fs::write(&left, b"half a file").expect("a file");
            desk.succeed(arguments);
            assert!(!left.exists(), "{arguments:?}");
        }
    }
    assert!(
        fs::read_dir(desk.path("out")).expect("a directory").count() == 3,
        "p.proof, me.pem, me.pub.pem"
    );
}
