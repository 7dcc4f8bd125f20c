//! What becomes of a command whose output nobody takes, and of one that gets no threads: an exit
//! code that says so, never a panic.

mod desk;

use std::fs::File;
use std::process::{Command, Output, Stdio};

use desk::Desk;

/// Runs with a standard output whose reader has gone.
fn unread(mut command: Command) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).output().expect("the binary runs")
}

fn message(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn a_reader_that_stops_reading_changes_no_exit_code() {
    let desk = Desk::proven();
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["inspect", "mlp-64-32-16-10.vk"],
        &["verify", "sample.proof"],
        &["verify", "sample.proof", "--json"],
    ] {
        let output = unread(desk.command(arguments));
        assert_eq!(
            (output.status.code(), message(&output).as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
    std::fs::write(desk.path("forged.proof"), b"forged").expect("a file");
    assert_eq!(
        unread(desk.command(&["verify", "mlp-64-32-16-10.vk", "forged.proof"])).status.code(),
        Some(1)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full =
        || File::options().write(true).open("/dev/full").expect("a device that is always full");
    let desk = Desk::proven();
    std::fs::write(desk.path("forged.proof"), b"forged").expect("a file");
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["--version"],
        &["verify", "--help"],
        &["inspect", "mlp-64-32-16-10.zkc"],
        &["inspect", "sample.proof", "--json"],
        &["run", "mlp-64-32-16-10.zkc", "sample.npy"],
        &["evaluate", "mlp-64-32-16-10.onnx", "test.npz"],
        &["prove", "mlp-64-32-16-10.zkc", "sample.npy", "--force"],
        &["verify", "sample.proof"],
        &["verify", "sample.proof", "--json"],
        // The verdict is not that it was verified, nor could it be said what it is.
        &["verify", "mlp-64-32-16-10.vk", "forged.proof", "--json"],
        &["keygen", "me"],
        &["urs", "--json"],
        &["urs", "7"],
    ] {
        let output = desk
            .command(arguments)
            .stdout(full())
            .stderr(Stdio::piped())
            .output()
            .expect("the binary runs");
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.starts_with("error: standard output: "), "{arguments:?}: {message}");
    }
    // Nor does what cannot be said on standard error change what happened.
    let warned =
        desk.command(&["compile", "mlp-64-32-16-10.onnx", "-o", "warned"]).stderr(full()).output();
    assert_eq!(warned.expect("the binary runs").status.code(), Some(0));
    let refused = desk.command(&["inspect", "missing"]).stderr(full()).output();
    assert_eq!(refused.expect("the binary runs").status.code(), Some(2));
}

/// As another user than the system's, whom no limit holds, and with a copy of the binary that this
/// user may run.
#[cfg(target_os = "linux")]
#[test]
fn the_work_is_done_by_as_many_threads_as_there_are() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 61_357;

    let directory = tempfile::tempdir().expect("a temporary directory");
    let everybody = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))
            .expect("permissions");
    };
    everybody(directory.path());
    let binary = directory.path().join("zkinfer");
    std::fs::copy(env!("CARGO_BIN_EXE_zkinfer"), &binary).expect("a copy");
    everybody(&binary);
    // Somebody who runs other processes already is granted none in any case.
    let system = std::fs::metadata(directory.path()).expect("a directory").uid() == 0;
    for (limit, warning) in
        [(1, "0 of 4 threads"), (3, if system { "2 of 4 threads" } else { "0 of 4 threads" })]
    {
        // The option has two names.
        let script = format!(
            "if (ulimit -u 9) 2>&-; then ulimit -u {limit}; else ulimit -p {limit}; fi; exec \
            \"$0\" urs 7"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(&binary);
        command
            .env("ZKINFER_CACHE", directory.path().join(limit.to_string()))
            .env("RAYON_NUM_THREADS", "4");
        if system {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().expect("the binary runs");
        let message = message(&output);
        assert_eq!(output.status.code(), Some(0), "{message}");
        assert!(message.contains(warning), "{message}");
        assert!(directory.path().join(limit.to_string()).join("generators-7.bin").is_file());
    }
}
