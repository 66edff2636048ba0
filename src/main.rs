//! Parses the command line, runs the command, becomes its exit code.

fn main() -> std::process::ExitCode {
    mqctl::main()
}
