//! What is open to anybody takes plain keys (an address, an organization's id, a token, a password) and no filter: its
//! answers, and their times, would tell a stranger whom the filter lets pass.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::refusals::{PUBLIC, field_of};
use super::{Sdl, named};
use crate::on_both;
use crate::support::App;

/// The one whose `where` is older clients', and so keeps its type: without a credential it takes no more than the others.
const WITH_WHERE: &str = "updatePassword";

#[test]
fn no_open_verb_takes_a_filter() {
    let sdl = Sdl::read();
    let open: BTreeSet<&str> = PUBLIC.iter().map(|(case, _)| field_of(case)).collect();
    assert!(open.contains(WITH_WHERE));
    for name in open.into_iter().filter(|name| *name != WITH_WHERE) {
        let field = ["Query", "Mutation"].into_iter().find_map(|root| sdl.field(root, name));
        let arguments = &field.unwrap().arguments;
        let (mut seen, mut next) = (BTreeSet::new(), Vec::new());
        next.extend(arguments.iter().map(|argument| named(&argument.node.ty.node)));
        while let Some(ty) = next.pop() {
            assert!(!ty.ends_with("Where"), "{name} is open to anybody and takes a {ty}");
            if seen.insert(ty) {
                next.extend(sdl.input_fields(ty).iter().map(|field| named(&field.ty.node)));
            }
        }
    }
}

/// A value for a filter's field; of a filter in it, one that lets the user `new` pass.
fn value_of(ty: &str, is_list: bool) -> Value {
    let one = match ty {
        "ID" => json!("new"),
        "String" => json!("new@acme.example"),
        "Boolean" => json!(true),
        "UserKind" => json!("SERVICE"),
        "UserWhere" => json!({"email": "new@acme.example"}),
        "OrganizationWhere" => json!({"nameContains": "a"}),
        "DateTime" => json!("2026-01-01T00:00:00Z"),
        "TenantWhere" | "GroupWhere" | "RoleWhere" => json!({"name": "any"}),
        _ => panic!("a new type of filter: {ty}"),
    };
    if is_list { json!([one]) } else { one }
}

const UPDATE: &str = "mutation($where: UserWhere!, $old: String!) { updatePassword(where: $where, data: {oldPassword: $old, newPassword1: \"a brand new one\", newPassword2: \"a brand new one\"}) { id } }";

on_both! {
    async fn without_a_credential_a_where_is_an_address(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let make = "mutation { createUserWithPassword(data: {id: \"new\", email: \"new@acme.example\", organizationId: \"acme\"}) { password } }";
        let made = app.admin().ok(make, json!({})).await;
        let temporary = made["createUserWithPassword"]["password"].as_str().unwrap().to_owned();
        let sdl = Sdl::read();
        let nobody = app.anonymous();
        let mut filters = Vec::new();
        for field in sdl.input_fields("UserWhere") {
            let name = field.name.node.as_str();
            if name != "email" {
                filters.push(json!({name: value_of(named(&field.ty.node), super::is_list(&field.ty.node))}));
            }
        }
        assert!(filters.len() > 20, "{filters:?}");
        filters.extend([
            json!({"organization": {"id": "acme", "nameContains": "a"}}),
            json!({"organization": {"idIn": ["acme"]}}),
            json!({"organization": {"user": {"email": "new@acme.example"}}}),
            json!({"organization": {"NOT": {"id": "globex"}}}),
            json!({"OR": []}),
            json!({"OR": (0..1_200).map(|n| json!({"nameContains": n.to_string()})).collect::<Vec<_>>()}),
        ]);
        for filter in filters {
            for email in ["new@acme.example", "nobody@acme.example", "no address"] {
                let mut wanted = filter.clone();
                wanted["email"] = json!(email);
                let variables = json!({"where": wanted, "old": temporary});
                let sent = tenantry::store::db::SENT.scope(Default::default(), async {
                    let refusal = nobody.refusal(UPDATE, variables.clone()).await;
                    assert_eq!(refusal["extensions"], json!({"code": "INVALID", "field": "where"}), "{wanted}: {refusal}");
                    tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().len())
                });
                assert_eq!(sent.await, 0, "{wanted} was looked up");
            }
        }
        let before = app.dump().await;
        // The wrong organization is a wrong address; whatever is null, or empty, is not given.
        for organization in [json!({"id": "globex"}), json!({"id": "nowhere"}), json!({"id": "a\u{0}b"})] {
            let variables = json!({"where": {"email": "new@acme.example", "organization": organization}, "old": temporary});
            assert_eq!(nobody.code(UPDATE, variables).await, "UNAUTHENTICATED", "{organization}");
        }
        // Whoever names nobody by an address has not come to this door.
        for other in [json!({"id": "new"}), json!({"nameContains": "n"}), json!({"email": null})] {
            assert_eq!(nobody.code(UPDATE, json!({"where": other, "old": temporary})).await, "UNAUTHENTICATED", "{other}");
        }
        assert_eq!(before, app.dump().await);
        let wanted = json!({"email": "NEW@acme.example", "id": null, "organization": {"id": "acme", "name": null}, "tenant": {}, "AND": []});
        nobody.ok(UPDATE, json!({"where": wanted, "old": temporary})).await;
    }
}
