//! What the centre tells everybody: maintenance, failures, news of its systems.

use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldProblem, Result};
use crate::id::NoticeId;
use crate::text::Translated;
use crate::time::Timestamp;

/// What a notice is about; the more pressing kind stands first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Something does not work.
    Failure,
    /// Work that is planned.
    Maintenance,
    /// News of the systems.
    System,
}

/// No kind of notice has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of failure, maintenance, system")]
pub struct UnknownKind(String);

/// A notice. It is for everybody, also for who is not signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// What it is about.
    pub kind: NoticeKind,
    /// What it says.
    pub text: Translated,
    /// First moment it is shown; null for at once.
    pub starts_at: Option<Timestamp>,
    /// First moment it is no longer shown; null until it is removed.
    pub ends_at: Option<Timestamp>,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Notice {
    /// Longest text in each language, in characters.
    pub const MAX_CHARS: usize = 500;

    /// The same, if it is one that people can read at some time from `created_at` on.
    ///
    /// # Errors
    /// Invalid at `text.en` and `text.ko` (`required`, `too_long`, `text_invalid`) and at `ends_at`
    /// (`ends_before_start`, `already_over`).
    pub fn checked(self) -> Result<Self> {
        let texts = [("text.en", &self.text.en), ("text.ko", &self.text.ko)];
        let texts = texts.into_iter().filter_map(|(field, text)| text_problem(field, text));
        let problems: Vec<_> = texts.chain(self.period_problem()).collect();
        if problems.is_empty() { Ok(self) } else { Err(Error::Invalid(problems)) }
    }

    /// Whether it is shown at this moment.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= moment) && self.ends_at.is_none_or(|end| moment < end)
    }

    fn period_problem(&self) -> Option<FieldProblem> {
        let end = self.ends_at?;
        if self.starts_at.is_some_and(|start| end <= start) {
            let detail = "the notice would end before it starts";
            return Some(FieldProblem::new("ends_at", "ends_before_start", detail));
        }
        let is_over = end <= self.created_at;
        is_over.then(|| FieldProblem::new("ends_at", "already_over", "this moment is over"))
    }
}

impl NoticeKind {
    /// Every kind, the most pressing first.
    pub const ALL: [Self; 3] = [Self::Failure, Self::Maintenance, Self::System];

    /// Its name in the database, on the command line and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Maintenance => "maintenance",
            Self::System => "system",
        }
    }
}

impl std::str::FromStr for NoticeKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

fn text_problem(field: &str, text: &str) -> Option<FieldProblem> {
    if text.trim().is_empty() {
        return Some(FieldProblem::new(field, "required", "a notice has a text in each language"));
    }
    if text.chars().count() > Notice::MAX_CHARS {
        let detail = format!("at most {} characters", Notice::MAX_CHARS);
        return Some(FieldProblem::new(field, "too_long", detail).with("max", Notice::MAX_CHARS));
    }
    let detail = "control characters and line breaks have no place in a notice";
    text.chars().any(char::is_control).then(|| FieldProblem::new(field, "text_invalid", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(change: impl FnOnce(&mut Notice)) -> Notice {
        let mut notice = Notice {
            id: NoticeId::random(),
            kind: NoticeKind::Maintenance,
            text: Translated {
                en: "Maintenance on Friday.".to_owned(),
                ko: "금요일에 점검합니다.".to_owned(),
            },
            starts_at: Some(Timestamp::from_millis(1_000)),
            ends_at: Some(Timestamp::from_millis(2_000)),
            created_at: Timestamp::from_millis(500),
        };
        change(&mut notice);
        notice
    }

    #[test]
    fn a_notice_holds_from_its_start_until_just_before_its_end() {
        let holds = |notice: &Notice, millis| notice.holds_at(Timestamp::from_millis(millis));
        let period = notice(|_| ());
        assert_eq!([999, 1_000, 1_999, 2_000].map(|at| holds(&period, at)), [false, true, true, false]);
        let open = notice(|notice| (notice.starts_at, notice.ends_at) = (None, None));
        assert!(holds(&open, 0) && holds(&open, i64::MAX));
    }

    #[test]
    fn what_nobody_could_read_is_refused_at_its_field() {
        assert!(notice(|_| ()).checked().is_ok());
        assert!(notice(|notice| notice.text.ko = "가".repeat(Notice::MAX_CHARS)).checked().is_ok());
        let cases = [
            ("text.en", "required", notice(|notice| notice.text.en = "  ".to_owned())),
            ("text.ko", "too_long", notice(|notice| notice.text.ko = "가".repeat(Notice::MAX_CHARS + 1))),
            ("text.ko", "text_invalid", notice(|notice| notice.text.ko = "a\u{1b}[2J".to_owned())),
            ("ends_at", "ends_before_start", notice(|notice| notice.ends_at = notice.starts_at)),
            (
                "ends_at",
                "already_over",
                notice(|notice| {
                    (notice.starts_at, notice.created_at) = (None, Timestamp::from_millis(2_000));
                }),
            ),
        ];
        for (field, code, notice) in cases {
            let Err(Error::Invalid(problems)) = notice.checked() else { panic!("{field} {code} was taken") };
            let found: Vec<_> = problems.iter().map(|problem| (&*problem.field, &*problem.code)).collect();
            assert_eq!(found, [(field, code)]);
        }
    }

    #[test]
    fn kinds_are_known_by_their_names_in_their_order() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!(NoticeKind::ALL.is_sorted() && "news".parse::<NoticeKind>().is_err());
    }
}
