//! Questions about what users may do, in the schema.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::directory::role::{self, Answer, Question};
use crate::graphql::user::UserWhere;
use crate::graphql::{List, Result, op};

/// Whether a user has a permission.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "PermissionAnswer")]
pub struct PermissionAnswerObject {
    /// The id of the user, as it was asked for.
    pub user_id: ID,
    /// The name of the permission, as it was asked for.
    pub permission: String,
    /// Whether the user has the permission. False for a user who is deactivated, does not exist or is outside the caller's
    /// scope, and for a permission that does not exist.
    pub allowed: bool,
    /// Whether there is a permission of this name.
    pub known: bool,
}

impl From<Answer> for PermissionAnswerObject {
    fn from(answer: Answer) -> Self {
        Self {
            user_id: ID(answer.question.user_id),
            permission: answer.question.permission,
            allowed: answer.allowed,
            known: answer.known,
        }
    }
}

/// A question: whether a user has a permission.
#[derive(Clone, Debug, InputObject)]
pub struct CheckData {
    /// The id of the user.
    user_id: ID,
    /// The name of the permission, for example `read:user`.
    permission: String,
}

#[derive(Default)]
pub struct PermissionQuery;

#[Object]
impl PermissionQuery {
    /// Whether a user has some permissions. Of the caller, those that the credential of this request permits; this needs no
    /// permission. About other users, it needs `read:user` and `read:role`.
    async fn can(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Names of permissions, 1 to 100, for example `read:user`.")] permissions: Vec<String>,
        #[graphql(desc = "The user: `id` is required; any further conditions must match too. Default: the caller.")]
        user: Option<UserWhere>,
        #[graphql(
            desc = "The id of the tenant that the permissions are to hold for. Default: the whole organization."
        )]
        tenant: Option<ID>,
    ) -> Result<List<PermissionAnswerObject>> {
        let op = op(ctx);
        let _turn = op.turn().await;
        let user = user.map(|user| user.named(op));
        let answers = role::can(op, permissions, user, tenant.as_deref().map(String::as_str)).await?;
        Ok(answers.into_iter().map(Into::into).collect())
    }

    /// Whether users have permissions, as `can` tells it: one answer for each question, in the same order.
    async fn check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The questions, 1 to 100.")] data: Vec<CheckData>,
        #[graphql(
            desc = "The id of the tenant that the permissions are to hold for. Default: the whole organization."
        )]
        tenant: Option<ID>,
    ) -> Result<List<PermissionAnswerObject>> {
        let op = op(ctx);
        let _turn = op.turn().await;
        let question = |one: CheckData| Question {
            user_id: one.user_id.0,
            permission: one.permission,
        };
        let questions = data.into_iter().map(question).collect();
        let answers = role::check(op, questions, tenant.as_deref().map(String::as_str)).await?;
        Ok(answers.into_iter().map(Into::into).collect())
    }
}
