//! The page at `/`: one document, one script, one style, all of them in the binary.
//!
//! It holds nothing of the store and asks the routes under `/v1` like any client, with the token that
//! somebody types in. Its policy lets it load nothing from elsewhere and run nothing that is not in
//! these files.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::state::App;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files: their paths, media types and contents.
const FILES: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("dashboard/index.html")),
    ("/assets/dashboard.js", "text/javascript; charset=utf-8", include_str!("dashboard/dashboard.js")),
    ("/assets/dashboard.css", "text/css; charset=utf-8", include_str!("dashboard/dashboard.css")),
    ("/assets/icon.svg", "image/svg+xml", include_str!("dashboard/icon.svg")),
    ("/assets/uPlot.js", "text/javascript; charset=utf-8", include_str!("dashboard/vendor/uPlot.iife.min.js")),
    ("/assets/uPlot.css", "text/css; charset=utf-8", include_str!("dashboard/vendor/uPlot.min.css")),
];

pub(super) fn routes() -> Router<App> {
    FILES.into_iter().fold(Router::new(), |router, (path, media_type, content)| {
        router.route(path, get(move || async move { file(media_type, content) }))
    })
}

fn file(media_type: &'static str, content: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content)
}
