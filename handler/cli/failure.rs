//! How a command fails: exit code and text. Must not know what any command does.

use std::process::ExitCode;

use crate::application::{ApplicationError, BackgroundDied};
use crate::causes;
use crate::comparison::ComparisonError;
use crate::config::ConfigError;
use crate::dev::process::Misconfigured;
use crate::domain::arm::Arm;
use crate::http::server::BindError;

/// Why a command ended without doing what it was asked; the text is one line unless the configuration has several mistakes.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The environment is wrong: exit code 64 (EX_USAGE of sysexits.h).
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A role of the development system refuses the environment: exit code 64 too.
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
    /// What was asked for is wrong: exit code 2.
    #[error("{0}")]
    Input(String),
    /// It failed on the way: exit code 1.
    #[error("{0}")]
    Operation(String),
    /// The report recommends neither arm, and was to: exit code 3.
    #[error("no recommendation stands: {0}")]
    NoRecommendation(String),
    /// The report recommends another arm than was expected: exit code 4.
    #[error("the report recommends {0}, not the arm that was expected")]
    OtherArm(Arm),
}

impl Failure {
    /// What was asked for is wrong.
    pub fn input(reason: impl Into<String>) -> Self {
        Failure::Input(reason.into())
    }

    /// A failure on the way; the text holds the whole chain of causes.
    pub fn operation(error: &dyn std::error::Error) -> Self {
        Failure::Operation(causes::chain(error))
    }

    /// Prints the failure on standard error.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        eprintln!("switchback: {self}");
        ExitCode::from(match self {
            Failure::Config(_) | Failure::Misconfigured(_) => 64,
            Failure::Input(_) => 2,
            Failure::Operation(_) => 1,
            Failure::NoRecommendation(_) => 3,
            Failure::OtherArm(_) => 4,
        })
    }
}

impl From<ComparisonError> for Failure {
    fn from(error: ComparisonError) -> Self {
        match error {
            ComparisonError::NoSuchRun(_) | ComparisonError::SeedUnknown(_) => Failure::input(error.to_string()),
            error => Failure::operation(&error),
        }
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        Failure::operation(&error)
    }
}

impl From<ApplicationError> for Failure {
    fn from(error: ApplicationError) -> Self {
        Failure::operation(&error)
    }
}

impl From<BackgroundDied> for Failure {
    fn from(error: BackgroundDied) -> Self {
        Failure::operation(&error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::operation(&error)
    }
}
