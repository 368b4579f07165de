//! The other products' faces: what all of them have in common, and each.

mod manners;
mod waii;
