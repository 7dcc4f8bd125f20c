//! What people see: lines, warnings and JSON, progress while something takes long, units, tables, a
//! digit as a picture.
//!
//! Everything goes out through here, and every text that is not ours through [`crate::foreign`].

use std::cell::Cell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use cpu_time::ProcessTime;
use indicatif::{ProgressBar, ProgressStyle};
use zkinfer::files::set::Note;
use zkinfer::foreign;
use zkinfer::models::parallel::Watch;

use crate::story::story;

/// What went wrong first on standard output. Nothing is written after it: half a line in the middle
/// would mislead.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints one line on standard output: a line break in it is escaped.
pub fn print(line: std::fmt::Arguments<'_>) {
    put(|out| writeln!(out, "{}", foreign::harmless(&line.to_string())));
}

/// Prints a part of a line on standard output, at once.
pub fn print_part(part: &str) {
    put(|out| {
        write!(out, "{}", foreign::harmless(part))?;
        out.flush()
    });
}

/// Prints bytes of our own on standard output as they are.
pub fn print_bytes(bytes: &[u8]) {
    put(|out| out.write_all(bytes));
}

fn put(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.is_none() {
        *failed = write(&mut io::stdout().lock()).err();
    }
}

/// Writes out what is still held back, and says what went wrong on standard output since the start.
/// A reader that stopped reading (`| head`) is no failure of ours: the work goes on, and so does
/// the exit code.
pub fn finish() -> Result<(), io::Error> {
    put(Write::flush);
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// [`print`] with formatting.
macro_rules! say {
    ($($argument:tt)*) => { $crate::screen::print(format_args!($($argument)*)) };
}
pub(crate) use say;

/// Prints a line on standard error: what to know, though the work goes on.
pub fn warn(warning: impl std::fmt::Display) {
    aside("warning", &warning.to_string());
}

/// The same for what is no reason to worry.
pub fn note(note: impl std::fmt::Display) {
    aside("note", &note.to_string());
}

/// The same for what is said of other runs, one way or the other.
pub fn tell(other: &Note) {
    if other.is_open() { warn(other) } else { note(other) }
}

/// Prints the line on standard error that a command ends with.
pub fn error(error: &anyhow::Error) {
    let story = story(error);
    let mut lines = story.lines();
    aside("error", lines.next().unwrap_or_default());
    // Indented, so that none of them looks like a message of its own.
    lines.for_each(|line| _ = writeln!(io::stderr(), "  {}", foreign::harmless(line.trim())));
}

/// If even standard error cannot be written, there is nobody left to tell.
fn aside(kind: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{kind}: {}", foreign::harmless(text));
}

/// Prints one JSON value. JSON itself lets format characters through, and bytes that terminals
/// obey.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let json = foreign::ascii_json(&serde_json::to_string_pretty(value)?);
    put(|out| writeln!(out, "{json}"));
    Ok(())
}

/// A spinner on standard error that names the stage; nothing when standard error is no terminal.
pub struct Progress {
    bar: Option<ProgressBar>,
    stage: Arc<Mutex<String>>,
}

impl Progress {
    /// Starts with a first stage.
    pub fn new(stage: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
            let bar = ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_message(stage.to_owned());
            // The bar's own ticker panics where no thread can be started; without one it stands
            // still, no more.
            let ticking = bar.clone();
            let tick = move || {
                while !ticking.is_finished() {
                    ticking.tick();
                    std::thread::sleep(Duration::from_millis(100));
                }
            };
            let _ = std::thread::Builder::new().spawn(tick);
            bar
        });
        Self { bar, stage: Arc::new(Mutex::new(stage.to_owned())) }
    }

    /// Says how many samples of how many the stage is through with, whoever runs them.
    pub fn watch(&self) -> Watch {
        let Some(bar) = self.bar.clone() else {
            return Watch::default();
        };
        let stage = self.stage.clone();
        Watch::new(move |done, of| {
            let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
            bar.set_message(format!("{stage}: {done} of {of} samples"));
        })
    }

    /// Says how many range proofs of how many there are.
    pub fn parts(&self) -> impl Fn(usize, usize) + use<> {
        let (bar, stage) = (self.bar.clone(), self.stage.clone());
        move |done, of| {
            let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bar) = &bar {
                bar.set_message(format!("{stage}: {done} of {of} range proofs"));
            }
        }
    }

    /// Names the next stage.
    pub fn stage(&self, stage: &str) {
        stage.clone_into(&mut self.stage.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(bar) = &self.bar {
            bar.set_message(stage.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What a stage took.
#[derive(Clone, Copy, Debug)]
pub struct Lap {
    /// What people call the stage.
    pub name: &'static str,
    /// Seconds of wall time.
    pub wall: f64,
    /// Seconds of processor time, all threads together.
    pub cpu: f64,
}

/// Measures stages that follow one another; one that is entered again is continued.
pub struct Stages {
    laps: std::cell::RefCell<Vec<Lap>>,
    current: Cell<Option<(&'static str, Instant, ProcessTime)>>,
}

impl Stages {
    /// Begins with a first stage.
    pub fn new(name: &'static str) -> Self {
        let stages = Self { laps: std::cell::RefCell::default(), current: Cell::new(None) };
        stages.enter(name);
        stages
    }

    /// Ends the current stage and begins another.
    pub fn enter(&self, name: &'static str) {
        self.finish();
        self.current.set(Some((name, Instant::now(), ProcessTime::now())));
    }

    /// Ends the current stage; what each took, in order.
    pub fn finish(&self) -> Vec<Lap> {
        let mut laps = self.laps.borrow_mut();
        if let Some((name, wall, cpu)) = self.current.take() {
            let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
            match laps.iter_mut().find(|lap| lap.name == name) {
                Some(lap) => (lap.wall, lap.cpu) = (lap.wall + wall, lap.cpu + cpu),
                None => laps.push(Lap { name, wall, cpu }),
            }
        }
        laps.clone()
    }
}

/// A table without frames.
pub struct Rows(Table);

/// An empty table.
pub fn table(header: &[&str]) -> Rows {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    Rows(table)
}

impl Rows {
    /// Adds a row: one line, whatever its cells hold.
    pub fn add_row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| foreign::harmless(&cell)));
    }

    /// Prints the table.
    pub fn print(&self) {
        self.0.lines().for_each(|line| say!("{line}"));
    }
}

/// `12,345 bytes` as people say it.
pub fn bytes(count: usize) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// Seconds with a sensible unit.
pub fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// A grey-scale picture, two pixels a character: dark for low, bright for high. Values are scaled
/// to their range.
pub fn picture(pixels: &[f32], width: usize) -> String {
    const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
    let (low, high) =
        pixels.iter().fold((f32::MAX, f32::MIN), |(low, high), &p| (low.min(p), high.max(p)));
    let shade = |pixel: f32| {
        let level = (pixel - low) / (high - low).max(f32::EPSILON) * (SHADES.len() - 1) as f32;
        SHADES[(level.round() as usize).min(SHADES.len() - 1)]
    };
    // A character is about twice as high as wide: take every other line.
    let lines = pixels.chunks(width.max(1)).step_by(if width > 16 { 2 } else { 1 });
    let repeat = if width > 16 { 1 } else { 2 };
    let line = |line: &[f32]| {
        line.iter().flat_map(|&p| std::iter::repeat_n(shade(p), repeat)).collect::<String>()
    };
    lines.map(line).map(|line| format!("    {}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(bytes(2048), "2048 B");
        assert_eq!(bytes(179_198), "179.2 kB");
        assert_eq!(seconds(0.0421), "42 ms");
        assert_eq!(seconds(2.5), "2.50 s");
    }

    #[test]
    fn pictures_are_scaled_and_keep_their_shape() {
        assert_eq!(picture(&[0.0, 1.0, 1.0, 0.5], 2), "      @@\n    @@++\n");
        assert_eq!(picture(&[3.0; 4], 2), "\n\n".replace('\n', "    \n"));
    }
}
