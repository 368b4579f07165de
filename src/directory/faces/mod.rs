//! Faces: the APIs of other products. Each is on or off, for all servers of a database.
//!
//! - The first start decides, by its configuration; after that, only the command line changes it. So all processes agree.
//! - What belongs to a face that is off is hidden: its permissions and built-in roles are in no answer, and nobody can name
//!   them. They are never released: users who have them keep them, they count in every comparison, and their names stay
//!   reserved.
//! - Names are hidden with the next look-up of a credential in every process. Paths follow when a process starts.

mod holders;
mod set;
mod settle;

pub use holders::hidden_roles_assigned;
pub use set::set;
pub use settle::{Settled, find, on, settle};
