//! Whether a document matches the schema: the rules of the specification's chapter on validation, one function per
//! rule.
//!
//! The library has such rules too, but not all of them, and some differ from the reference implementation: below the
//! top level it accepts fields with the same key that cannot be merged, it hardly checks variables at their positions,
//! and it accepts a string as the value of an enum. So all rules are here, and a test compares the results with those
//! of graphql-js. The result depends only on the text, and is computed once for a text in the cache.
//!
//! [`super::limits`] has already limited what the rules walk, and refused cycles of fragments.

mod arguments;
mod directives;
mod fields;
mod fragments;
mod operations;
mod values;
mod variables;
mod walk;

pub use values::Checking;
pub use variables::Uses;

use super::fault::Fault;
use super::parse::Definitions;
use super::types::types;
use walk::Walked;

/// The items that are the same as an earlier one.
fn repeated<T>(items: &[T], same: impl Fn(&T, &T) -> bool) -> impl Iterator<Item = &T> {
    let items = items.iter().enumerate();
    let earlier = items.clone();
    let again = move |(number, item): &(usize, &T)| earlier.clone().take(*number).any(|(_, other)| same(item, other));
    items.filter(again).map(|(_, item)| item)
}

/// All faults of a document. If there are none, how its operations use their variables.
pub fn validate(definitions: &Definitions) -> Result<Vec<Uses>, Vec<Fault>> {
    let walked = Walked::new(definitions, types());
    let rules = [
        operations::operation_name_uniqueness,
        operations::lone_anonymous_operation,
        operations::operation_type_existence,
        fields::field_selections,
        fields::leaf_field_selections,
        fields::field_selection_merging,
        arguments::argument_names,
        arguments::argument_uniqueness,
        arguments::required_arguments,
        fragments::fragment_spread_type_existence,
        fragments::fragments_on_object_types,
        fragments::fragments_must_be_used,
        fragments::fragment_spread_target_defined,
        fragments::fragment_spread_is_possible,
        values::values_of_correct_type,
        directives::directives_are_defined,
        directives::directives_are_in_valid_locations,
        directives::directives_are_unique_per_location,
        variables::variable_uniqueness,
        variables::variables_are_input_types,
        variables::all_variable_uses_defined,
        variables::all_variables_used,
        variables::all_variable_usages_are_allowed,
    ];
    let mut faults = Vec::new();
    for rule in rules {
        rule(&walked, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(variables::uses(&walked)),
        false => Err(faults),
    }
}
