//! The other products' faces: what all of them have in common, and each of them by itself.

mod air;
mod manners;
mod wallaroo;
