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

impl StoreError {
    /// Whether the database does not answer, or not now: another attempt may well succeed.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(error)) => is_away(&**error),
            Self::Engine(error) => matches!(
                error,
                sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::WorkerCrashed
            ),
            _ => false,
        }
    }
}

impl From<StoreError> for myksc_core::Error {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.is_away() => {
                tracing::debug!(%error, "the database does not answer");
                Self::Unavailable { code: "database_away", detail: "the database does not answer".to_owned() }
            }
            StoreError::Engine(sqlx::Error::Database(error)) if is_out_of_space(&*error) => {
                tracing::error!(%error, "the database can't be written");
                Self::Unavailable { code: "disk_full", detail: "the portal's disk is full".to_owned() }
            }
            other => Self::internal(other),
        }
    }
}

/// SQLSTATE of PostgreSQL: class 08 (connections), 57P01 to 57P03 (it stops, has stopped, or starts), 53300 (too many
/// connections), 25006 (a standby that only reads). SQLite, by primary result code: BUSY, IOERR, CANTOPEN.
fn is_away(error: &dyn sqlx::error::DatabaseError) -> bool {
    const BUSY: u32 = 5;
    const IOERR: u32 = 10;
    const CANTOPEN: u32 = 14;
    let code = error.code().unwrap_or_default();
    if code.len() == 5 {
        return code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03" | "53300" | "25006");
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, BUSY | IOERR | CANTOPEN))
}

/// `SQLITE_FULL`, and SQLSTATE `53100` of PostgreSQL.
fn is_out_of_space(error: &dyn sqlx::error::DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("13" | "53100"))
}
