//! The schedule of the argument against the table that derives it.

use zkinfer_verifier::argument::schedule::{Sizes, Step};

/// The steps of a proof with two rounds, everything else once.
fn steps() -> Vec<Step> {
    let one = 1;
    let [cells, multiplicities, factors, multiplied, helpers, lookups] = [one; 6];
    Sizes { cells, multiplicities, factors, multiplied, helpers, lookups, rounds: 2 }.steps()
}

#[test]
fn the_table_in_the_docs_draws_the_challenges_in_the_schedules_order() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/argument/overview.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells
    });
    let rows = rows.skip_while(|cells| cells.first() != Some(&"round")).skip(1);
    let rows = rows.take_while(|cells| cells.len() == 3);
    let drawn: Vec<String> = rows
        .flat_map(|cells| {
            let spelled = cells[2].split('`').skip(1).step_by(2).flat_map(|code| code.split(", "));
            spelled.map(|letter| letter.trim_end_matches("_i").to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let mut scheduled: Vec<String> = Vec::new();
    for step in steps() {
        if let Step::Drawn(letter) = step {
            scheduled.push(letter.to_owned());
        }
    }
    // Rounds are one row of the table.
    scheduled.dedup();
    assert_eq!(drawn, scheduled);
}

#[test]
fn rounds_send_before_they_draw_and_nothing_is_sent_after_the_last_challenge_but_scalars() {
    let steps = steps();
    let sent = steps.iter().filter(|step| matches!(step, Step::Sent(..))).count();
    // Seventeen parts; a message of the row sum for each of two rounds, and two sides.
    assert_eq!(sent, 17 - 2 + 2 + 4);
    for letter in ["r", "u"] {
        let places = steps.iter().enumerate().filter(|(_, step)| **step == Step::Drawn(letter));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        assert_eq!(places.len(), 2, "{letter}");
        for place in places {
            assert!(matches!(steps[place - 1], Step::Sent(_, 1)), "{letter}");
        }
    }
    assert!(matches!(steps.last(), Some(Step::Sent(part, 2)) if part.is_scalars()));
}
