//! Other products' faces. They translate and call the verbs that GraphQL calls; none holds a rule of its own.

pub mod kili;
