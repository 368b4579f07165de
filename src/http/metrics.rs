//! `/metrics`: numbers for operators, in the OpenMetrics format that Prometheus reads.
//!
//! Labels are routes, methods, status codes and error codes: each is a small, fixed set. They are never a path, an id
//! or a name, so the numbers reveal nothing about anybody, and clients cannot create more of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use strum::VariantArray;

use super::serve::turned_away;
use crate::directory::{audit_event, outbox};
use crate::model::error::{ErrorCode, Result};
use crate::request::App;
use crate::services::counts::Counts;
use crate::services::telemetry;

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Labels with few values, known when the program is compiled.
type Labels<const N: usize> = [(&'static str, &'static str); N];

type Durations = Family<[(&'static str, String); 1], Histogram, fn() -> Histogram>;

/// A number that is left out while the database does not answer.
type Told = Family<Labels<0>, Gauge>;

/// How long the database may take to answer. The other numbers are needed most when it does not.
const DATABASE_TIME_MAX: Duration = Duration::from_secs(2);

/// What is counted since the start. Every router has its own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Durations,
    errors: Family<Labels<1>, Counter>,
    statements: Counter,
    connections: Family<Labels<2>, Gauge>,
    hashes: Family<Labels<1>, Gauge>,
    hashes_computed: Counter,
    log_lines_dropped: Counter,
    turned_away: Counter,
    mails_waiting: Told,
    mails_oldest: Told,
    trail: Told,
    audit_file: Told,
}

impl Metrics {
    /// With all counters at zero.
    pub fn new(app: &App) -> Arc<Self> {
        let services = &app.services;
        let mut registry = Registry::with_prefix("tenantry");
        let all = &mut registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The version that runs", version);
        let tried = services.mailer.outcomes().clone();
        all.register("mails", "Mails that this process has tried to send, by outcome", tried);
        register_oauth(all, &services.counts);
        let durations = Durations::new_with_constructor(|| Histogram::new(SECONDS));
        let mails_oldest = Told::default();
        all.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            durations.clone(),
        );
        all.register_with_unit(
            "database_wait",
            "Time that requests waited for a connection to the database",
            Unit::Seconds,
            services.db.waits().clone(),
        );
        all.register_with_unit(
            "mails_oldest_age",
            "For how long the oldest mail in the outbox has waited",
            Unit::Seconds,
            mails_oldest.clone(),
        );
        let metrics = Self {
            durations,
            mails_oldest,
            requests: new(all, "requests", "Requests answered, by route, method and status"),
            errors: new(all, "errors", "Requests answered with an error, by its code"),
            statements: new(all, "statements", "Statements sent to the database by requests"),
            connections: new(all, "connections", "Connections to the database, by pool and state"),
            hashes: new(
                all,
                "password_hashes",
                "Passwords being hashed, and waiting for their turn",
            ),
            hashes_computed: new(all, "password_hashes_computed", "Passwords hashed"),
            log_lines_dropped: new(all, "log_lines_dropped", "Log lines that standard error did not take"),
            turned_away: new(
                all,
                "connections_turned_away",
                "Connections refused with 429, since their address had too many",
            ),
            mails_waiting: new(all, "mails_waiting", "Mails in the outbox, of all processes"),
            trail: new(all, "audit_trail_position", "The position of the newest audit event"),
            audit_file: new(
                all,
                "audit_file_position",
                "The position of the last audit event in the file that this process writes",
            ),
            registry,
        };
        // Alerts notice the increase of a counter, but not that of one that first appears with its first error.
        for code in ErrorCode::VARIANTS {
            let _ = metrics.errors.get_or_create(&[("code", code.into_str())]);
        }
        Arc::new(metrics)
    }

    /// Counts a request that has ended. `code` is the one of its error.
    pub fn observe(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        code: Option<ErrorCode>,
        statements: u32,
        took: Duration,
    ) {
        let route = route.unwrap_or("none").to_owned();
        let labels = RequestLabels {
            method: known(method),
            route: route.clone(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&[("route", route)])
            .observe(took.as_secs_f64());
        if let Some(code) = code {
            self.errors.get_or_create(&[("code", code.into_str())]).inc();
        }
        self.statements.inc_by(u64::from(statements));
    }

    /// Updates the numbers that other parts of the process keep.
    fn refresh(&self, app: &App) {
        for (pool, load) in app.services.db.load() {
            for (state, count) in [("idle", load.idle), ("used", load.used)] {
                self.connections
                    .get_or_create(&[("pool", pool), ("state", state)])
                    .set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        self.log_lines_dropped
            .inner()
            .store(telemetry::lines_dropped(), Ordering::Relaxed);
        self.turned_away.inner().store(turned_away(), Ordering::Relaxed);
        if let Some(position) = audit_event::file_position() {
            self.audit_file.get_or_create(&[]).set(position);
        }
        let computed = app.services.hasher.computed();
        self.hashes_computed.inner().store(computed, Ordering::Relaxed);
        let hashing = app.services.hasher.load();
        for (state, count) in [("running", hashing.running), ("waiting", hashing.waiting)] {
            self.hashes
                .get_or_create(&[("state", state)])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

fn register_oauth(registry: &mut Registry, counts: &Counts) {
    let (tokens, introspections) = (counts.tokens.clone(), counts.introspections.clone());
    registry.register("tokens", "Access tokens issued at the token endpoint, by grant", tokens);
    registry.register(
        "introspections",
        "Answers about credentials, by whether they are active",
        introspections,
    );
}

fn new<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// The numbers that only the database has.
struct Stock {
    mails: i64,
    oldest_seconds: i64,
    trail: i64,
}

async fn stock(app: &App) -> Result<Stock> {
    let services = &app.services;
    let (mails, oldest) = outbox::load(services.db.reader()).await?;
    let age = oldest.map_or(Duration::ZERO, |oldest| oldest.until(services.clock.now()));
    Ok(Stock {
        mails,
        oldest_seconds: i64::try_from(age.as_secs()).unwrap_or(i64::MAX),
        trail: audit_event::newest_position(&services.db).await?,
    })
}

impl Metrics {
    async fn refresh_from_database(&self, app: &App) {
        let told = tokio::time::timeout(DATABASE_TIME_MAX, stock(app)).await;
        let gauges = [&self.mails_waiting, &self.mails_oldest, &self.trail];
        match told {
            Ok(Ok(stock)) => {
                for (gauge, value) in gauges.into_iter().zip([stock.mails, stock.oldest_seconds, stock.trail]) {
                    gauge.get_or_create(&[]).set(value);
                }
            }
            Ok(Err(_)) | Err(_) => gauges.into_iter().for_each(|gauge| gauge.clear()),
        }
    }
}

/// One of the known methods, since clients may send any word.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The route.
pub async fn metrics(State(app): State<App>, metrics: Arc<Metrics>) -> Response {
    metrics.refresh(&app);
    metrics.refresh_from_database(&app).await;
    let mut text = String::new();
    if encode(&mut text, &metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let form = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, form)], text).into_response()
}
