//! A document that was met before is answered as one that was not.

use serde_json::json;

use crate::on_both;
use crate::support::App;

on_both! {
    async fn a_document_is_answered_anew_each_time(app: App) {
        app.organization("acme", &[]).await;
        let (ada, bob) = (app.user("acme", "ada", None).await, app.user("acme", "bob", None).await);
        let document = "query One($id: ID!) { users(where: {id: $id}) { id } } query Me { me { id } }";
        for _ in 0..2 {
            for id in ["ada", "bob"] {
                let one = json!({"query": document, "operationName": "One", "variables": {"id": id}});
                let me = json!({"query": document, "operationName": "Me"});
                let admin = app.admin();
                assert_eq!(app.send(admin.request("/graphql", &one)).await.json(), json!({"data": {"users": [{"id": id}]}}));
                assert_eq!(app.send(admin.request("/graphql", &me)).await.json(), json!({"data": {"me": {"id": "admin"}}}));
            }
            // What one may see does not come with the document that another sent.
            for (caller, id) in [(&ada, "ada"), (&bob, "bob")] {
                let seen = caller.ok("{ me { id } users { id } }", json!({})).await;
                assert_eq!(seen, json!({"me": {"id": id}, "users": [{"id": id}]}));
            }
            assert_eq!(app.anonymous().ok("{ me { id } }", json!({})).await, json!({"me": null}));
        }
    }

    async fn a_refused_document_is_refused_each_time(app: App) {
        let aliases: String = (0..20).map(|number| format!("a{number}: me {{ id }} ")).collect();
        for _ in 0..2 {
            assert_eq!(app.admin().refused(&format!("{{ {aliases} }}"), json!({})).await, "LIMIT_EXCEEDED");
            assert_eq!(app.admin().refused("{ me { id }", json!({})).await, "INVALID");
            assert_eq!(app.admin().refused("{ nobody }", json!({})).await, "INVALID");
        }
    }
}
