//! Every password that an input takes passes through its normal form, and every verb that checks one has one way to.

use std::collections::BTreeSet;

use super::layers::sources;
use super::{Sdl, named};
use crate::password_spelling::{WAYS_TO_CHECK, WAYS_TO_SET};

#[test]
fn every_input_of_a_password_has_a_case() {
    let sdl = Sdl::read();
    let (mut found, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let is_password =
        |name: &str, ty: &str| name.to_lowercase().contains("password") && ty == "String" && !name.ends_with("Hash");
    for field in sdl.fields("Mutation") {
        for argument in &field.arguments {
            let (name, ty) = (argument.node.name.node.as_str(), named(&argument.node.ty.node));
            if is_password(name, ty) {
                found.insert(format!("Mutation.{}.{name}", field.name.node));
            }
            next.push(ty);
        }
    }
    while let Some(input) = next.pop() {
        if seen.insert(input) {
            for field in sdl.input_fields(input) {
                let (name, ty) = (field.name.node.as_str(), named(&field.ty.node));
                if is_password(name, ty) {
                    found.insert(format!("{input}.{name}"));
                }
                next.push(ty);
            }
        }
    }
    let ways = WAYS_TO_SET.into_iter().chain(WAYS_TO_CHECK);
    let cases: BTreeSet<String> = ways.filter(|way| !way.contains(' ')).map(str::to_owned).collect();
    assert_eq!(found, cases, "the inputs of passwords, and those with a case");
}

/// A verb that asked the hasher by itself would count no failures, and would answer when it is done.
#[test]
fn a_password_is_checked_at_a_door_alone() {
    for (file, source) in sources("src") {
        let asks = source.code.contains("hasher()") && source.code.contains(".verify(");
        assert_eq!(
            asks,
            file == "directory/password/door.rs",
            "{file} checks a password by itself"
        );
    }
}
