//! What a directory has to say several times in a row before it is believed: that somebody's entry is no account, and
//! that everybody is gone at once.

use std::collections::{HashMap, HashSet};

use myksc_core::UserId;

/// So many rounds in a row must say the same.
pub(super) const ROUNDS: u32 = 3;

/// A word that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Her entry is no account.
    Unreadable,
    /// There is nobody of her name.
    Gone,
}

/// What each provider's directory said lately, of whom.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    said: HashMap<String, HashMap<UserId, (Word, u32)>>,
    /// The providers whose directory shows nobody, as the operator was told.
    told: HashSet<String>,
}

impl Doubts {
    /// Takes down what a round said of a provider's people; `unasked` are those who could not be asked about, of whom
    /// the last word stands. Says of whom it was the last one of enough.
    pub(super) fn note(
        &mut self,
        provider: &str,
        said: Vec<(UserId, Word)>,
        unasked: &[UserId],
    ) -> HashSet<UserId> {
        let before = self.said.remove(provider).unwrap_or_default();
        let mut now: HashMap<UserId, (Word, u32)> = HashMap::new();
        for user in unasked {
            now.extend(before.get(user).map(|last| (user.clone(), *last)));
        }
        for (user, word) in said {
            let rounds = before.get(&user).filter(|(last, _)| *last == word).map_or(0, |(_, rounds)| *rounds);
            now.insert(user, (word, rounds + 1));
        }
        let settled = now.iter().filter(|(_, (_, rounds))| *rounds >= ROUNDS);
        let settled = settled.map(|(user, _)| user.clone()).collect();
        if !now.is_empty() {
            self.said.insert(provider.to_owned(), now);
        }
        settled
    }

    /// Whether the operator must be told that a provider's directory shows nobody: the first time that it does.
    pub(super) fn must_tell(&mut self, provider: &str) -> bool {
        self.told.insert(provider.to_owned())
    }

    /// The directory shows somebody.
    pub(super) fn shows_somebody(&mut self, provider: &str) {
        self.told.remove(provider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_believed_when_it_was_said_three_times_in_a_row_of_one_person() {
        let (kim, lee) = (UserId::random(), UserId::random());
        let mut doubts = Doubts::default();
        let mut round = |said: &[(&UserId, Word)], unasked: &[&UserId]| {
            let said: Vec<_> = said.iter().map(|(user, word)| ((*user).clone(), *word)).collect();
            let unasked: Vec<_> = unasked.iter().map(|user| (*user).clone()).collect();
            doubts.note("centre", said, &unasked)
        };
        assert!(round(&[(&kim, Word::Gone), (&lee, Word::Gone)], &[]).is_empty());
        // What nobody said is no contradiction; another word, or none, is.
        assert!(round(&[(&lee, Word::Unreadable)], &[&kim]).is_empty());
        assert!(round(&[(&kim, Word::Gone), (&lee, Word::Unreadable)], &[]).is_empty());
        assert_eq!(round(&[(&kim, Word::Gone)], &[]), HashSet::from([kim.clone()]));
        assert!(round(&[(&lee, Word::Unreadable)], &[]).is_empty());
        assert!(round(&[(&kim, Word::Gone), (&lee, Word::Unreadable)], &[]).is_empty());
    }
}
