//! Event to identity to policy to cache to Cognito to reply.
