//! A line of a file, as an export writes it.

use serde_json::Value;

/// An object whose members come in the order in which they are put.
pub struct Line(String);

impl Line {
    pub fn new(kind: &str) -> Self {
        Self::item().text("type", kind)
    }

    pub fn item() -> Self {
        Self("{".to_owned())
    }

    pub fn json(mut self, name: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&format!("\"{name}\":{json}"));
        self
    }

    pub fn text(self, name: &str, text: &str) -> Self {
        let json = Value::from(text).to_string();
        self.json(name, &json)
    }

    pub fn maybe(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub fn maybe_json(self, name: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }

    pub fn list(self, name: &str, items: &[String]) -> Self {
        match items {
            [] => self,
            items => self.json(name, &format!("[{}]", items.join(","))),
        }
    }

    pub fn finish(self) -> String {
        self.0 + "}"
    }
}
