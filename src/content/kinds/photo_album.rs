//! Photo albums.

use serde::{Deserialize, Serialize};

use crate::check::{Checks, TEXT};
use crate::content::kind::{Files, Kind};

/// Photos that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoAlbum {
    pub description: Option<String>,
}

impl Kind for PhotoAlbum {
    const FIELD: &'static str = "photoAlbum";
    const FILES: Files = Files::Photos;

    fn check(&self, checks: &mut Checks) {
        checks.prose(&Self::at("description"), self.description.as_deref(), TEXT);
    }

    fn texts(&self) -> Vec<&str> {
        self.description.as_deref().into_iter().collect()
    }
}
