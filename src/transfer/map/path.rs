//! Where a value of a row is: a column, or a path into JSON.

use serde_json::Value;

use crate::model::exact_json;

/// A column's heading, or a path: `a.b`, `a[key=value].b`, `a[0]`. Names of the object that contains the list begin
/// with `parent.`. A name is also looked for in each element of a list, and in a text that is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    heading: String,
    /// The first name, as headings are compared.
    first_heading: String,
    parents: usize,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    At(usize),
    Where { key: String, value: String },
}

impl Path {
    /// A text that is no path, such as `Name [displayName]`, can still be a heading.
    pub fn parse(text: &str) -> Self {
        let mut rest = text;
        let mut parents = 0;
        while let Some(after) = rest.strip_prefix("parent.") {
            parents += 1;
            rest = after;
        }
        let steps = steps(rest).unwrap_or_else(|| vec![Step::Member(text.to_owned())]);
        let mut path = Self {
            text: text.to_owned(),
            heading: comparable(text),
            first_heading: String::new(),
            parents,
            steps,
        };
        path.first_heading = comparable(path.first());
        path
    }

    /// The path as the map has it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The heading in the form in which headings are compared.
    pub fn heading(&self) -> &str {
        &self.heading
    }

    /// The heading of the column that the path leads into, in the form in which headings are compared.
    pub fn first_heading(&self) -> &str {
        &self.first_heading
    }

    /// How many objects further out the value is: 1 is the object that contains the list of rows.
    pub fn parents(&self) -> usize {
        self.parents
    }

    /// The first name of the path: a column that contains JSON, or a member of the row.
    pub fn first(&self) -> &str {
        match self.steps.first() {
            Some(Step::Member(name)) => name,
            Some(Step::At(_) | Step::Where { .. }) | None => &self.text,
        }
    }

    /// The last name of the path, under which variables keep the value.
    pub fn last(&self) -> &str {
        let names = self.steps.iter().rev();
        let mut names = names.filter_map(|step| match step {
            Step::Member(name) if name != "Value" => Some(name.as_str()),
            Step::Where { value, .. } => Some(value.as_str()),
            Step::Member(_) | Step::At(_) => None,
        });
        names.next().unwrap_or(&self.text)
    }

    /// The values at the path in a row.
    pub fn find(&self, row: &Value) -> Vec<Value> {
        let mut found = Vec::new();
        // A name may contain a dot.
        match row.get(&self.text) {
            Some(value) => found.push(value.clone()),
            None => walk(row, &self.steps, &mut found),
        }
        found
    }

    /// The values at the rest of the path in a column whose heading is the first name.
    pub fn find_in_cell(&self, cell: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let rest = self.steps.get(1..).unwrap_or_default();
        if let Some(value) = embedded(cell) {
            walk(&value, rest, &mut found);
        }
        found
    }
}

/// The value of a text that is JSON.
fn embedded(text: &str) -> Option<Value> {
    let text = text.trim();
    text.starts_with(['{', '[']).then(|| exact_json(text).ok())?
}

fn walk(value: &Value, steps: &[Step], found: &mut Vec<Value>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value.clone());
        return;
    };
    match (value, step) {
        (Value::String(text), _) => {
            if let Some(value) = embedded(text) {
                walk(&value, steps, found);
            }
        }
        (Value::Object(members), Step::Member(name)) => {
            if let Some(value) = members.get(name) {
                walk(value, rest, found);
            }
        }
        (Value::Array(items), Step::Member(_)) => items.iter().for_each(|item| walk(item, steps, found)),
        (Value::Array(items), Step::At(place)) => {
            if let Some(item) = items.get(*place) {
                walk(item, rest, found);
            }
        }
        (Value::Array(items), Step::Where { key, value }) => {
            let fits = |item: &&Value| item.get(key).and_then(scalar).is_some_and(|text| text == *value);
            items.iter().filter(fits).for_each(|item| walk(item, rest, found));
        }
        (Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_), _) => {}
    }
}

/// The text of a value that is neither null, nor a list, nor an object.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(on) => Some(on.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, after) = after.split_once(']')?;
            steps.push(match inner.split_once('=') {
                Some((key, value)) => Step::Where {
                    key: key.to_owned(),
                    value: value.to_owned(),
                },
                None => Step::At(inner.parse().ok()?),
            });
            // After a bracket comes a dot, another bracket, or nothing.
            rest = match after.strip_prefix('.') {
                Some("") => return None,
                Some(name) => name,
                None if after.is_empty() || after.starts_with('[') => after,
                None => return None,
            };
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        steps.push(Step::Member(name.to_owned()));
        rest = match after.strip_prefix('.') {
            Some("") => return None,
            Some(name) => name,
            None => after,
        };
    }
    (!steps.is_empty()).then_some(steps)
}

/// The form in which headings are compared: without case, blanks, hyphens, underscores and remarks in brackets.
pub fn comparable(heading: &str) -> String {
    let mut depth = 0_u32;
    let mut text = String::with_capacity(heading.len());
    for c in heading.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 || c.is_whitespace() || matches!(c, '-' | '_') => {}
            _ => text.extend(c.to_lowercase()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headings_compare_without_case_blanks_and_remarks() {
        assert_eq!(comparable("E-Mail"), "email");
        assert_eq!(comparable("Email Address [Required]"), "emailaddress");
        assert_eq!(
            comparable("Block sign in (Yes/No) [accountEnabled] Required"),
            "blocksigninrequired"
        );
        assert_eq!(comparable("first_name"), comparable("First Name"));
    }

    #[test]
    fn paths_find_members_elements_and_json_in_texts() {
        let row = json!({
            "a": {"b": 1}, "list": [{"k": "x", "v": 1}, {"k": "y", "v": 2}], "on": [{"is": true, "v": "t"}],
            "text": "[{\"n\": \"z\"}]", "dotted.name": "d", "Attributes": [{"Name": "sub", "Value": "s"}]
        });
        let find = |path: &str| Path::parse(path).find(&row);
        assert_eq!(find("a.b"), [json!(1)]);
        assert_eq!(find("list[k=y].v"), [json!(2)]);
        assert_eq!(find("list.v"), [json!(1), json!(2)]);
        assert_eq!(find("list[0].k"), [json!("x")]);
        assert_eq!(find("on[is=true].v"), [json!("t")]);
        assert_eq!(find("text.n"), [json!("z")]);
        assert_eq!(find("dotted.name"), [json!("d")]);
        assert_eq!(find("a.c"), Vec::<Value>::new());
        assert_eq!(Path::parse("Attributes[Name=sub].Value").last(), "sub");
        assert_eq!(Path::parse("contact.dept").last(), "dept");
        assert_eq!(
            (
                Path::parse("parent.org.name").parents(),
                Path::parse("parent.org.name").first()
            ),
            (1, "org")
        );
        assert_eq!(
            Path::parse("raw.full_name").find_in_cell("{\"full_name\": \"Ada\"}"),
            [json!("Ada")]
        );
    }
}
