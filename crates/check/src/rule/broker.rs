//! The rules about the broker's function and its user pool, which no definition describes: only Terraform makes them.

use restapi::guardrails::Severity;

use super::Rule;

/// The function's time does not fit between the user pool's and the front door's.
pub(crate) static TIME_FITS: Rule = Rule {
    id: "TB028",
    title: "no broker that is stopped before its answer is due",
    reason: "What outlasts the front door is answered with its 504, and what Lambda stops is no OAuth error either: the caller \
             asks again, and each time pays for a token that nobody gets.",
    mend: "Set the function's timeout above broker.upstream.total_timeout of the definition, and below the integration's, \
           which is 29 s at most.",
    severity: Severity::Error,
};

/// The role may do more than read what is named.
pub(crate) static ONLY_WHAT_IS_NAMED: Rule = Rule {
    id: "TB029",
    title: "no right of the broker to more than what is named",
    reason: "Whoever gets into the function has the rights of its role: with a wildcard to every secret of the account, with a \
             right to change functions or roles to whatever they like.",
    mend: "Allow secretsmanager:GetSecretValue and ssm:GetParameter on the entries that the bindings name, by their whole ARNs, \
           kms:Decrypt on the key that encrypts them, and writing the function's own log, traces and metrics; nothing else.",
    severity: Severity::Error,
};

/// Somebody else may be what the broker is.
pub(crate) static ONLY_LAMBDA_ASSUMES: Rule = Rule {
    id: "TB030",
    title: "no role of the broker that anybody but Lambda takes on",
    reason: "Whoever may take on the role reads the app clients' secrets, and gets tokens that no policy has allowed.",
    mend: "Leave in the role's trust policy only the service lambda.amazonaws.com.",
    severity: Severity::Error,
};

/// The broker's log is kept for ever.
pub(crate) static LOG_ENDS: Rule = Rule {
    id: "TB031",
    title: "no log of the broker that is kept for ever",
    reason: "It says who got which token when; what nobody has decided to keep grows, costs and is found by others. A log group \
             that Lambda makes by itself never forgets.",
    mend: "Make the function's log group with retention_in_days.",
    severity: Severity::Error,
};

/// Foreign code runs beside the broker.
pub(crate) static NO_OTHER_CODE: Rule = Rule {
    id: "TB032",
    title: "no code in the function but its package and AWS's extension",
    reason: "A layer runs in the same sandbox, and sees every secret and every token that the broker has; and anybody can publish \
             one under the extension's name.",
    mend: "Remove the layer; the broker needs none but the AWS Parameters and Secrets Lambda Extension, of the account that AWS's \
           documentation lists for the region.",
    severity: Severity::Error,
};

/// A secret lies where it is not kept as one.
pub(crate) static NO_PLAIN_PARAMETER: Rule = Rule {
    id: "TB033",
    title: "no secret in a parameter that is not a SecureString",
    reason: "Such a parameter is not encrypted, and everybody who may list parameters may read it.",
    mend: "Make it a SecureString with value_wo, or an entry of Secrets Manager, and replace the secret where it is valid.",
    severity: Severity::Error,
};

/// The bindings are not what the broker needs.
pub(crate) static BINDINGS_ARE_READ: Rule = Rule {
    id: "TB034",
    title: "no bindings that the broker cannot serve by",
    reason: "A broker that cannot read its bindings answers every caller with an error, one whose bindings lack a key or an app \
             client those callers; and where the bindings say, there it sends the app clients' secrets.",
    mend: "Hand over the outputs of the modules rest-api and user-pool as they are.",
    severity: Severity::Error,
};

/// The app client is good for more than tokens for machines.
pub(crate) static ONLY_FOR_MACHINES: Rule = Rule {
    id: "TB035",
    title: "no app client of the user pool for anything but machines",
    reason: "Every other flow is a way to tokens of this pool past the front door: without a secret, or by somebody's password.",
    mend: "Allow the flow client_credentials alone, with a secret, ALLOW_REFRESH_TOKEN_AUTH as the only explicit flow, and \
           prevent_user_existence_errors ENABLED; people get a pool of their own.",
    severity: Severity::Error,
};

/// Anybody may become a user.
pub(crate) static NOBODY_SIGNS_UP: Rule = Rule {
    id: "TB036",
    title: "no user pool of machines that people may sign up to",
    reason: "An account that somebody made for themselves is one more identity whose tokens the APIs behind accept.",
    mend: "Set allow_admin_create_user_only in the pool's admin_create_user_config.",
    severity: Severity::Error,
};

/// The pool is gone by one mistake.
pub(crate) static POOL_STAYS: Rule = Rule {
    id: "TB037",
    title: "no user pool that one mistake deletes",
    reason: "A pool made again has another issuer, other app clients and other keys: no API accepts its tokens, and nothing brings \
             the old one back.",
    mend: "Set deletion_protection to ACTIVE; to remove the pool, waive this for the day on which it goes.",
    severity: Severity::Error,
};

/// The web ACL does not keep its secret.
pub(crate) static HEADER_IS_KEPT: Rule = Rule {
    id: "TB038",
    title: "no web ACL that lets in without its secret header, or shows it",
    reason: "The header keeps everybody but the broker away from the pool. Sampled requests and logs show headers, and a default \
             or a rule that allows without asking for it is a way around it.",
    mend: "Block by default; allow by the exact header, and beside it no more than GET of /.well-known/jwks.json and \
           /.well-known/openid-configuration; switch sampled requests off in every visibility_config, and redact the header in \
           logs.",
    severity: Severity::Error,
};

/// All of them, by id.
pub(super) static ALL: [&Rule; 11] = [
    &TIME_FITS,
    &ONLY_WHAT_IS_NAMED,
    &ONLY_LAMBDA_ASSUMES,
    &LOG_ENDS,
    &NO_OTHER_CODE,
    &NO_PLAIN_PARAMETER,
    &BINDINGS_ARE_READ,
    &ONLY_FOR_MACHINES,
    &NOBODY_SIGNS_UP,
    &POOL_STAYS,
    &HEADER_IS_KEPT,
];
