//! Sign-ins at image registries: the password goes to the person's own place on the cluster and nowhere else.

use secrecy::SecretString;

use myksc_core::{Error, FieldProblem, Timestamp, User};
use myksc_store::Registry;

use super::Apps;
use crate::registry::{RegistryLogin, parse_host};

impl Apps {
    /// Where a person has stored a password.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn registries(&self, user: &User) -> Result<Vec<Registry>, Error> {
        Ok(self.inner.store.registries(&user.id).await?)
    }

    /// Stores a password for a registry, in place of the one that is there.
    ///
    /// # Errors
    /// Fields that do not hold; a registry none of whose images the site allows; a runtime without images; a cluster
    /// that does not answer. The password is stored nowhere then.
    pub async fn put_registry(
        &self,
        user: &User,
        host: &str,
        account: &str,
        password: SecretString,
    ) -> Result<Registry, Error> {
        let login = RegistryLogin::parse(host, account, password).map_err(Error::Invalid)?;
        self.check_registry(&login.host)?;
        let identity = user.identity();
        let contract = self.inner.store.contract(&user.id).await?;
        self.inner.runtime.settle(&identity, contract.as_ref()).await?;
        self.inner.runtime.put_registry(&identity, &login).await?;
        let registry = Registry { host: login.host, account: login.account, changed_at: Timestamp::now() };
        self.inner.store.put_registry(&user.id, &registry).await?;
        Ok(registry)
    }

    /// Removes the password for a registry.
    ///
    /// # Errors
    /// When there is none; when the cluster does not answer.
    pub async fn remove_registry(&self, user: &User, host: &str) -> Result<(), Error> {
        let host = parse_host(host).map_err(|_| Error::not_found("registry", host))?;
        if !self.inner.store.registries(&user.id).await?.iter().any(|registry| registry.host == host) {
            return Err(Error::not_found("registry", host));
        }
        self.inner.runtime.remove_registry(&user.identity(), &host).await?;
        self.inner.store.remove_registry(&user.id, &host).await?;
        Ok(())
    }

    /// A password for a registry of which nothing may run would be of no use to anybody but a thief.
    fn check_registry(&self, host: &str) -> Result<(), Error> {
        let Some(images) = self.inner.runtime.images() else {
            return Err(Error::conflict("no_images_here", "container images run on a cluster alone"));
        };
        if images.allow_host(host) {
            return Ok(());
        }
        let allowed = images.texts();
        let detail = format!("your centre allows these images: {}", allowed.join(", "));
        Err(Error::invalid(FieldProblem::new("host", "image_not_allowed", detail).with("allowed", allowed)))
    }
}
