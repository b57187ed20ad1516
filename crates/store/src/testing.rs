//! An empty database on each engine, as `myksc_testdb` makes it, opened by the crate under test.

use crate::db::Store;
use crate::error::StoreError;

tokio::task_local! {
    static ADDRESS: String;
}

/// Runs `test` with an empty store of each engine.
pub(crate) async fn each_engine<F, R>(test: F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    myksc_testdb::each_address(async |address| {
        let store = Store::open(&address).await.unwrap();
        ADDRESS.scope(address, test(store.clone())).await;
        store.close().await;
    })
    .await;
}

/// Opens the same database once more; only inside [`each_engine`].
pub(crate) async fn reopened() -> Result<Store, StoreError> {
    Store::open(&ADDRESS.get()).await
}
