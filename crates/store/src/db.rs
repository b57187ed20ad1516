//! Opening, reading and writing, for both engines.
//!
//! Statements are the same text on both engines, with `$1` placeholders. A table's file takes a [`Reader`] or
//! a [`Tx`] and runs them by the macros [`fetch_all!`], [`fetch_optional!`] and [`execute!`]:
//!
//! ```ignore
//! let mut reader = self.reader().await?;
//! let rows = fetch_all!(reader, Row, "SELECT id, name FROM users WHERE uid = $1", i64::from(uid))?;
//! let mut tx = self.begin().await?;
//! execute!(tx, "DELETE FROM users WHERE id = $1", id.as_str())?;
//! tx.commit().await?;
//! ```

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Postgres, Sqlite, Transaction};
use tokio::sync::watch;

use crate::error::StoreError;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a call waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The portal's database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    changed: watch::Sender<i64>,
}

enum Engine {
    /// One connection writes, so that writers queue in the pool instead of failing as busy; several read.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// A connection for reading.
pub enum Reader {
    #[doc(hidden)]
    Sqlite(PoolConnection<Sqlite>),
    #[doc(hidden)]
    Postgres(PoolConnection<Postgres>),
}

/// A transaction for writing; dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx {
    transaction: Transactions,
    revision: Option<i64>,
    store: Store,
}

enum Transactions {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What the statement macros run on.
pub(crate) enum Target<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Store {
    /// Opens `sqlite:PATH` (made if it is not there) or `postgres://…` and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NewerDatabase`] when a newer version has used it, else what the engine says.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let engine = if let Some(path) = address.strip_prefix("sqlite:") {
            open_sqlite(path).await?
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            open_postgres(address).await?
        } else {
            return Err(StoreError::Address);
        };
        let (changed, _) = watch::channel(0);
        let store = Self { inner: Arc::new(Inner { engine, changed }) };
        let revision = store.revision().await?;
        store.inner.changed.send_replace(revision);
        Ok(store)
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        match self.inner.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// When none comes free in time.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        Ok(match &self.inner.engine {
            Engine::Sqlite { read, .. } => Reader::Sqlite(read.acquire().await?),
            Engine::Postgres(pool) => Reader::Postgres(pool.acquire().await?),
        })
    }

    /// A transaction for writing.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let transaction = match &self.inner.engine {
            // IMMEDIATE: a transaction that first reads must not find at its first write that another won.
            Engine::Sqlite { write, .. } => Transactions::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Engine::Postgres(pool) => Transactions::Postgres(pool.begin().await?),
        };
        Ok(Tx { transaction, revision: None, store: self.clone() })
    }

    /// The last revision that was given out.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn revision(&self) -> Result<i64, StoreError> {
        let mut reader = self.reader().await?;
        let row = fetch_optional!(reader, (i64,), "SELECT value FROM revision WHERE id = 1")?;
        Ok(row.map_or(0, |(value,)| value))
    }

    /// Wakes its holder when rows with a newer revision are committed; holds the newest one.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.inner.changed.subscribe()
    }

    /// Wakes the subscribers of this process when another one has committed a newer revision.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn look_for_changes(&self) -> Result<(), StoreError> {
        self.announce(self.revision().await?);
        Ok(())
    }

    /// Closes every connection; calls that come later fail.
    pub async fn close(&self) {
        match &self.inner.engine {
            Engine::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }

    fn announce(&self, revision: i64) {
        self.inner.changed.send_if_modified(|newest| {
            let newer = revision > *newest;
            *newest = revision.max(*newest);
            newer
        });
    }
}

impl Reader {
    pub(crate) fn target(&mut self) -> Target<'_> {
        match self {
            Self::Sqlite(connection) => Target::Sqlite(connection),
            Self::Postgres(connection) => Target::Postgres(connection),
        }
    }
}

impl Tx {
    pub(crate) fn target(&mut self) -> Target<'_> {
        match &mut self.transaction {
            Transactions::Sqlite(transaction) => Target::Sqlite(transaction),
            Transactions::Postgres(transaction) => Target::Postgres(transaction),
        }
    }

    /// Takes the next revision. On PostgreSQL the row stays locked until the commit, so revisions become
    /// visible in their order.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn next_revision(&mut self) -> Result<i64, StoreError> {
        let row = fetch_optional!(
            self,
            (i64,),
            "UPDATE revision SET value = value + 1 WHERE id = 1 RETURNING value"
        )?;
        let (revision,) = row.ok_or(StoreError::Engine(sqlx::Error::RowNotFound))?;
        self.revision = Some(revision);
        Ok(revision)
    }

    /// Makes it durable, and wakes the subscribers if a revision was taken.
    ///
    /// # Errors
    /// What the engine says; nothing is kept then.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.transaction {
            Transactions::Sqlite(transaction) => transaction.commit().await?,
            Transactions::Postgres(transaction) => transaction.commit().await?,
        }
        if let Some(revision) = self.revision {
            self.store.announce(revision);
        }
        Ok(())
    }
}

async fn open_sqlite(path: &str) -> Result<Engine, StoreError> {
    keep_private(Path::new(path)).map_err(sqlx::Error::Io)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An intent that was answered with 202 must outlive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // On a full disk SQLite ends a transaction by itself and the rollback fails; such a connection is of no use.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_with(options.clone())
        .await?;
    SQLITE_MIGRATIONS.run(&write).await.map_err(migrate_error)?;
    let read = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.read_only(true).create_if_missing(false))
        .await?;
    Ok(Engine::Sqlite { write, read })
}

/// Sees to it that nobody but the owner reads the database, whatever the umask and the folder's mode are. SQLite
/// gives the files that it makes beside it the same mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mode = || Permissions::from_mode(0o600);
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::metadata(&name) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => std::fs::set_permissions(&name, mode())?,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn open_postgres(address: &str) -> Result<Engine, StoreError> {
    let options = PgConnectOptions::from_str(address)?.application_name("myksc");
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await?;
    POSTGRES_MIGRATIONS.run(&pool).await.map_err(migrate_error)?;
    Ok(Engine::Postgres(pool))
}

fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
            StoreError::NewerDatabase(version)
        }
        other => StoreError::Migrate(other),
    }
}

/// Runs one statement on either engine and gives what `$method` of sqlx gives.
macro_rules! statement {
    ($connection:expr, $query:ident $(::<$row:ty>)?, $method:ident, $sql:expr $(, $bind:expr)*) => {
        match $connection.target() {
            $crate::db::Target::Sqlite(connection) => {
                sqlx::$query$(::<_, $row>)?($sql)$(.bind($bind))*.$method(connection).await
                    .map_err($crate::error::StoreError::from)
            }
            $crate::db::Target::Postgres(connection) => {
                sqlx::$query$(::<_, $row>)?($sql)$(.bind($bind))*.$method(connection).await
                    .map_err($crate::error::StoreError::from)
            }
        }
    };
}

/// All rows of a statement, each as `$row` (a tuple or `FromRow`).
macro_rules! fetch_all {
    ($connection:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::statement!($connection, query_as::<$row>, fetch_all, $sql $(, $bind)*)
    };
}

/// The first row of a statement, if there is one.
macro_rules! fetch_optional {
    ($connection:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::db::statement!($connection, query_as::<$row>, fetch_optional, $sql $(, $bind)*)
    };
}

/// Runs a statement and gives how many rows it touched.
macro_rules! execute {
    ($connection:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $connection.target() {
            $crate::db::Target::Sqlite(connection) => sqlx::query($sql)$(.bind($bind))*.execute(connection).await
                .map(|done| done.rows_affected()).map_err($crate::error::StoreError::from),
            $crate::db::Target::Postgres(connection) => sqlx::query($sql)$(.bind($bind))*.execute(connection).await
                .map(|done| done.rows_affected()).map_err($crate::error::StoreError::from),
        }
    };
}

pub(crate) use {execute, fetch_all, fetch_optional, statement};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{each_engine, reopened};

    #[tokio::test]
    async fn revisions_grow_and_wake_subscribers_on_commit_only() {
        each_engine(|store| async move {
            let mut changes = store.subscribe();
            let mut dropped = store.begin().await.unwrap();
            dropped.next_revision().await.unwrap();
            drop(dropped);
            assert!(!changes.has_changed().unwrap());
            let mut tx = store.begin().await.unwrap();
            let revision = tx.next_revision().await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(*changes.borrow_and_update(), revision);
            assert_eq!(store.revision().await.unwrap(), revision);
        })
        .await;
    }

    #[test]
    fn both_engines_have_the_same_migrations() {
        let versions =
            |migrator: &Migrator| migrator.iter().map(|migration| migration.version).collect::<Vec<_>>();
        assert_eq!(versions(&SQLITE_MIGRATIONS), versions(&POSTGRES_MIGRATIONS));
    }

    #[tokio::test]
    async fn the_files_of_a_database_are_its_owners_alone_also_those_that_were_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("자료 50%.db");
        let modes = || {
            ["", "-wal", "-shm"].map(|suffix| {
                let name = format!("{}{suffix}", path.display());
                std::fs::metadata(name).unwrap().permissions().mode() & 0o777
            })
        };
        let address = format!("sqlite:{}", path.display());
        let store = Store::open(&address).await.unwrap();
        assert_eq!(modes(), [0o600; 3]);
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("{}{suffix}", path.display());
            std::fs::set_permissions(name, Permissions::from_mode(0o644)).unwrap();
        }
        let again = Store::open(&address).await.unwrap();
        assert_eq!(modes(), [0o600; 3]);
        again.close().await;
        store.close().await;
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        each_engine(|store| async move {
            let mut tx = store.begin().await.unwrap();
            execute!(
                tx,
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES ($1, 'from the future', TRUE, $2, 0)",
                29_991_231_000_000_i64,
                vec![0u8]
            )
            .unwrap();
            tx.commit().await.unwrap();
            let error = reopened().await.err().expect("a newer database");
            assert!(matches!(error, StoreError::NewerDatabase(29_991_231_000_000)), "{error:?}");
        })
        .await;
    }
}
