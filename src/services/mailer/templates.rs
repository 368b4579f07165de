//! The templates that letters are written from: those in the binary, and the operator's own in their place.
//!
//! Each letter has two templates in each language, `<letter>.<language>.txt.j2` and `<letter>.<language>.html.j2`. The
//! first line of the text is the subject. The HTML ones extend `layout.html.j2`.
//!
//! Only the operator can change templates. Even so, a template is bounded in work and size, because a mistake in one must
//! not hold up the worker. A letter whose own template fails is written from the built-in one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use strum::VariantArray;

use super::Mail;
use super::letter::{Letter, Letterhead};
use super::values::{links, sample_heads, samples, values};
use crate::model::MailLanguage;

/// The work that one part of a mail may take, in units of the engine: about this many instructions.
const FUEL: u64 = 20_000;
/// The size of one part of a mail.
const PART_BYTES_MAX: usize = 100 * 1024;
/// The size of an operator's template file.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const SUBJECT_CHARACTERS_MAX: usize = 200;
const SUBJECT: &str = "Subject:";

macro_rules! built_in {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("templates/", $name)))),*] };
}

const BUILT_IN: &[(&str, &str)] = built_in! {
    "layout.html.j2"
    "change-email.de.html.j2" "change-email.de.txt.j2" "change-email.en.html.j2" "change-email.en.txt.j2"
    "email-change-requested.de.html.j2" "email-change-requested.de.txt.j2"
    "email-change-requested.en.html.j2" "email-change-requested.en.txt.j2"
    "email-changed.de.html.j2" "email-changed.de.txt.j2" "email-changed.en.html.j2" "email-changed.en.txt.j2"
    "invitation.de.html.j2" "invitation.de.txt.j2" "invitation.en.html.j2" "invitation.en.txt.j2"
    "password-reset.de.html.j2" "password-reset.de.txt.j2" "password-reset.en.html.j2" "password-reset.en.txt.j2"
    "password-set.de.html.j2" "password-set.de.txt.j2" "password-set.en.html.j2" "password-set.en.txt.j2"
    "verify-email.de.html.j2" "verify-email.de.txt.j2" "verify-email.en.html.j2" "verify-email.en.txt.j2"
};

/// The templates of all letters.
#[derive(Debug)]
pub struct Templates {
    built_in: Environment<'static>,
    /// The same, with the operator's own in place of the built-in ones.
    own: Option<Environment<'static>>,
}

/// Why a template cannot be used, with its file and line.
#[derive(Debug)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Templates {
    /// Those in the binary.
    pub fn built_in() -> Result<Self, Fault> {
        Ok(Self {
            built_in: environment(&BTreeMap::new())?,
            own: None,
        })
    }

    /// Those in the binary, and those in this folder in the place of those with the same names. All are checked with sample
    /// letters.
    pub fn with_own(folder: &Path) -> anyhow::Result<Self> {
        let own = read(folder).with_context(|| format!("cannot use the mail templates in {}", folder.display()))?;
        let checked = environment(&own).and_then(|environment| check(&environment).map(|()| environment));
        let environment = checked
            .map_err(|fault| anyhow::anyhow!("cannot use the mail templates in {}: {fault}", folder.display()))?;
        let mut templates = Self::built_in().map_err(|fault| anyhow::anyhow!("{fault}"))?;
        templates.own = Some(environment);
        Ok(templates)
    }

    /// Writes a letter.
    pub fn write(&self, letter: &Letter, head: &Letterhead, base: &str) -> Result<Mail, Fault> {
        if let Some(own) = &self.own {
            match write(own, letter, head, base) {
                Ok(mail) => return Ok(mail),
                Err(fault) => tracing::error!(
                    kind = letter.kind(),
                    "a mail template of TENANTRY_MAIL_TEMPLATES failed, and the built-in one is used: {fault}"
                ),
            }
        }
        write(&self.built_in, letter, head, base)
    }
}

/// The operator's templates, by name.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut own = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Kubernetes puts folders with such names next to the files of a volume.
        if name.starts_with('.') {
            continue;
        }
        if !BUILT_IN.iter().any(|(known, _)| *known == name) {
            let likeness = |known: &str| strsim::jaro_winkler(known, &name);
            let nearest = BUILT_IN.iter().max_by(|a, b| likeness(a.0).total_cmp(&likeness(b.0)));
            bail!(
                "{name} is not the name of a template; perhaps {} is meant",
                nearest.map_or("", |(known, _)| known)
            );
        }
        let size = std::fs::metadata(entry.path())?.len();
        if size > FILE_BYTES_MAX {
            bail!("{name} is larger than {} KiB", FILE_BYTES_MAX / 1024);
        }
        let text = std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {name}"))?;
        own.insert(name, text);
    }
    Ok(own)
}

fn environment(own: &BTreeMap<String, String>) -> Result<Environment<'static>, Fault> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // A tag on a line of its own leaves no line in the mail.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| fault(&error))?);
    for (name, built_in) in BUILT_IN {
        let text = own.get(*name).cloned().unwrap_or_else(|| (*built_in).to_owned());
        let added = environment.add_template_owned(*name, text);
        added.map_err(|error| fault(&error))?;
    }
    Ok(environment)
}

/// Writes every sample letter in every language, and looks for the links.
fn check(environment: &Environment<'_>) -> Result<(), Fault> {
    const BASE: &str = "https://app.example.com";
    for language in MailLanguage::VARIANTS {
        for head in sample_heads(*language) {
            for letter in samples() {
                let mail = write(environment, &letter, &head, BASE)?;
                for link in links(&letter, BASE) {
                    for (part, ending) in [(Some(&mail.text), "txt"), (mail.html.as_ref(), "html")] {
                        if !part.is_some_and(|part| part.contains(&link)) {
                            return Err(Fault(format!(
                                "{} does not show the link",
                                name(&letter, *language, ending)
                            )));
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn name(letter: &Letter, language: MailLanguage, ending: &str) -> String {
    format!("{}.{}.{ending}.j2", letter.kind(), language.code())
}

fn write(environment: &Environment<'_>, letter: &Letter, head: &Letterhead, base: &str) -> Result<Mail, Fault> {
    let values = values(letter, head, base);
    let name = |ending| name(letter, head.language, ending);
    let text = render(environment, &name("txt"), values.clone())?;
    let (first, text) = text.split_once('\n').unwrap_or((&text, ""));
    let subject = first.strip_prefix(SUBJECT).map(on_one_line).unwrap_or_default();
    if subject.is_empty() {
        return Err(Fault(format!(
            "{}, line 1: the first line must be '{SUBJECT} …'",
            name("txt")
        )));
    }
    let with_subject = context! { subject => subject.as_str(), ..values };
    Ok(Mail {
        html: Some(render(environment, &name("html"), with_subject)?),
        text: text.trim_start().to_owned(),
        subject,
    })
}

/// A subject is one header: it has no line breaks, whatever a template does.
fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(SUBJECT_CHARACTERS_MAX).collect()
}

fn render(environment: &Environment<'_>, name: &str, values: Value) -> Result<String, Fault> {
    let mut part = Part(Vec::new());
    let template = environment.get_template(name).map_err(|error| fault(&error))?;
    if let Err(error) = template.render_captured_to(values, &mut part) {
        return Err(match error.kind() {
            ErrorKind::OutOfFuel => Fault(format!("{name} takes too much work, as with a loop without end")),
            ErrorKind::WriteFailure => Fault(format!("{name} writes more than {} KiB", PART_BYTES_MAX / 1024)),
            _ => fault(&error),
        });
    }
    String::from_utf8(part.0).map_err(|_| Fault(format!("{name} does not write text")))
}

/// The message of the engine, with file and line.
fn fault(error: &minijinja::Error) -> Fault {
    let mut error = error;
    // What is wrong in a template that another one extends or includes is the source of the outer error.
    while let Some(inner) = std::error::Error::source(error).and_then(|source| source.downcast_ref()) {
        error = inner;
    }
    let what = error.detail().map_or_else(
        || error.kind().to_string(),
        |detail| format!("{}: {detail}", error.kind()),
    );
    Fault(match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}: {what}"),
        _ => what,
    })
}

/// A part of a mail, which refuses to grow beyond its limit.
struct Part(Vec<u8>);

impl io::Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > PART_BYTES_MAX {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
