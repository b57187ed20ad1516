//! Databases for tests: an empty one on each engine.
//!
//! SQLite always; PostgreSQL when `MYKSC_TEST_POSTGRES` holds the address of a server on which databases may
//! be made. `make test` starts one and sets it.

use std::future::Future;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::db::Store;
use crate::error::StoreError;

/// Name of the environment variable with the server's address, ending in `/postgres`.
pub const POSTGRES_VARIABLE: &str = "MYKSC_TEST_POSTGRES";

tokio::task_local! {
    static ADDRESS: String;
}

/// Runs `test` with an empty store of each engine.
///
/// # Panics
/// When a database can't be made.
pub async fn each_engine<F, R>(test: F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    let folder = tempfile::tempdir().expect("a temporary folder");
    run(format!("sqlite:{}", folder.path().join("portal.db").display()), &test).await;
    if let Ok(server) = std::env::var(POSTGRES_VARIABLE) {
        run(make_postgres(&server).await, &test).await;
    }
}

/// An empty SQLite store that lives as long as the folder.
///
/// # Panics
/// When a database can't be made.
pub async fn sqlite_store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let address = format!("sqlite:{}", folder.path().join("portal.db").display());
    (Store::open(&address).await.expect("a database opens"), folder)
}

impl Store {
    /// Opens the same database once more; only inside [`each_engine`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn reopened(&self) -> Result<Self, StoreError> {
        Self::open(&ADDRESS.get()).await
    }
}

async fn run<F, R>(address: String, test: &F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    let store = Store::open(&address).await.expect("a database opens");
    ADDRESS.scope(address, test(store.clone())).await;
    store.close().await;
}

async fn make_postgres(server: &str) -> String {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers");
    let name = format!("test_{:016x}", u64::from_le_bytes(bytes));
    let mut connection = PgConnection::connect(server).await.expect("PostgreSQL answers");
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(statement).execute(&mut connection).await.expect("a database is made");
    let (head, _) = server.rsplit_once("/postgres").expect("the address ends in /postgres");
    format!("{head}/{name}")
}
