//! Whose word counts.

use proptest::prelude::*;

use super::*;

fn decide(told: Option<&str>, variables: &[(&str, &str)], system: &str) -> ProxySettings {
    let set = |wanted: &str| {
        let mut set = variables.iter();
        let found = set.find(|(name, _)| *name == wanted);
        found.map(|(_, value)| (*value).to_owned())
    };
    ProxySettings::decide(told, set, system).unwrap()
}

fn way(settings: &ProxySettings, url: &str) -> String {
    match settings.way_to(&Url::parse(url).unwrap()) {
        Way::Direct => "direct".to_owned(),
        Way::Through(hop) => format!("only {hop}"),
        Way::Perhaps(hop, source) => format!("{hop} by {source}"),
    }
}

const ENVIRONMENT: [(&str, &str); 2] = [
    ("HTTPS_PROXY", "http://u:secret@env:1"),
    ("NO_PROXY", ".corp.example"),
];
const SYSTEM_FILE: &str = "https_proxy=http://sys:2\nno_proxy=home.example";

#[test]
fn the_user_comes_before_the_environment_and_that_before_the_system() {
    let zone = "https://zone.example";
    let told = decide(Some("told:3128"), &ENVIRONMENT, SYSTEM_FILE);
    assert_eq!(way(&told, zone), "only http://told:3128");
    // The user means it: what the environment exempts is no matter.
    assert_eq!(
        way(&told, "https://zc.corp.example"),
        "only http://told:3128"
    );
    let environment = decide(None, &ENVIRONMENT, SYSTEM_FILE);
    assert_eq!(way(&environment, zone), "http://env:1 by HTTPS_PROXY");
    assert_eq!(way(&environment, "https://zc.corp.example"), "direct");
    let system = decide(None, &[], SYSTEM_FILE);
    let by = "http://sys:2 by https_proxy in /etc/environment";
    assert_eq!(way(&system, zone), by);
    assert_eq!(way(&system, "https://home.example"), "direct");
    assert_eq!(way(&decide(None, &[], ""), zone), "direct");
}

#[test]
fn what_the_machine_says_is_looked_at_again_and_what_somebody_said_stays() {
    let zone = "https://zone.example";
    let told = decide(Some("told:3128"), &ENVIRONMENT, "");
    assert_eq!(way(&told.look_again(), zone), "only http://told:3128");
    assert_eq!(way(&ProxySettings::default().look_again(), zone), "direct");
    let before = decide(None, &[], "https_proxy=http://elsewhere.invalid:2");
    let now = ProxySettings::detect(None).unwrap();
    assert_eq!(way(&before.look_again(), zone), way(&now, zone));
    assert_ne!(way(&before.look_again(), zone), way(&before, zone));
}

#[test]
fn a_setting_that_cannot_be_followed_is_told_and_passed_over() {
    let settings = decide(
        None,
        &[("ALL_PROXY", "socks5://u:secret@env:1")],
        SYSTEM_FILE,
    );
    assert!(way(&settings, "https://zone.example").starts_with("http://sys:2"));
    let ignored = settings.ignored().unwrap();
    assert!(ignored.starts_with("ALL_PROXY is for socks5"), "{ignored}");
    assert!(!ignored.contains("secret"));
}

#[test]
fn a_wrong_word_of_the_user_is_an_error_that_says_what_to_write() {
    let wrong = ProxySettings::decide(Some("socks5://u:secret@p:1"), |_| None, "");
    let text = wrong.unwrap_err().to_string();
    assert!(text.starts_with("--proxy is for socks5"), "{text}");
    assert!(text.contains("http://[USER:PASSWORD@]HOST:PORT"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn no_password_is_shown() {
    let settings = decide(None, &ENVIRONMENT, "");
    assert!(settings.proxy().unwrap().0.has_credentials());
    let way = settings.way_to(&Url::parse("https://zone.example").unwrap());
    for shown in [format!("{settings:?}"), format!("{way:?}")] {
        assert!(
            !shown.contains("secret") && !shown.contains("dTpz"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(
        told in proptest::option::of(".{0,60}"),
        value in ".{0,60}",
        no in ".{0,60}",
        file in "(.{0,20}\n){0,5}",
    ) {
        let variable = |name: &str| match name {
            "HTTPS_PROXY" => Some(value.clone()),
            "NO_PROXY" => Some(no.clone()),
            _ => None,
        };
        if let Ok(settings) = ProxySettings::decide(told.as_deref(), variable, &file) {
            let _ = settings.way_to(&Url::parse("https://zone.example:8443").unwrap());
        }
    }
}
