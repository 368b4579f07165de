//! Checks of everything that is stored: of one moment, while servers use the database.

use std::collections::BTreeMap;

use super::{Finding, broken};
use crate::keep::backup::Depth;
use crate::keep::scan::{self, Fault};
use crate::keep::tables::TABLES;
use crate::keep::{Digest, relations, structure};
use crate::model::error::Error;
use crate::store::db::{Database, SchemaState, Snapshot, schema_state, select};

/// What was found, and what each table contains, if every value was read.
#[derive(Debug, Default)]
pub struct Content {
    pub findings: Vec<Finding>,
    pub tables: Vec<(&'static str, Digest)>,
}

/// Checks everything that is stored; `Depth::Quick`: without reading every value.
pub async fn examine(db: &Database, depth: Depth) -> Content {
    let mut content = Content::default();
    match schema_state(db.reader()).await {
        Ok(SchemaState::Current) => {}
        // Another check reports it.
        Ok(_) | Err(_) => return content,
    }
    let looked = async {
        let snapshot = db.snapshot().await?;
        let looked = look(&snapshot, depth, &mut content).await;
        snapshot.end().await?;
        looked
    };
    if let Err(error) = looked.await {
        content
            .findings
            .push(broken("integrity", &Error::internal(format!("{error:#}"))));
    }
    content
}

async fn look(snapshot: &Snapshot, depth: Depth, content: &mut Content) -> anyhow::Result<()> {
    let findings = &mut content.findings;
    tell(
        findings,
        "integrity",
        structure::broken(snapshot, depth).await?,
        "No damage, and nothing of the schema is missing.",
    );
    tell(
        findings,
        "relations",
        relations::broken(snapshot).await?,
        "All rows fit together.",
    );
    if depth == Depth::Quick {
        return Ok(());
    }
    let permissions = scan::permissions(snapshot).await?;
    let mut faults = Vec::new();
    let mut hashes: BTreeMap<String, u64> = BTreeMap::new();
    for table in TABLES {
        let scanned = scan::scan(snapshot, table, &permissions).await?;
        faults.extend(scanned.faults);
        hashes.extend(scanned.hashes);
        content.tables.push((table.name, scanned.digest));
    }
    tell(
        findings,
        "values",
        faults,
        "All stored values are as tenantry writes them.",
    );
    let hashes: Vec<String> = hashes.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let without: Vec<i64> = select(snapshot, "SELECT COUNT(*) FROM users WHERE email IS NULL").await?;
    findings.push(Finding::fine(
        "passwords",
        format!(
            "Hashes by kind: {}. {} users have no e-mail address.",
            hashes.join(", "),
            without.iter().sum::<i64>()
        ),
    ));
    Ok(())
}

fn tell(findings: &mut Vec<Finding>, subject: &'static str, faults: Vec<Fault>, fine: &str) {
    if faults.is_empty() {
        findings.push(Finding::fine(subject, fine));
    }
    findings.extend(faults.into_iter().map(|fault| Finding::of_fault(subject, fault)));
}
