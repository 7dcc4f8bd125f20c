//! What each stage of a proof took, beside what the cost model predicts.

use serde::Serialize;
use zkinfer::{Circuit, Stage};

use crate::screen::{Lap, say, seconds, table};

/// A measured proof.
#[derive(Debug, Serialize)]
pub struct Profile {
    stages: Vec<Row>,
    /// Of all stages.
    cpu_seconds: f64,
    wall_seconds: f64,
    predicted_seconds: f64,
    /// Cells of the circuit.
    cells: usize,
    /// The whole proof over committing to its cells alone, in CPU-seconds: the distance to the
    /// limit.
    commit_ratio: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    cpu_seconds: f64,
    wall_seconds: f64,
    predicted_seconds: f64,
}

impl Profile {
    /// Of the stages of one proof.
    pub fn new(circuit: &Circuit, laps: Vec<Lap>) -> Self {
        let prediction = circuit.prediction();
        let predicted = |name: &str| {
            let stage = prediction.stages.iter().find(|(stage, _)| stage.name() == name);
            stage.map_or(0.0, |(_, seconds)| *seconds)
        };
        let row = |lap: Lap| Row {
            name: lap.name,
            cpu_seconds: lap.cpu,
            wall_seconds: lap.wall,
            predicted_seconds: predicted(lap.name),
        };
        let stages: Vec<Row> = laps.into_iter().map(row).collect();
        let sum = |of: fn(&Row) -> f64| stages.iter().map(of).sum::<f64>();
        let cpu_seconds = sum(|row| row.cpu_seconds);
        let commit = stages
            .iter()
            .find(|row| row.name == Stage::Cells.name())
            .map_or(0.0, |row| row.cpu_seconds);
        Self {
            cpu_seconds,
            wall_seconds: sum(|row| row.wall_seconds),
            predicted_seconds: sum(|row| row.predicted_seconds),
            cells: circuit.cells(),
            commit_ratio: cpu_seconds / commit,
            stages,
        }
    }

    /// Prints a table.
    pub fn print(&self) {
        let mut rows =
            table(&["\nstage", "\nCPU time", "\nwall time", "\npredicted", "\nns a cell"]);
        let mut add = |name: &str, cpu: f64, wall: f64, predicted: f64| {
            let per_cell = format!("{:.0}", cpu * 1e9 / self.cells.max(1) as f64);
            rows.add_row([
                name.to_owned(),
                seconds(cpu),
                seconds(wall),
                seconds(predicted),
                per_cell,
            ]);
        };
        for Row { name, cpu_seconds, wall_seconds, predicted_seconds } in &self.stages {
            add(name, *cpu_seconds, *wall_seconds, *predicted_seconds);
        }
        add("all", self.cpu_seconds, self.wall_seconds, self.predicted_seconds);
        rows.print();
        say!(
            "{} cells; {:.1} times the cost of committing to them alone",
            self.cells,
            self.commit_ratio
        );
    }
}
