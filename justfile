# The commands people use, for https://just.systems; nothing else needs it.

_list:
    @just --list

# Formatting, lints, docs, links, spelling, licences, unit tests, known answers: minutes
check:
    .ci/run quick

# All tests, or those of one file: `just test known`
test file="":
    cargo test --workspace --release {{ if file == "" { "" } else { "--test " + file } }}

# What must hold before a change lands
ci:
    .ci/run

# A model sealed, an answer proven and verified, two forgeries rejected
demo:
    cargo run --release -- demo

# One benchmark, all of them without a name; benches/README.md has the scripts behind the figures
bench name="":
    cargo bench {{ if name == "" { "" } else { "--bench " + name } }}

# Writes the known-answer files again; refuses where a version should have been raised
known:
    cargo test --release --test known -- --ignored write_the_known_answer_files_again

# The book, and the crates' documentation
docs:
    mdbook build docs
    cargo doc --workspace --no-deps
