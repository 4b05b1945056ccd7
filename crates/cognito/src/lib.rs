//! Client of a user pool's token endpoint.
