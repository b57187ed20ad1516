//! The catalogue, launches, and the runtimes apps run on.

mod catalogue;

pub use catalogue::{
    Catalogue, CatalogueError, CatalogueProblem, Choice, Field, FieldKind, Missing, Template,
};
