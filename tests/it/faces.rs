//! The other products' faces: what all of them have in common.

mod manners;
