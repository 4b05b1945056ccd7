//! The embedded user pool: what a Cognito domain and issuer serve.
