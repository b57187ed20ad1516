//! Table `contracts`: for how long and how much a person may use.

use myksc_core::{Contract, Resources, Timestamp, UserId};

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

#[derive(sqlx::FromRow)]
struct Row {
    starts_at: i64,
    ends_at: i64,
    cpu_millis: i64,
    memory_bytes: i64,
    gpus: i64,
    budget_sru_hours: Option<f64>,
}

impl Store {
    /// A person's contract, whatever its period.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn contract(&self, user: &UserId) -> Result<Option<Contract>, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT * FROM contracts WHERE user_id = $1";
        fetch_optional!(reader, Row, sql, user.as_str())?.map(Row::read).transpose()
    }

    /// Sets or replaces a person's contract.
    ///
    /// # Errors
    /// What the engine says; a person who is not on record is one.
    pub async fn set_contract(&self, user: &UserId, contract: &Contract) -> Result<(), StoreError> {
        let memory_bytes = i64::try_from(contract.limits.memory_bytes)
            .map_err(|error| StoreError::corrupt("contracts", error))?;
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO contracts (user_id, starts_at, ends_at, cpu_millis, memory_bytes, gpus, budget_sru_hours)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (user_id) DO UPDATE SET
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at, cpu_millis = excluded.cpu_millis,
                 memory_bytes = excluded.memory_bytes, gpus = excluded.gpus,
                 budget_sru_hours = excluded.budget_sru_hours",
            user.as_str(),
            contract.starts_at.as_millis(),
            contract.ends_at.as_millis(),
            i64::from(contract.limits.cpu_millis),
            memory_bytes,
            i64::from(contract.limits.gpus),
            contract.budget_sru_hours
        )?;
        // No row of ours holds it; it wakes whoever shows the contract.
        tx.next_revision().await?;
        tx.commit().await
    }

    /// Removes a person's contract; false when she has none.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn clear_contract(&self, user: &UserId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let deleted = execute!(tx, "DELETE FROM contracts WHERE user_id = $1", user.as_str())?;
        tx.next_revision().await?;
        tx.commit().await?;
        Ok(deleted == 1)
    }
}

impl Row {
    fn read(self) -> Result<Contract, StoreError> {
        let corrupt = |error| StoreError::corrupt("contracts", error);
        let limits = Resources {
            cpu_millis: u32::try_from(self.cpu_millis).map_err(corrupt)?,
            memory_bytes: u64::try_from(self.memory_bytes).map_err(corrupt)?,
            gpus: u32::try_from(self.gpus).map_err(corrupt)?,
        };
        Ok(Contract {
            starts_at: Timestamp::from_millis(self.starts_at),
            ends_at: Timestamp::from_millis(self.ends_at),
            limits,
            budget_sru_hours: self.budget_sru_hours,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    #[tokio::test]
    async fn a_contract_is_set_replaced_and_cleared() {
        each_engine(|store| async move {
            let kim = someone("kim");
            store.create_user(&kim, None).await.unwrap();
            assert_eq!(store.contract(&kim.id).await.unwrap(), None);
            let first = Contract {
                starts_at: Timestamp::from_millis(1),
                ends_at: Timestamp::from_millis(2),
                limits: Resources { cpu_millis: u32::MAX, memory_bytes: i64::MAX as u64, gpus: 1 },
                budget_sru_hours: None,
            };
            let second = Contract { budget_sru_hours: Some(0.1), ..first.clone() };
            for contract in [first, second] {
                store.set_contract(&kim.id, &contract).await.unwrap();
                assert_eq!(store.contract(&kim.id).await.unwrap(), Some(contract));
            }
            assert!(
                store
                    .set_contract(
                        &UserId::random(),
                        &Contract {
                            starts_at: Timestamp::from_millis(1),
                            ends_at: Timestamp::from_millis(2),
                            limits: Resources::default(),
                            budget_sru_hours: None,
                        }
                    )
                    .await
                    .is_err()
            );
            assert!(store.clear_contract(&kim.id).await.unwrap());
            assert!(!store.clear_contract(&kim.id).await.unwrap());
        })
        .await;
    }
}
