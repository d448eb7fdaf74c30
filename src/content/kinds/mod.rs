//! The kinds of content, each by itself.

pub mod activity;
pub mod book;
pub mod calendar_item;
pub mod conversation_round;
pub mod discussion;
pub mod dossier;
pub mod download;
pub mod news_item;
pub mod newsletter;
pub mod page;
pub mod photo_album;
pub mod sign_up_form;
pub mod survey;
