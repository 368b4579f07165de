//! The flags, each with its variable and its help text.

use clap::Args;

/// The flags of `tenantry serve` and, where they apply, of the other commands. Values are kept as text and checked in
/// [`super::Config::read`], so that one start reports every mistake.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Database: sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME. Default: sqlite://tenantry.db.
    #[arg(
        long,
        env = "TENANTRY_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<String>,
    /// Maximum number of connections to PostgreSQL, 1 to 1000. Default: 8, which is plenty for a machine with four
    /// cores.
    #[arg(long, env = "TENANTRY_DATABASE_CONNECTIONS", value_name = "NUMBER", global = true)]
    pub database_connections: Option<String>,
    /// Address to listen on; port 0 picks a free one. Default: 127.0.0.1:8000.
    #[arg(long, env = "TENANTRY_LISTEN", value_name = "ADDRESS", global = true)]
    pub listen: Option<String>,
    /// API key of the super admin (20 or more visible ASCII characters), set at start if it is not set yet. Default:
    /// the first start creates one and prints it.
    #[arg(
        long,
        env = "TENANTRY_ADMIN_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        global = true
    )]
    pub admin_api_key: Option<String>,
    /// Public URL of this server, as in `https://directory.example.com`: the issuer of tokens, and the base of the links in
    /// mails unless there is an application URL. Default: `http://localhost:<port>` in tokens, and the address listened on in
    /// links.
    #[arg(long, env = "TENANTRY_PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// URL of your application, as in `https://app.example.com`: links in mails lead to its pages /accept-invitation,
    /// /reset-password and /verify-email. Default: to this server's own pages.
    #[arg(long, env = "TENANTRY_APP_URL", value_name = "URL", global = true)]
    pub app_url: Option<String>,
    /// SMTP server for mails: smtps://USER:PASSWORD@HOST (TLS), or smtp://HOST (STARTTLS; required with a password).
    /// Add ?tls=none to send a password, or mails, unencrypted. Without a server, operations that need mail are
    /// refused.
    #[arg(
        long,
        env = "TENANTRY_SMTP_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub smtp_url: Option<String>,
    /// Sender of mails, as in `Acme <no-reply@acme.example>`. Default: tenantry <no-reply@HOST>, with the host of the
    /// public URL.
    #[arg(long, env = "TENANTRY_MAIL_FROM", value_name = "ADDRESS", global = true)]
    pub mail_from: Option<String>,
    /// Folder that mails are written to as .eml files, instead of being sent.
    #[arg(long, env = "TENANTRY_MAIL_DIR", value_name = "DIR", global = true)]
    pub mail_dir: Option<String>,
    /// Folder with your own mail templates, which replace the built-in ones of the same names.
    #[arg(long, env = "TENANTRY_MAIL_TEMPLATES", value_name = "DIR", global = true)]
    pub mail_templates: Option<String>,
    /// The start page, GraphiQL and the documentation: on (the default) or off.
    #[arg(long, env = "TENANTRY_GRAPHIQL", value_name = "on|off", global = true)]
    pub graphiql: Option<String>,
    /// APIs of other products that are on: of kili, waii, wallaroo and air, separated by commas; none for no API but GraphQL.
    /// The first start stores it; afterwards 'tenantry faces' changes it. Default: what is stored, and all at the first start.
    #[arg(long, env = "TENANTRY_FACES", value_name = "NAMES", global = true)]
    pub faces: Option<String>,
    /// File that audit events are also written to, as JSON lines.
    #[arg(long, env = "TENANTRY_AUDIT_LOG", value_name = "FILE", global = true)]
    pub audit_log: Option<String>,
    /// GraphQL introspection, and the schema as text: on (the default) or off.
    #[arg(long, env = "TENANTRY_INTROSPECTION", value_name = "on|off", global = true)]
    pub introspection: Option<String>,
    /// 64 hex digits that encrypt the keys of session tokens; the same for every process on one database. Default: a
    /// file next to the SQLite file; on PostgreSQL nobody can sign in without it.
    #[arg(
        long,
        env = "TENANTRY_SECRET_KEY",
        value_name = "HEX",
        hide_env_values = true,
        global = true
    )]
    pub secret_key: Option<String>,
    /// Proxies that may name their client in X-Forwarded-For: addresses or networks (10.0.0.0/8), separated by commas.
    #[arg(long, env = "TENANTRY_TRUSTED_PROXIES", value_name = "ADDRESSES", global = true)]
    pub trusted_proxies: Option<String>,
    /// Origins whose pages may call from a browser, as in `https://app.example.com`, separated by commas.
    #[arg(long, env = "TENANTRY_CORS_ORIGINS", value_name = "ORIGINS", global = true)]
    pub cors_origins: Option<String>,
    /// Top-level keys of effective variables that all users see of themselves and of their tenant, separated by commas.
    #[arg(long, env = "TENANTRY_PUBLIC_VARIABLES", value_name = "KEYS", global = true)]
    pub public_variables: Option<String>,
    /// File with the permissions and product-wide roles of your product, which the server applies when it starts.
    #[arg(long, env = "TENANTRY_PERMISSIONS_FILE", value_name = "FILE", global = true)]
    pub permissions_file: Option<String>,
}
