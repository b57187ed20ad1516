//! What a person sees beside the apps themselves: templates and logs.

use serde::Serialize;

use myksc_core::{AppId, AppPhase, Error, Resources, Translated, User};

use super::Apps;
use crate::catalogue::{Field, Missing, Template};
use crate::image::ImageRules;

/// The largest piece of a log that one call gives.
const MAX_LOG_BYTES: u64 = 1 << 20;

/// A template as the page of templates shows it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TemplateView {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: Translated,
    /// What it is good for.
    pub summary: Translated,
    /// Name of its picture.
    pub icon: String,
    /// Whether it can be launched here.
    pub available: bool,
    /// The program's version, once it is known.
    pub version: Option<String>,
    /// What it needs and this machine has not.
    pub missing: Vec<Missing>,
    /// What a launch asks for if the person says nothing else.
    pub defaults: Resources,
    /// What the person is asked.
    pub fields: Vec<Field>,
    /// Patterns of what may stand in a field of the kind `image`; none where there is no such field.
    pub images: Vec<String>,
}

/// A piece of an app's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogChunk {
    /// Where `text` begins, in bytes.
    pub offset: u64,
    /// Where to read on.
    pub next_offset: u64,
    /// Size of the log at this moment.
    pub size_bytes: u64,
    /// The text.
    pub text: String,
    /// Whether the log grows no more.
    pub ended: bool,
}

impl Apps {
    /// All templates in the order of the page.
    #[must_use]
    pub fn templates(&self) -> Vec<TemplateView> {
        self.inner.catalogue.templates().iter().map(|template| self.view(template)).collect()
    }

    /// A piece of an app's output. A negative offset counts from the end.
    ///
    /// # Errors
    /// As [`Apps::get`]; when the log can't be read.
    pub async fn log(&self, user: &User, id: &AppId, offset: i64, limit: u64) -> Result<LogChunk, Error> {
        let app = self.get(user, id).await?;
        let ended = matches!(app.phase, AppPhase::Stopped | AppPhase::Failed);
        let limit = limit.min(MAX_LOG_BYTES);
        let chunk = self.inner.runtime.log(&user.identity(), &app, offset, limit).await?;
        Ok(LogChunk {
            offset: chunk.offset,
            next_offset: chunk.next_offset,
            size_bytes: chunk.size_bytes,
            text: chunk.text,
            ended,
        })
    }

    fn view(&self, template: &Template) -> TemplateView {
        let availability = self.inner.runtime.availability(template);
        let images = template.image_field().and_then(|_| self.inner.runtime.images());
        TemplateView {
            id: template.id.clone(),
            title: template.title.clone(),
            summary: template.summary.clone(),
            icon: template.icon.clone(),
            available: availability.missing.is_empty(),
            version: availability.version,
            missing: availability.missing,
            defaults: template.defaults,
            fields: template.fields.clone(),
            images: images.map(ImageRules::texts).unwrap_or_default(),
        }
    }
}
