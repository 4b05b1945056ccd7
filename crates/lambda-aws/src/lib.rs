//! A function that is deployed on AWS, invoked by Lambda's API.
//!
//! [`Deployed`] is a [`lambda::Function`]: the front door hands it a proxy event, it sends the event's JSON as the payload
//! of one `Invoke` (`RequestResponse`), signed with SigV4, and reads the proxy reply out of the answer. Credentials come
//! from where every AWS tool looks for them: environment, profile files, SSO, web identity, container, instance. To find
//! them, `aws-config` reads the environment of the process and files of the user; nothing else here does.
//!
//! Promised: a request invokes the function once or not at all, and is never sent twice: whoever asked may ask again, but a
//! token must not be minted twice for one request. What Lambda refuses, and what does not get through, becomes the
//! [`lambda::InvokeError`] that API Gateway would have made of it. The log says what AWS said, and what to do; neither
//! event, nor reply, nor credentials are in it, at whatever level.
//!
//! Not done: retries, asynchronous invocations, streamed replies. The function's resource policy is not asked: AWS looks at
//! the caller's own permission, `lambda:InvokeFunction` on the ARN.

mod bound;
mod deployed;
mod fault;
#[cfg(test)]
mod tests;

pub use deployed::{Deployed, Target};
