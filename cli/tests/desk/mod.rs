//! A user's desk: a directory with a network's files, where commands run.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

const NETWORK: &str = "mlp-64-32-16-10";

/// A directory with the smallest network's files, and a parameter cache shared by all tests of this
/// build.
pub struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(NETWORK)
    }

    /// The same with another network's files.
    pub fn with(network: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo").join(network);
        for file in [&format!("{network}.onnx"), "calibration.npz", "test.npz", "sample.npy"] {
            fs::copy(zoo.join(file), directory.path().join(file)).expect("a file of the zoo");
        }
        Self { directory }
    }

    pub fn compiled() -> Self {
        let desk = Self::new();
        desk.succeed(&["compile", "mlp-64-32-16-10.onnx", "--calibration", "calibration.npz"]);
        desk
    }

    pub fn proven() -> Self {
        let desk = Self::compiled();
        desk.succeed(&["prove", "mlp-64-32-16-10.zkc", "sample.npy"]);
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// A command that has not been started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkinfer"));
        command.args(arguments).current_dir(self.directory.path());
        command.env("ZKINFER_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("parameters"));
        command
    }

    /// Runs what must not hang: it is killed after a minute, which fails.
    pub fn soon(&self, command: &mut Command) -> Output {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        for _ in 0..6000 {
            if child.try_wait().expect("a child").is_some() {
                return child.wait_with_output().expect("its output");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().expect("a child");
        panic!("{command:?} does not end");
    }

    /// Makes a named pipe to which nobody writes.
    pub fn pipe(&self, name: &str) {
        assert!(
            Command::new("mkfifo").arg(self.path(name)).status().expect("mkfifo runs").success()
        );
    }

    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(&[arguments, &["--json"]].concat()))
            .expect("one JSON value")
    }

    /// Expects exit code 2, one line that holds every `expected` part, and no new file.
    pub fn refuse(&self, arguments: &[&str], expected: &[&str]) {
        let before = self.files();
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        for part in expected {
            assert!(message.contains(part), "{arguments:?}: {part:?} is not in {message:?}");
        }
        assert_eq!(message.trim_end().lines().count(), 1, "{arguments:?}: {message}");
        assert_eq!(self.files(), before, "{arguments:?}: files were left behind");
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory.path()).expect("a directory");
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }
}
