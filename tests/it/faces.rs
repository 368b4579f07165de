//! The other products' faces: what all of them have in common, and each.

mod air;
mod manners;
mod refusals;
mod together;
mod waii;
mod wallaroo;
