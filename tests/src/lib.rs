//! Nothing to link against: the tests are in `suite/`, what they share is in `support/`.
