//! The results as files beside what cargo builds: `bench/results.json` with all that was measured, and `bench/chart.svg`, which
//! shows how near each figure came to its aim.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::table::{Aim, Figure, Table};
use crate::{DATABASES, Options};

/// Writes both, and returns their folder.
pub fn write(options: &Options, table: &Table) -> std::io::Result<PathBuf> {
    // This program is in `release/deps`.
    let program = std::env::current_exe()?;
    let built = program.ancestors().nth(3).unwrap_or(&program);
    let folder = built.join("bench");
    std::fs::create_dir_all(&folder)?;
    let results = serde_json::to_string_pretty(&results(options, table))?;
    std::fs::write(folder.join("results.json"), results + "\n")?;
    std::fs::write(folder.join("chart.svg"), chart(options, table))?;
    Ok(folder)
}

fn results(options: &Options, table: &Table) -> Value {
    let figures = table.rows.iter().flat_map(|row| {
        row.figures.iter().map(|figure| {
            let (at_least, at_most) = match figure.aim {
                Some(Aim::AtLeast(aim)) => (Some(aim), None),
                Some(Aim::AtMost(aim)) => (None, Some(aim)),
                None => (None, None),
            };
            json!({
                "what": row.what,
                "database": figure.database,
                "value": figure.value,
                "atLeast": at_least,
                "atMost": at_most,
                "missed": figure.missed(),
            })
        })
    });
    json!({
        "users": options.users,
        "connections": options.connections,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "figures": figures.collect::<Vec<_>>(),
        "measured": table.measured,
    })
}

const WIDTH: u32 = 1_000;
/// Where bars begin.
const LEFT: u32 = 430;
/// Where a figure is that is just its aim.
const AIM: u32 = LEFT + 300;
/// Bars are cut off where a figure is this many times its aim.
const CUT: f64 = 1.6;
const TOP: u32 = 70;
const BAR: u32 = 13;
const COLORS: [&str; 2] = ["#4c78a8", "#f58518"];
const MISSED: &str = "#c0392b";

fn chart(options: &Options, table: &Table) -> String {
    let rows: Vec<_> = table
        .rows
        .iter()
        .filter(|row| row.figures.iter().any(|figure| figure.aim.is_some()))
        .collect();
    let mut bars = String::new();
    let mut y = TOP;
    for row in &rows {
        let shown: Vec<&Figure> = DATABASES.iter().filter_map(|database| row.on(database)).collect();
        let height = BAR * u32::try_from(shown.len()).unwrap();
        let middle = y + height / 2 + 4;
        let _ = writeln!(
            bars,
            r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#,
            LEFT - 8,
            escaped(&row.what)
        );
        for figure in shown {
            bar(&mut bars, figure, y);
            y += BAR;
        }
        y += 9;
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\">tenantry at {} users: figures and their aims</text>\n",
        y + 12,
        options.users
    );
    for (place, (database, color)) in DATABASES.iter().zip(COLORS).enumerate() {
        let x = 12 + 90 * place;
        let _ = writeln!(
            svg,
            r#"<rect x="{x}" y="36" width="12" height="12" fill="{color}"/><text x="{}" y="46">{database}</text>"#,
            x + 17
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"220\" y=\"46\">a bar that reaches the line meets the aim; the others are red at the end</text>\n{bars}\
         <line x1=\"{AIM}\" y1=\"{}\" x2=\"{AIM}\" y2=\"{y}\" stroke=\"black\" stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{AIM}\" y=\"{}\" text-anchor=\"middle\">aim</text>\n</svg>",
        TOP - 6,
        TOP - 10
    );
    svg
}

fn bar(svg: &mut String, figure: &Figure, y: u32) {
    let place = DATABASES.iter().position(|database| *database == figure.database);
    let color = COLORS[place.unwrap_or_default()];
    let length = f64::from(AIM - LEFT) * reached(figure).min(CUT);
    let aim = figure.aim.map_or("no aim".to_owned(), |aim| aim.to_string());
    let _ = writeln!(
        svg,
        r#"<rect x="{LEFT}" y="{y}" width="{length:.0}" height="{}" fill="{color}"/>"#,
        BAR - 2
    );
    let end = f64::from(LEFT) + length;
    if figure.missed() {
        let _ = writeln!(
            svg,
            r#"<rect x="{:.0}" y="{y}" width="4" height="{}" fill="{MISSED}"/>"#,
            end - 4.0,
            BAR - 2
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.0}" y="{}" font-size="10">{figure} ({aim})</text>"#,
        end + 5.0,
        y + BAR - 4
    );
}

/// How often the figure reaches its aim.
fn reached(figure: &Figure) -> f64 {
    match figure.aim {
        Some(Aim::AtLeast(aim)) => figure.value / aim,
        Some(Aim::AtMost(aim)) if figure.value > 0.0 => aim / figure.value,
        Some(Aim::AtMost(_)) => CUT,
        None => 0.0,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
