use super::*;

fn from_file(text: &str) -> Result<Settings> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("quipu.toml");
    std::fs::write(&path, text).expect("writable");
    Settings { config: Some(path), listen: Some(([127, 0, 0, 1], 1).into()), ..Settings::default() }.with_file()
}

#[test]
fn the_file_says_what_flags_leave_open() {
    let text = "store = \"usage\"\nlisten = \"127.0.0.1:2\"\nmax_body = \"1MiB\"\nmax_unpacked = 4096\nquery_timeout = \"250ms\"\n\
                cors_origins = [\"https://a.example\"]\nlog_format = \"json\"\nflush_interval = \"5ms\"\nflush_events = 500\n";
    let config = Config::new(from_file(text).expect("valid")).expect("valid");
    assert_eq!(config.listen.port(), 1);
    assert_eq!((config.limits.body_bytes, config.limits.unpacked_bytes), (1 << 20, 4096));
    assert_eq!((config.limits.query, config.limits.connections), (Duration::from_millis(250), 1024));
    assert_eq!((config.log_format, config.log_level), (LogFormat::Json, LogLevel::Info));
    assert_eq!((config.flush_interval, config.flush_events), (Duration::from_millis(5), 500));
    assert_eq!(config.cors_origins, ["https://a.example"]);
}

#[test]
fn what_is_wrong_is_named() {
    for (text, words) in [
        ("colour = 1", "colour"),
        (
            "listen = \"127.0.0.1:1\"\nmax_queries = \"x\"",
            "line 2 column 15: the text \"x\" where a whole number from 0 is expected",
        ),
        ("max_body = \"1 parsec\"", "16MiB"),
        ("query_timeout = \"0s\"", "250ms"),
        ("config = \"other.toml\"", "another one"),
    ] {
        let error = from_file(text).expect_err("must be refused");
        assert!(error.to_string().contains(words), "{error}");
    }
    let store = || Some(PathBuf::from("usage"));
    for (settings, words) in [
        (Settings::default(), "--store"),
        (Settings { store: store(), tls_key: Some("k".into()), ..Settings::default() }, "belong together"),
        (Settings { store: store(), memory: Some("1MiB".parse().expect("a size")), ..Settings::default() }, "64MiB"),
        (
            Settings { store: store(), flush_interval: Some("1h".parse().expect("a span")), ..Settings::default() },
            "10s",
        ),
        (Settings { store: store(), max_queries: Some(0), ..Settings::default() }, "max_queries"),
        (Settings { store: store(), listen: Some(([0, 0, 0, 0], 1).into()), ..Settings::default() }, "--allow-public"),
    ] {
        let error = Config::new(settings).expect_err("must be refused");
        assert!(error.to_string().contains(words), "{error}");
    }
}
