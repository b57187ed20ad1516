//! Empty databases for tests, one on each engine.
//!
//! SQLite always; PostgreSQL when `MYKSC_TEST_POSTGRES` holds the address of a server on which databases may
//! be made. `make test` starts one and sets it.

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use myksc_store::Store;

/// Name of the environment variable with the server's address, ending in `/postgres`.
pub const POSTGRES_VARIABLE: &str = "MYKSC_TEST_POSTGRES";

/// Runs `test` with the address of an empty database of each engine.
///
/// # Panics
/// When a database can't be made.
pub async fn each_address(test: impl AsyncFn(String)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    test(sqlite_address(&folder)).await;
    if let Ok(server) = std::env::var(POSTGRES_VARIABLE) {
        test(make_postgres(&server).await).await;
    }
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
    each_address(async |address| {
        let store = Store::open(&address).await.expect("a database opens");
        test(store.clone()).await;
        store.close().await;
    })
    .await;
}

/// An empty SQLite store that lives as long as the folder.
///
/// # Panics
/// When a database can't be made.
pub async fn sqlite_store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&sqlite_address(&folder)).await.expect("a database opens");
    (store, folder)
}

fn sqlite_address(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("portal.db").display())
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
