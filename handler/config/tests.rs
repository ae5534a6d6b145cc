//! Whole environments, right and wrong.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn mistakes(pairs: &[(&str, &str)]) -> Vec<String> {
    let error = Config::from_environment(environment(pairs)).expect_err("the environment holds mistakes");
    error.0.iter().map(ToString::to_string).collect()
}

const ROUTER: &[(&str, &str)] = &[
    ("SWITCHBACK_ROLE", "router"),
    ("SWITCHBACK_EVEN_URL", "https://even.example.net/"),
    ("SWITCHBACK_ODD_URL", "https://odd.example.net/base/"),
];

#[test]
fn a_router_needs_its_role_and_two_urls() {
    let config = Config::from_environment(environment(ROUTER)).unwrap();
    let Role::Router(router) = config.role else { panic!("a router") };
    assert_eq!(router.arms.even.as_str(), "https://even.example.net");
    assert_eq!(router.arms.odd.as_str(), "https://odd.example.net/base");
    assert_eq!(router.failover, Failover::On);
    assert_eq!(config.listen.to_string(), "*:8080");
}

#[test]
fn under_the_functions_host_it_listens_on_loopback() {
    let mut pairs = ROUTER.to_vec();
    pairs.extend([("FUNCTIONS_CUSTOMHANDLER_PORT", "34567"), ("PORT", "8081")]);
    let config = Config::from_environment(environment(&pairs)).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:34567");
    assert!(config.under_functions_host);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let found = mistakes(&[
        ("SWITCHBACK_ROLE", "router"),
        ("SWITCHBACK_EVEN_URL", "ftp://even"),
        ("SWITCHBACK_FAILOVER", "maybe"),
        ("SWITCHBACK_TICKET_KEY", "hunter2"),
        ("PORT", "http"),
        ("SWITCHBACK_FAILOVR", "on"),
    ]);
    let settings: Vec<&str> = found.iter().map(|mistake| mistake.split(':').next().unwrap()).collect();
    assert_eq!(
        settings,
        ["PORT", "SWITCHBACK_EVEN_URL", "SWITCHBACK_FAILOVER", "SWITCHBACK_FAILOVR", "SWITCHBACK_ODD_URL", "SWITCHBACK_TICKET_KEY"]
    );
    assert!(found.iter().all(|mistake| !mistake.contains("hunter2")), "a secret is never repeated");
}

#[test]
fn a_log_level_misspelt_is_a_mistake_and_silences_nothing() {
    let log = |value| [ROUTER, &[("SWITCHBACK_LOG", value)]].concat();
    for right in ["info", "off", "WARN", "warn,switchback::routing=debug", "switchback=trace, info"] {
        assert!(Config::from_environment(environment(&log(right))).is_ok(), "{right}");
    }
    for wrong in ["verbose", "switchback", "info,debg", "switchback=loud", "[span]=info"] {
        let found = mistakes(&log(wrong));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
    }
}

#[test]
fn an_unresolved_key_vault_reference_is_named_once() {
    let mut pairs = ROUTER.to_vec();
    pairs[1].1 = "@Microsoft.KeyVault(SecretUri=https://vault.vault.azure.net/secrets/even)";
    let found = mistakes(&pairs);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("SWITCHBACK_EVEN_URL: is a Key Vault reference"));
}

#[test]
fn a_random_schedule_needs_its_seed_and_redacts_it() {
    let seed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let random = |seed: Option<&'static str>| {
        let seed = seed.map(|seed| ("SWITCHBACK_SCHEDULE_SEED", seed));
        ROUTER.iter().copied().chain([("SWITCHBACK_SCHEDULE", "random")]).chain(seed).collect::<Vec<_>>()
    };
    let config = Config::from_environment(environment(&random(Some(seed)))).unwrap();
    assert_eq!(config.rule.seed().map(|seed| seed.reveal()).as_deref(), Some(seed));
    assert!(!format!("{config:?}").contains("0b0c0d"), "{config:?}");
    let missing = mistakes(&random(None));
    assert!(missing.len() == 1 && missing[0].starts_with("SWITCHBACK_SCHEDULE: random needs SWITCHBACK_SCHEDULE_SEED"), "{missing:?}");
    let wrong = mistakes(&random(Some("hunter2")));
    assert!(wrong[0].starts_with("SWITCHBACK_SCHEDULE: random needs") && wrong[1].starts_with("SWITCHBACK_SCHEDULE_SEED:"), "{wrong:?}");
    assert!(wrong.iter().all(|mistake| !mistake.contains("hunter2")), "{wrong:?}");
}

#[test]
fn two_arms_are_two_instances() {
    let found = mistakes(&[
        ("SWITCHBACK_ROLE", "router"),
        ("SWITCHBACK_EVEN_URL", "https://one.example.net"),
        ("SWITCHBACK_ODD_URL", "https://one.example.net/"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn base_urls_hold_nothing_that_could_move_a_location() {
    for wrong in
        ["even.example.net", "//even", "https://user@even", "https://even?x=1", "https://even#x", "https://", "javascript:alert(1)"]
    {
        assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
    }
}

#[test]
fn secrets_are_redacted_in_debug() {
    let key = keys::ApiKey::of_secret("ci", keys::Scope::Write, "s3cret").to_string();
    let digest = key.rsplit(':').next().unwrap().to_owned();
    let pairs = [
        ("SWITCHBACK_ROLE", "api"),
        ("SWITCHBACK_ARM", "odd"),
        ("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef"),
        ("SWITCHBACK_API_KEYS", &key),
        ("DATABASE_URL", "postgresql://ledger:hunter2@db.example.net/ledger"),
    ];
    let printed = format!("{:?}", Config::from_environment(environment(&pairs)).unwrap());
    assert!(["0123456789abcdef", &digest, "hunter2"].iter().all(|secret| !printed.contains(secret)), "{printed}");
}
