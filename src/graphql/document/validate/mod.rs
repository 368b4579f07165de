//! Whether a document fits the schema: the rules of the specification's chapter on validation, a function each.
//!
//! The library has rules too, but not all of them, and some that say otherwise than the reference implementation: fields
//! of one key that cannot be merged pass below the top, variables are hardly looked at in their position, an enum's value
//! passes as a string. So it is all done here; a test compares the verdicts with those of graphql-js. It depends on
//! nothing but the text, and is done once for a text that is remembered.
//!
//! What the rules walk is bounded before, in [`super::limits`], cycles of fragments included.

mod arguments;
mod directives;
mod fields;
mod fragments;
mod operations;
mod values;
mod variables;
mod walk;

pub use variables::Uses;

use super::fault::Fault;
use super::parse::Definitions;
use super::types::types;
use walk::Walked;

/// Everything that is wrong with a document; if nothing is, what its operations do with their variables.
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
