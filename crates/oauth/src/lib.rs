//! The token endpoint's wire types: requests, replies, error codes.
