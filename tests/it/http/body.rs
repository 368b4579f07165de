//! Bodies: their size, their text, their numbers.

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use futures::StreamExt;
use serde_json::json;
use tenantry::request::BODY_BYTES_MAX;

use super::{app, post};
use crate::support::assert_leaks_nothing;

#[tokio::test]
async fn a_large_body_is_refused_with_and_without_a_length() {
    let app = app().await;
    let padded = |length: usize| {
        let start = r#"{"query":"{__typename}","extensions":{"x":""#;
        format!("{start}{}\"}}}}", "x".repeat(length - start.len() - 3))
    };
    let fits = post(&app.anonymous(), padded(BODY_BYTES_MAX)).await;
    assert_eq!(fits.body, r#"{"data":{"__typename":"Query"}}"#);
    let pieces = |text: String| {
        let pieces: Vec<Result<Bytes, std::io::Error>> = text
            .as_bytes()
            .chunks(1000)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        Body::from_stream(futures::stream::iter(pieces))
    };
    let fits = post(&app.anonymous(), pieces(padded(BODY_BYTES_MAX))).await;
    assert_eq!(fits.status, StatusCode::OK);
    for body in [
        Body::from(padded(BODY_BYTES_MAX + 1)),
        pieces(padded(BODY_BYTES_MAX + 1)),
    ] {
        let reply = post(&app.anonymous(), body).await;
        assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
        let error = &reply.json()["errors"][0];
        assert_eq!(error["message"], "The body is too large; the limit is 1048576 bytes.");
    }
    // One without an end is left as soon as it is too long.
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096])));
    assert_eq!(
        post(&app.anonymous(), Body::from_stream(endless)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn a_body_that_stops_or_stalls_is_the_clients_fault() {
    let app = app().await;
    let start = Bytes::from_static(b"{\"query\":");
    let broken = futures::stream::iter([Ok(start.clone()), Err(std::io::Error::other("gone"))]);
    let reply = post(&app.anonymous(), Body::from_stream(broken)).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(!reply.body.contains("gone"), "{}", reply.body);

    let first = futures::stream::iter([Ok::<_, std::io::Error>(start)]);
    let stalled = Body::from_stream(first.chain(futures::stream::pending()));
    let reply = post(&app.anonymous(), stalled).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let message = "The body did not come to its end within 30 seconds.";
    assert_eq!(reply.json()["errors"][0]["message"], message);
}

#[tokio::test]
async fn text_that_is_none_is_refused() {
    let app = app().await;
    let bodies: [&[u8]; 7] = [
        b"{\"query\":\"{__typename \xff}\"}",
        b"{\"query\":\"{__typename}\",\"variables\":{\"a\":\"\xc3\x28\"}}",
        b"{\"query\":\"{__typename}\",\"variables\":{\"\xed\xa0\x80\":1}}",
        br#"{"query":"{__typename}","variables":{"a":"\ud800"}}"#,
        br#"{"query":"{__typename}","variables":{"a":"\udc00\ud800"}}"#,
        br#"{"query":"\ud83d{__typename}"}"#,
        b"\xff\xfe{\x00}\x00",
    ];
    for body in bodies {
        let reply = post(&app.admin(), body).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{}",
            String::from_utf8_lossy(body)
        );
        assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "INVALID");
    }
    let pair =
        br#"{"query":"query($w: UserWhere) { countUsers(where: $w) }","variables":{"w":{"name":"\ud83d\ude00"}}}"#;
    assert_eq!(post(&app.admin(), &pair[..]).await.body, r#"{"data":{"countUsers":0}}"#);
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_refused() {
    let app = app().await;
    for number in [
        "1e400",
        "-1e400",
        "9223372036854775808",
        "2147483648",
        "1.5",
        "1e2",
        "0.0",
        "\"1\"",
        "true",
        "[1,2]",
        "{}",
    ] {
        let body =
            format!(r#"{{"query":"query($n: Int) {{ users(skip: $n) {{ id }} }}","variables":{{"n":{number}}}}}"#);
        let reply = post(&app.admin(), body).await;
        assert_leaks_nothing(&reply.body);
        assert_eq!(
            reply.json()["errors"][0]["extensions"]["code"],
            "INVALID",
            "{number}: {}",
            reply.body
        );
        let body = format!(
            r#"{{"query":"query($n: PageSize!) {{ users(first: $n) {{ id }} }}","variables":{{"n":{number}}}}}"#
        );
        let reply = post(&app.admin(), body).await;
        assert_leaks_nothing(&reply.body);
        assert_eq!(
            reply.json()["errors"][0]["extensions"]["code"],
            "INVALID",
            "{number}: {}",
            reply.body
        );
        if !number.contains(['"', '{', '[', 't']) {
            let body = json!({ "query": format!("{{ users(skip: {number}) {{ id }} }}") });
            let reply = post(&app.admin(), body.to_string()).await;
            assert_eq!(
                reply.json()["errors"][0]["extensions"]["code"],
                "INVALID",
                "{number}: {}",
                reply.body
            );
        }
    }
    for nonsense in ["NaN", "Infinity", "01", "1.", ".5", "0x10", "1e", "+1"] {
        let body = format!(r#"{{"query":"{{__typename}}","variables":{{"n":{nonsense}}}}}"#);
        assert_eq!(
            post(&app.admin(), body).await.status,
            StatusCode::BAD_REQUEST,
            "{nonsense}"
        );
    }
}

#[tokio::test]
async fn deep_json_is_refused_also_inside_what_looks_like_a_mark() {
    let app = app().await;
    let with = |variables: &str| format!(r#"{{"query":"{{__typename}}","variables":{{"v":{variables}}}}}"#);
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(
                post(&app.anonymous(), with(&deep)).await.status,
                StatusCode::BAD_REQUEST,
                "{depth}"
            );
        }
    }
    // A reader of JSON that took this key for its own would read the text under it as JSON again, and again.
    let mut nested = "1".to_owned();
    for _ in 0..12 {
        let inner = format!("{}{nested}{}", "[".repeat(100), "]".repeat(100));
        nested = json!({ "$serde_json::private::RawValue": inner }).to_string();
    }
    let reply = post(&app.anonymous(), with(&nested)).await;
    assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#);
    let number = r#"{"$serde_json::private::Number":"no number"}"#;
    let reply = post(&app.anonymous(), with(number)).await;
    assert_eq!(reply.body, r#"{"data":{"__typename":"Query"}}"#, "a key like any other");
}

#[tokio::test]
async fn json_of_a_variable_returns_as_it_came() {
    let app = app().await;
    let text = r#"{"z":1,"a":[1.50,12345678901234567890123,1e+400,null,{"$serde_json::private::RawValue":"{}"}],"b":{"c":null}}"#;
    let document = r#"mutation($v: JSON) { createOrganization(data: {id: \"kept\", name: \"Kept\", variables: $v}) { variables } }"#;
    let body = format!(r#"{{"query":"{document}","variables":{{"v":{text}}}}}"#);
    let reply = post(&app.admin(), body).await;
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json; charset=utf-8");
    assert_eq!(
        reply.body,
        format!(r#"{{"data":{{"createOrganization":{{"variables":{text}}}}}}}"#)
    );
}
