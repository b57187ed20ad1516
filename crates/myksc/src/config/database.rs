//! The address of the database, which may hold a password: it is shown without.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

/// What stands where a password was.
const HIDDEN: &str = "hidden";

/// `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct DatabaseAddress(String);

impl DatabaseAddress {
    /// The address as it was given, for the database alone.
    pub(crate) fn whole(&self) -> &str {
        &self.0
    }

    /// The address without a password, whether that stands before the host or among the parameters.
    fn shown(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return HIDDEN.to_owned() };
        if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
            return HIDDEN.to_owned();
        }
        if url.query_pairs().any(|(name, _)| name == "password") {
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            let shown = pairs.iter().map(|(name, value)| {
                (name.as_str(), if name == "password" { HIDDEN } else { value.as_str() })
            });
            url.query_pairs_mut().clear().extend_pairs(shown);
        }
        url.into()
    }
}

impl Serialize for DatabaseAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, shown) in [
            ("sqlite:/var/lib/myksc/portal.db", "sqlite:/var/lib/myksc/portal.db"),
            ("postgres://myksc@db:5432/myksc", "postgres://myksc@db:5432/myksc"),
            ("postgres://myksc:s3cret@db/myksc", "postgres://myksc:hidden@db/myksc"),
            (
                "postgres://db/myksc?user=u&password=s3cret&sslmode=require",
                "postgres://db/myksc?user=u&password=hidden&sslmode=require",
            ),
            ("no address: s3cret", "hidden"),
        ] {
            let address = DatabaseAddress(address.to_owned());
            assert_eq!(address.shown(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
    }
}
