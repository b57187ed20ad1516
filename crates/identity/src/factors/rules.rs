//! Who must have a second factor, and what browsers and authenticator apps are told of the site.

use std::collections::BTreeMap;

use myksc_core::User;

/// Whether the people of a provider must have a second factor of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorRule {
    /// Whoever has one is asked for it.
    Optional,
    /// Nobody signs in without one; who has none enrols it at sign-in.
    Required,
}

/// The rule of each provider that is asked for passwords here; without one of its own it has that of local accounts.
/// People of any other have no factors here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorRules(BTreeMap<String, FactorRule>);

/// What the site says of second factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorSettings {
    /// The name that authenticator apps show beside a code.
    pub issuer: String,
    /// The portal's origin, such as `https://portal.example.org`; without one there are no passkeys.
    pub origin: Option<String>,
    /// Who must have a factor.
    pub rules: FactorRules,
}

impl FactorRules {
    /// This rule for people with local accounts; add other providers by [`FactorRules::with`].
    #[must_use]
    pub fn local(rule: FactorRule) -> Self {
        Self([(User::LOCAL.to_owned(), rule)].into())
    }

    /// The same with the rule of one more provider.
    #[must_use]
    pub fn with(mut self, provider: &str, rule: FactorRule) -> Self {
        self.0.insert(provider.to_owned(), rule);
        self
    }

    /// The rule of a provider, if its people have factors here.
    #[must_use]
    pub fn of(&self, provider: &str) -> Option<FactorRule> {
        self.0.get(provider).copied()
    }
}

impl FactorSettings {
    /// The same with the rule of local accounts for another provider, unless that has its own.
    pub(crate) fn also_for(mut self, provider: &str) -> Self {
        if let (None, Some(rule)) = (self.rules.of(provider), self.rules.of(User::LOCAL)) {
            self.rules = self.rules.with(provider, rule);
        }
        self
    }
}

impl Default for FactorSettings {
    /// Factors are optional for local accounts, and there are no passkeys.
    fn default() -> Self {
        let rules = FactorRules::local(FactorRule::Optional);
        Self { issuer: "MyKSC".to_owned(), origin: None, rules }
    }
}
