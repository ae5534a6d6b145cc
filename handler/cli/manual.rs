//! What shells and readers of manuals want of the command line: completions, and pages for man. Must not know any command.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;

/// Completions of a shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// The manual.
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this folder instead of printing the program's own
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Completions {
    pub fn print(&self, mut program: Command) {
        let name = program.get_name().to_owned();
        clap_complete::generate(self.shell, &mut program, name, &mut std::io::stdout());
    }
}

impl Man {
    pub fn write(&self, program: Command) -> Result<(), Failure> {
        match &self.dir {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Ok(clap_mangen::generate_to(program, folder)?)
            }
            None => Ok(clap_mangen::Man::new(program).render(&mut std::io::stdout())?),
        }
    }
}
