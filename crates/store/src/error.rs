//! What can go wrong with the database.

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is of no engine we know.
    #[error("not a database address (sqlite:PATH or postgres://…)")]
    Address,
    /// A newer version of the portal has used this database.
    #[error("the database is from a newer version of MyKSC (migration {0})")]
    NewerDatabase(i64),
    /// The migrations did not run.
    #[error("the database could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A row holds what this version can't read.
    #[error("a row of table {table} can't be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What the reader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine refused or did not answer.
    #[error("the database did not answer as it should")]
    Engine(#[from] sqlx::Error),
}

impl StoreError {
    /// A row of `table` that can't be read.
    pub fn corrupt(table: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt { table, source: source.into() }
    }

    /// Whether a unique index refused the row: somebody else holds that name or key.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Engine(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl From<StoreError> for myksc_core::Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Engine(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed) => {
                Self::Unavailable { code: "database_away", detail: "the database does not answer".to_owned() }
            }
            other => Self::internal(other),
        }
    }
}
