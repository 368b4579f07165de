//! Turns faces on and off.

use crate::authz::{Action, Resource};
use crate::context::OpContext;
use crate::model::Faces;
use crate::model::error::Result;
use crate::store::audit_trail::Event;
use crate::store::catalogue;

/// Turns these faces on and the others off. Does nothing if it is so already.
pub async fn set(op: &OpContext, faces: Faces) -> Result<()> {
    op.authorize(Action::Modify, Resource::Permission)?;
    let change = op.begin().await?;
    catalogue::change(&*change).await?;
    if catalogue::faces(&*change).await? == Some(faces) {
        return Ok(());
    }
    catalogue::set_faces(&*change, faces).await?;
    let event = Event::new("faces.update", 0, "faces").named(faces.to_text()).access();
    change.commit([event]).await
}
