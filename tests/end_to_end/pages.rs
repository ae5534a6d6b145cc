//! The pages as a browser sees them: signing in with a key once, looking, uploading a bill, taking the sums along as a file.

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Reply, Wire, request};

const SAMPLE: &[u8] = include_bytes!("../data/focus-1.0-sample.csv");
/// Keys `test`, which may write, and `read` with their digests.
const API_KEYS: &str = "ci:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,\
    bi:read:3316348dbadfb7b11c7c2ea235949419e23f9fa898ad2c198f999617912a9925";
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

/// A browser: it keeps one cookie.
struct Browser<'server> {
    server: &'server Server,
    cookie: String,
}

impl Browser<'_> {
    fn get(&self, path: &str) -> Reply {
        Wire::to(self.server).ask("GET", path, &[HTML, ("cookie", &self.cookie), ("sec-fetch-site", "same-origin")])
    }

    fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let length = body.len().to_string();
        let headers = [HTML, ("cookie", &self.cookie), ("content-type", content_type), ("content-length", &length)];
        Wire::to(self.server).send(request("POST", path, &headers)).send(body).reply()
    }

    fn sign_in(server: &Server, key: &str) -> (Reply, String) {
        let browser = Browser { server, cookie: "theme=dark".to_owned() };
        let reply = browser.post("/sign-in", "application/x-www-form-urlencoded", format!("key={key}&next=%2Fimports").as_bytes());
        let cookie = reply.header("set-cookie").and_then(|set| set.split(';').next()).unwrap_or_default().to_owned();
        (reply, cookie)
    }

    /// Uploads the sample with a form that brings `token` along.
    fn upload(&self, token: &str) -> Reply {
        let part = |name: &str, value: &str| format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let file = "--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"bill.csv\"\r\ncontent-type: text/csv\r\n\r\n";
        let head = format!("{}{}{file}", part("token", token), part("dataset", "azure-actual"));
        self.post("/imports", "multipart/form-data; boundary=cut", &[head.as_bytes(), SAMPLE, b"\r\n--cut--\r\n"].concat())
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// The token of the forms on a page.
fn token(page: &str) -> String {
    page.split_once("name=\"token\" value=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(token, _)| token.to_owned()).unwrap()
}

#[test]
fn a_browser_signs_in_once_looks_uploads_and_takes_sums_along() {
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_API_KEYS", API_KEYS).start();
    let stranger = Browser { server: &arm, cookie: String::new() };
    let sent = stranger.get("/costs?period=month");
    assert_eq!((sent.status, sent.header("location")), (303, Some("/sign-in?next=%2Fcosts%3Fperiod%3Dmonth")));
    assert_eq!(Wire::to(&arm).ask("GET", "/costs", &[]).status, 401, "a program is told");
    let (refused, cookie) = Browser::sign_in(&arm, "guessed");
    assert_eq!((refused.status, cookie.as_str()), (401, ""));
    assert!(text(&refused).contains("the API key is not known"), "{}", text(&refused));

    let (signed_in, cookie) = Browser::sign_in(&arm, "test");
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/imports")));
    let set = signed_in.header("set-cookie").unwrap();
    assert!(set.contains("; HttpOnly; SameSite=Lax") && !set.contains("test"), "{set}");
    let browser = Browser { server: &arm, cookie };
    let empty = text(&browser.get("/imports"));
    assert!(empty.contains("Nothing imported yet") && empty.contains("Upload a bill") && empty.contains("Sign out"), "{empty}");
    let token = token(&empty);
    assert_eq!(browser.get("/api/imports").status, 200, "a session reads the API too");

    let posted = browser.post("/api/imports", "text/csv", SAMPLE);
    assert_eq!(posted.status, 401, "a session alone never writes");
    for wrong in ["", "0000"] {
        let refused = browser.upload(wrong);
        assert!(refused.status == 403 && text(&refused).contains("not of this session"), "{}", text(&refused));
    }
    let stored = browser.upload(&token);
    let import = stored.header("location").unwrap_or_else(|| panic!("{}", text(&stored))).to_owned();
    assert!(stored.status == 303 && import.starts_with("/imports/"), "{stored:?}");
    let page = text(&browser.get(&import));
    assert!(
        page.contains("<h1>bill.csv</h1>")
            && page.contains("<dd>1,000</dd>")
            && page.contains("2024-10: 1 charge")
            && page.contains("azure-actual"),
        "{page}"
    );
    assert_eq!(browser.upload(&token).header("location"), Some(import.as_str()), "the same file is the same import");

    let page = text(&browser.get("/costs?provider=Oracle&group_by=service&period=day"));
    assert!(page.contains("7 charges in USD") && page.contains("Remove the filter Provider: Oracle"), "{page}");
    let file = browser.get("/costs?provider=Oracle&format=csv");
    assert_eq!((file.status, file.header("content-disposition")), (200, Some("attachment; filename=\"costs.csv\"")));
    let asked = "/api/costs?metric=billed&group_by=service&period=day&top=8&provider=Oracle";
    let answered = Wire::to(&arm).ask("GET", asked, &[("x-api-key", "read"), ("accept", "text/csv")]);
    assert_eq!(text(&file), text(&answered), "the file is what the API says");
    let wrong = browser.get("/costs?period=week");
    assert!(wrong.status == 400 && text(&wrong).contains("period must be one of"), "{}", text(&wrong));

    let out = browser.post("/sign-out", "application/x-www-form-urlencoded", format!("token={token}").as_bytes());
    assert!(out.status == 303 && out.header("set-cookie").unwrap().contains("Max-Age=0"), "{out:?}");
}

#[test]
fn a_reader_has_no_form_and_a_forged_cookie_no_session() {
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_API_KEYS", API_KEYS).start();
    let (_, cookie) = Browser::sign_in(&arm, "read");
    let reader = Browser { server: &arm, cookie: cookie.clone() };
    let page = text(&reader.get("/imports"));
    assert!(page.contains("<h1>Imports</h1>") && !page.contains("Upload a bill"), "{page}");
    assert_eq!(reader.upload(&token(&page)).status, 403);
    let forged = Browser { server: &arm, cookie: cookie.replace("bi.", "ci.") };
    assert_eq!(forged.get("/imports").status, 303);
}

#[test]
fn on_this_machine_without_keys_every_page_is_there_and_strangers_forms_are_refused() {
    let arm = Role::arm("even", &database::migrated()).start();
    let browser = Browser { server: &arm, cookie: String::new() };
    for (path, words) in [
        ("/", "Too early: no whole minute has been counted yet"),
        ("/plans", "No traffic was measured yet"),
        ("/runs", "switchback run declare"),
        ("/costs", "The ledger is empty"),
        ("/imports", "Upload a bill"),
        ("/api/docs", "swagger-ui-bundle.js"),
        ("/api/docs/problems", "too-large"),
    ] {
        let page = browser.get(path);
        assert!(page.status == 200 && text(&page).contains(words), "{path}: {} {}", page.status, text(&page));
        assert_eq!(text(&page).matches("<nav aria-label=\"Pages\">").count(), 1, "{path} has the navigation");
    }
    assert_eq!(browser.get("/sign-in?next=%2Fcosts").header("location"), Some("/costs"), "there is nothing to sign in to");
    let missing = browser.get("/runs/none-such");
    assert!(missing.status == 404 && text(&missing).contains("<h1>Not found</h1>"), "{}", text(&missing));
    let stored = browser.upload("");
    assert_eq!(stored.status, 303, "{}", text(&stored));
    let length = [("content-length", "0"), ("content-type", "multipart/form-data; boundary=cut")];
    let strange = [&length[..], &[("origin", "https://evil.example")]].concat();
    assert_eq!(Wire::to(&arm).ask("POST", "/imports", &strange).status, 401);
}

#[test]
fn a_path_that_leads_nowhere_is_told_in_the_readers_form() {
    let arm = Role::arm("even", &database::migrated()).start();
    let page = Wire::to(&arm).ask("GET", "/cost", &[HTML]);
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(text(&page).contains("nothing lives at this path"), "{page:?}");
    for (path, accept) in [("/cost", "*/*"), ("/api/cost", HTML.1)] {
        let problem = Wire::to(&arm).ask("GET", path, &[("accept", accept)]);
        assert_eq!((problem.status, problem.header("content-type")), (404, Some("application/problem+json")), "{path}");
    }
}
