//! Every reason for which the front door answers by itself, and what API Gateway answers then.

use std::borrow::Cow;

use limits::Wait;
use listen::Violation;
use restapi::ResponseType;

/// Why a request did not get its function's reply.
///
/// Exhaustive on purpose: a reason without a row in the table of stock answers does not compile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The host names an API, or the path a stage, that does not exist.
    UnknownStage,
    /// No resource at this path, or no such method on it, and no `Authorization` header.
    UnknownRoute,
    /// The same with an `Authorization` header, which API Gateway then tries to read as a signature.
    UnknownRouteSigned {
        /// Base64 of the SHA-256 of the header, which the stock message repeats.
        header_digest: String,
    },
    /// The request cannot be taken as it is.
    BadRequest(Mistake),
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The path and query are longer than allowed.
    UrlTooLong,
    /// The headers are larger than allowed.
    HeadersTooLarge,
    /// The client expects something of us that is not done here.
    ExpectationFailed,
    /// An authorizer found no credential, or a bad one.
    Unauthorized,
    /// An authorizer said no.
    AccessDenied {
        /// Whether a statement denies, rather than none allowing.
        explicitly: bool,
    },
    /// An authorizer cannot be asked, or its answer cannot be used.
    AuthorizerBroken,
    /// The API key is missing, unknown, disabled, or on no plan of this stage.
    KeyNotAdmitted,
    /// A bucket is empty.
    Throttled {
        /// How long until it has a token again.
        wait: Wait,
    },
    /// A quota is used up.
    QuotaExceeded {
        /// How long until the next period.
        wait: Wait,
    },
    /// Where limits are kept could not say, or has nothing set aside to pay with at the moment.
    LimitsUnavailable {
        /// How long until it is worth another try.
        wait: Wait,
    },
    /// The function's resource policy does not let this API invoke it, it may not run more often, or it is not there.
    NotInvoked,
    /// The function failed, or its reply is none.
    BadReply,
    /// The function's reply says base64 and is not.
    UndecodableReply,
    /// The function did not reply in time.
    TimedOut,
}

/// What is wrong with a request that cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mistake {
    /// It is no request by the rules of HTTP.
    Protocol(Violation),
    /// A header that must stand once stands twice. Which of the two was meant cannot be known.
    RepeatedHeader,
    /// The body broke off.
    BrokenBody,
    /// The body did not arrive in time.
    SlowBody,
}

/// What API Gateway answers when nothing is customized.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stock {
    /// Which gateway response customizes it; none where an API cannot.
    pub(crate) response_type: Option<ResponseType>,
    /// The status.
    pub(crate) status: u16,
    /// `x-amzn-ErrorType`.
    pub(crate) error_type: &'static str,
    /// `$context.error.message`.
    pub(crate) message: Cow<'static, str>,
    /// The body, byte for byte.
    pub(crate) body: Cow<'static, str>,
}

impl Refusal {
    /// The row of this reason. Statuses, names, bodies and their spacing are the recorded ones.
    pub(crate) fn stock(&self) -> Stock {
        use ResponseType as Type;
        match self {
            Self::UnknownStage => row(None, 403, "ForbiddenException", "Forbidden"),
            Self::UnknownRoute => row(
                Some(Type::MissingAuthenticationToken),
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Self::UnknownRouteSigned { header_digest } => {
                let message = format!(
                    "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and \
                     encoded with Base64): '{header_digest}'."
                );
                let body = format!(r#"{{"message":"{message}"}}"#);
                Stock {
                    response_type: Some(Type::InvalidSignature),
                    status: 403,
                    error_type: "IncompleteSignatureException",
                    message: message.into(),
                    body: body.into(),
                }
            }
            Self::BadRequest(_) => {
                row(Some(Type::BadRequestParameters), 400, "BadRequestException", "Bad Request")
            }
            Self::BodyTooLarge => {
                row(Some(Type::RequestTooLarge), 413, "RequestEntityTooLargeException", "Request Too Long")
            }
            Self::UrlTooLong => {
                row(Some(Type::Default4xx), 414, "RequestUriTooLongException", "Request URI too long")
            }
            Self::HeadersTooLarge => row(
                Some(Type::Default4xx),
                431,
                "RequestHeaderFieldsTooLargeException",
                "Request Header Fields Too Large",
            ),
            Self::ExpectationFailed => {
                row(Some(Type::Default4xx), 417, "ExpectationFailedException", "Expectation Failed")
            }
            Self::Unauthorized => row(Some(Type::Unauthorized), 401, "UnauthorizedException", "Unauthorized"),
            Self::AccessDenied { explicitly } => access_denied(*explicitly),
            Self::AuthorizerBroken => Stock {
                response_type: Some(Type::AuthorizerConfigurationError),
                status: 500,
                error_type: "AuthorizerConfigurationException",
                message: "".into(),
                body: r#"{"message":null}"#.into(),
            },
            Self::KeyNotAdmitted => row(Some(Type::InvalidApiKey), 403, "ForbiddenException", "Forbidden"),
            Self::Throttled { .. } => {
                row(Some(Type::Throttled), 429, "TooManyRequestsException", "Too Many Requests")
            }
            Self::QuotaExceeded { .. } => {
                row(Some(Type::QuotaExceeded), 429, "LimitExceededException", "Limit Exceeded")
            }
            // API Gateway's limits are not kept exactly, and so it never says this. Of its gateway responses the one for
            // throttled requests fits: it says `temporarily_unavailable` where refusals are OAuth's. Its description does
            // not, and is replaced.
            Self::LimitsUnavailable { .. } => {
                integration(Type::Throttled, 503, "ServiceUnavailableException", "Service Unavailable")
            }
            Self::NotInvoked | Self::UndecodableReply => integration(
                Type::ApiConfigurationError,
                500,
                "InternalServerErrorException",
                "Internal server error",
            ),
            Self::BadReply => integration(
                Type::IntegrationFailure,
                502,
                "InternalServerErrorException",
                "Internal server error",
            ),
            Self::TimedOut => integration(
                Type::IntegrationTimeout,
                504,
                "InternalServerErrorException",
                "Endpoint request timed out",
            ),
        }
    }

    /// How long a client should wait before it asks again.
    pub(crate) fn wait(&self) -> Option<Wait> {
        match self {
            Self::Throttled { wait } | Self::QuotaExceeded { wait } | Self::LimitsUnavailable { wait } => {
                Some(*wait)
            }
            _ => None,
        }
    }

    /// Whether the answer is not one of API Gateway's. It keeps its status whatever a gateway response declares, and may
    /// say how long to wait in the stock style as well.
    pub(crate) const fn is_our_own(&self) -> bool {
        matches!(self, Self::LimitsUnavailable { .. })
    }

    /// Whether the connection ends with the answer, because where the next request on it begins is not certain: this one
    /// was not read to its end, or cannot be read one way only.
    pub(crate) const fn ends_the_connection(&self) -> bool {
        matches!(
            self,
            Self::BadRequest(_)
                | Self::BodyTooLarge
                | Self::UrlTooLong
                | Self::HeadersTooLarge
                | Self::ExpectationFailed
        )
    }
}

impl Mistake {
    /// What is wrong, for the execution log.
    pub(crate) fn text(self) -> Cow<'static, str> {
        match self {
            Self::Protocol(violation) => violation.to_string().into(),
            Self::RepeatedHeader => "a header that must stand once stands more than once".into(),
            Self::BrokenBody => "the body broke off".into(),
            Self::SlowBody => "the body did not arrive in time".into(),
        }
    }
}

/// Refusals before the integration have a compact body.
fn row(
    response_type: Option<ResponseType>,
    status: u16,
    error_type: &'static str,
    message: &'static str,
) -> Stock {
    let body = format!(r#"{{"message":"{message}"}}"#).into();
    Stock { response_type, status, error_type, message: message.into(), body }
}

/// Errors of the integration have a space after the colon, as recorded.
fn integration(
    response_type: ResponseType,
    status: u16,
    error_type: &'static str,
    message: &'static str,
) -> Stock {
    let body = format!(r#"{{"message": "{message}"}}"#).into();
    Stock { response_type: Some(response_type), status, error_type, message: message.into(), body }
}

/// Denials write `Message` with a capital letter, as recorded.
fn access_denied(explicitly: bool) -> Stock {
    let message = if explicitly {
        "User is not authorized to access this resource with an explicit deny in an identity-based policy"
    } else {
        "User is not authorized to access this resource"
    };
    Stock {
        response_type: Some(ResponseType::AccessDenied),
        status: 403,
        error_type: "AccessDeniedException",
        message: message.into(),
        body: format!(r#"{{"Message":"{message}"}}"#).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_bodies_have_their_recorded_length() {
        let table = [
            (Refusal::UnknownStage, 23),
            (Refusal::UnknownRoute, 42),
            (Refusal::KeyNotAdmitted, 23),
            (Refusal::Throttled { wait: Wait::Never }, 31),
            (Refusal::QuotaExceeded { wait: Wait::Never }, 28),
            (Refusal::Unauthorized, 26),
            (Refusal::AccessDenied { explicitly: true }, 110),
            (Refusal::AccessDenied { explicitly: false }, 60),
            (Refusal::AuthorizerBroken, 16),
            (Refusal::BadReply, 36),
            (Refusal::NotInvoked, 36),
            (Refusal::TimedOut, 41),
        ];
        for (refusal, bytes) in table {
            assert_eq!(refusal.stock().body.len(), bytes, "{refusal:?}: {}", refusal.stock().body);
        }
    }
}
