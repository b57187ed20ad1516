//! Table `preferences`: what people have chosen for themselves.

use myksc_core::{AppsAtSignOut, Preferences, UserId};

use crate::db::{Store, execute, fetch_optional};
use crate::error::StoreError;

impl Store {
    /// What a person has chosen, or what holds for who chose nothing.
    ///
    /// # Errors
    /// What the engine says, or a row that can't be read.
    pub async fn preferences(&self, user: &UserId) -> Result<Preferences, StoreError> {
        let mut reader = self.reader().await?;
        let sql = "SELECT apps_at_sign_out FROM preferences WHERE user_id = $1";
        let row = fetch_optional!(reader, (String,), sql, user.as_str())?;
        let Some((apps_at_sign_out,)) = row else { return Ok(Preferences::default()) };
        let apps_at_sign_out = match apps_at_sign_out.as_str() {
            "keep" => AppsAtSignOut::Keep,
            "stop" => AppsAtSignOut::Stop,
            other => return Err(StoreError::corrupt("preferences", format!("apps_at_sign_out {other:?}"))),
        };
        Ok(Preferences { apps_at_sign_out })
    }

    /// Keeps what a person chose.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn set_preferences(&self, user: &UserId, chosen: &Preferences) -> Result<(), StoreError> {
        let apps_at_sign_out = match chosen.apps_at_sign_out {
            AppsAtSignOut::Keep => "keep",
            AppsAtSignOut::Stop => "stop",
        };
        let mut tx = self.begin().await?;
        execute!(
            tx,
            "INSERT INTO preferences (user_id, apps_at_sign_out) VALUES ($1, $2)
             ON CONFLICT (user_id) DO UPDATE SET apps_at_sign_out = excluded.apps_at_sign_out",
            user.as_str(),
            apps_at_sign_out
        )?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;
    use crate::users::tests::someone;

    #[tokio::test]
    async fn preferences_are_each_person_s_own() {
        each_engine(|store| async move {
            let (kim, lee) = (someone("kim"), someone("lee"));
            store.create_user(&kim, None).await.unwrap();
            store.create_user(&lee, None).await.unwrap();
            let stop = Preferences { apps_at_sign_out: AppsAtSignOut::Stop };
            for chosen in [stop, Preferences::default(), stop] {
                store.set_preferences(&kim.id, &chosen).await.unwrap();
                assert_eq!(store.preferences(&kim.id).await.unwrap(), chosen);
            }
            assert_eq!(store.preferences(&lee.id).await.unwrap(), Preferences::default());
        })
        .await;
    }
}
