//! The other products' faces: what all of them have in common, and each.

mod air;
mod off;
mod refusal_form;
mod refusals;
mod same_data;
mod scim;
mod waii;
mod wallaroo;
