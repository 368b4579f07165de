//! Section 8: entity tags.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{GROUPS, USERS, ask, at, get, group_of, id_of, patch, patch_of, post, user_of, world};
use crate::on_both;
use crate::support::App;

on_both! {
    async fn a_tag_changes_with_what_is_shown(app: App) {
        let (ada, _) = world(&app).await;
        let made = post(&ada, USERS, user_of(json!({"userName": "lin"}))).await;
        let path = at(USERS, id_of(&made));
        let tag = made["meta"]["version"].as_str().unwrap().to_owned();
        let reply = ask(&ada, Method::GET, &path, &[], None).await;
        assert_eq!(reply.headers[header::ETAG], tag.as_str());
        assert_eq!(reply.headers[header::LOCATION], super::place("Users", id_of(&made)).as_str());
        let known = ask(&ada, Method::GET, &path, &[(header::IF_NONE_MATCH, &tag)], None).await;
        assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""));
        let group = post(&ada, GROUPS, group_of(json!({"displayName": "G"}))).await;
        let of_group = group["meta"]["version"].as_str().unwrap().to_owned();
        patch(&ada, 204, &at(GROUPS, id_of(&group)), json!([{"op": "add", "path": "members", "value": [{"value": id_of(&made)}]}])).await;
        // A changed membership is never hidden, and changes neither version.
        for (path, tag) in [(&path, &tag), (&at(GROUPS, id_of(&group)), &of_group)] {
            let reply = ask(&ada, Method::GET, path, &[(header::IF_NONE_MATCH, tag)], None).await;
            assert_eq!(reply.status, 200, "{path}");
            assert!(reply.headers[header::ETAG].to_str().unwrap().starts_with("W/\"1."), "{reply:?}");
            assert_ne!(reply.headers[header::ETAG], tag.as_str());
        }
        let bare = ask(&ada, Method::GET, &format!("{path}?attributes=userName"), &[], None).await;
        assert_eq!(bare.headers[header::ETAG], "W/\"1\"");
        assert_eq!(get(&ada, &at(GROUPS, id_of(&group))).await["meta"]["lastModified"], group["meta"]["lastModified"]);
    }

    async fn a_past_version_is_not_changed(app: App) {
        let (ada, _) = world(&app).await;
        let user = post(&ada, USERS, user_of(json!({"userName": "lin"}))).await;
        let group = post(&ada, GROUPS, group_of(json!({"displayName": "G"}))).await;
        let renamed = |n: i32| patch_of(json!([{"op": "replace", "path": "displayName", "value": format!("N{n}")}]));
        for (path, whole) in [(at(USERS, id_of(&user)), user_of(json!({"userName": "lin"}))), (at(GROUPS, id_of(&group)), group_of(json!({"displayName": "G"})))] {
            let status = async |method: Method, tag: &str, body: Option<&Value>| ask(&ada, method, &path, &[(header::IF_MATCH, tag)], body).await.status.as_u16();
            assert!(status(Method::PATCH, "W/\"1\"", Some(&renamed(1))).await < 300, "{path}");
            for past in ["W/\"1\"", "\"1.abcdef01\"", "W/\"x\"", "\"99\""] {
                let before = app.dump().await;
                assert_eq!(status(Method::PATCH, past, Some(&renamed(2))).await, 412, "{path} {past}");
                assert_eq!(status(Method::PUT, past, Some(&whole)).await, 412, "{path} {past}");
                assert_eq!(status(Method::DELETE, past, None).await, 412, "{path} {past}");
                assert_eq!(app.dump().await, before);
            }
            assert!(status(Method::PATCH, "2", Some(&renamed(3))).await < 300, "{path}");
            assert!(status(Method::PATCH, "*", Some(&renamed(4))).await < 300, "{path}");
            assert_eq!(status(Method::DELETE, "W/\"1\", W/\"4.00000000\"", None).await, 204, "{path}");
        }
    }
}
