//! Which faces are on, when a process starts.

use crate::context::OpContext;
use crate::model::Faces;
use crate::model::error::Result;
use crate::store::catalogue;

/// What a start finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    On(Faces),
    /// Others are on than the configuration says. What to do, for people.
    Otherwise(String),
}

/// Decides at the first start, by the configuration or else for all of them; any other start only finds out. A database that
/// accepts no writes decides nothing: then all are on.
pub async fn settle(op: &OpContext, configured: Option<Faces>) -> Result<Settled> {
    if catalogue::faces(op.db().reader()).await?.is_none() && op.db().takes_changes().await? {
        let change = op.begin().await?;
        catalogue::change(&*change).await?;
        // Another process may have been first.
        if catalogue::faces(&*change).await?.is_none() {
            catalogue::set_faces(&*change, configured.unwrap_or(Faces::all())).await?;
            change.commit([]).await?;
        }
    }
    find(op, configured).await
}

/// The same without deciding anything.
pub async fn find(op: &OpContext, configured: Option<Faces>) -> Result<Settled> {
    let on = on(op).await?;
    let Some(configured) = configured.filter(|configured| *configured != on) else {
        return Ok(Settled::On(on));
    };
    let (configured, on) = (configured.to_text(), on.to_text());
    Ok(Settled::Otherwise(format!(
        "TENANTRY_FACES is '{configured}', but this database has '{on}', for every process. Set it to that, or run \
         'tenantry faces --set {configured}' and restart every process"
    )))
}

/// The faces that are on.
pub async fn on(op: &OpContext) -> Result<Faces> {
    Ok(catalogue::read(op.db().reader()).await?.faces())
}
