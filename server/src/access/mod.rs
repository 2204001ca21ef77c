//! Who may do what: tokens, kept in the store's directory beside the data.
//!
//! A token reads `qp_<id>_<secret>`. The id finds it, the secret of 256 random bits proves it, and
//! only the secret's hash is kept: whoever reads the file can log in with nothing in it. What a
//! token may see is a [`Scope`](quipu::Scope), which no query can leave out.
//!
//! The commands that change tokens and the server that checks them are different processes. The
//! list is one small file that is replaced as a whole, so the server reads it again whenever it
//! has changed, without a restart. The server alone writes down when tokens were last used.

mod audit;
mod folder;
mod permission;
mod secret;
mod stamp;
#[cfg(test)]
mod tests;
mod token;
mod tokens;
mod used;

pub use audit::Entry;
pub use folder::{Folder, Version};
pub use permission::Permission;
pub use secret::Issued;
pub use stamp::Stamp;
pub use token::Token;
pub use tokens::{Refusal, Tokens};
pub use used::LastUsed;
