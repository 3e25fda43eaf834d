//! The `drillmaster` command. All of it is in the library.

fn main() -> std::process::ExitCode {
    drillmaster::cli::main()
}
