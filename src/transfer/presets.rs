//! Presets: maps for the files of well-known systems. A preset is a file in `presets/`, a line here, and a sample with a
//! test.

use super::map::Map;

/// Each preset's name and its map.
static PRESETS: [(&str, &str); 17] = [
    ("aspnet", include_str!("presets/aspnet.json")),
    ("better-auth", include_str!("presets/better-auth.json")),
    ("clerk", include_str!("presets/clerk.json")),
    ("cognito", include_str!("presets/cognito.json")),
    ("devise", include_str!("presets/devise.json")),
    ("django", include_str!("presets/django.json")),
    ("entra", include_str!("presets/entra.json")),
    ("fusionauth", include_str!("presets/fusionauth.json")),
    ("google", include_str!("presets/google.json")),
    ("graph", include_str!("presets/graph.json")),
    ("kratos", include_str!("presets/kratos.json")),
    ("laravel", include_str!("presets/laravel.json")),
    ("okta", include_str!("presets/okta.json")),
    ("supabase", include_str!("presets/supabase.json")),
    ("supertokens", include_str!("presets/supertokens.json")),
    ("wordpress", include_str!("presets/wordpress.json")),
    ("zitadel", include_str!("presets/zitadel.json")),
];

/// The names of all presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The map of a preset.
pub fn preset(name: &str) -> Result<Map, String> {
    let known = PRESETS.iter().find(|(known, _)| *known == name);
    let Some((_, text)) = known else {
        let names: Vec<&str> = names().collect();
        return Err(format!(
            "'{}' is not a preset; presets are {}.",
            crate::model::error::shown(name),
            names.join(", ")
        ));
    };
    Map::parse_preset(text)
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
