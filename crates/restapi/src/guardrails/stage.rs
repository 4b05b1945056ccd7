//! A stage's logs hold no bodies and no credentials, and nothing it answers is kept.

use super::walk::{settings_place, stage_place, stages};
use super::{Findings, Guardrail, Severity, access_log};
use crate::{AccessLogSettings, Account};

pub(super) static NO_BODIES_LOGGED: Guardrail = Guardrail {
    id: "TB011",
    title: "no request or response bodies in the execution log",
    severity: Severity::Error,
    reason: "Data tracing writes whole requests and answers, tokens included, and nothing sanitizes them.",
    mend: "Switch data tracing off in the method settings; the levels ERROR and INFO without it write no bodies.",
    check: bodies_logged,
};

pub(super) static NO_CREDENTIAL_LOGGED: Guardrail = Guardrail {
    id: "TB012",
    title: "no credential in the access log",
    severity: Severity::Error,
    reason: "An API key, a token, or a message that quotes a header would be readable for everybody who may read logs.",
    mend: "Take the variable out of the format; $context.identity.apiKeyId and $context.error.responseType say as much \
           without the credential.",
    check: credential_logged,
};

pub(super) static REQUEST_ID_LOGGED: Guardrail = Guardrail {
    id: "TB013",
    title: "no access-log line without a request id",
    severity: Severity::Error,
    reason: "A line without an id cannot be matched with the client's answer or the broker's audit line; API Gateway \
             refuses such a format too.",
    mend: "Put $context.requestId or $context.extendedRequestId into the format.",
    check: no_request_id,
};

pub(super) static NO_RESPONSE_CACHE: Guardrail = Guardrail {
    id: "TB014",
    title: "no answer is cached by the gateway",
    severity: Severity::Error,
    reason: "Its cache does not know who asks, so one client would get another's token (RFC 6749 §5.1: no-store).",
    mend: "Switch caching off in the method settings and remove the stage's cache cluster; the broker caches per \
           caller.",
    check: cached,
};

fn bodies_logged(account: &Account, findings: &mut Findings) {
    for (api, stage) in stages(account) {
        for (key, setting) in &stage.method_settings {
            if setting.data_trace_enabled {
                findings.add(settings_place(api, stage, key), "data tracing is on");
            }
        }
    }
}

fn credential_logged(account: &Account, findings: &mut Findings) {
    for (place, log) in access_logs(account) {
        if let Some(variable) = access_log::credential_variable(&log.format) {
            findings.add(place, format!("the format has {variable}"));
        }
    }
}

fn no_request_id(account: &Account, findings: &mut Findings) {
    for (place, log) in access_logs(account) {
        if !access_log::has_request_id(&log.format) {
            findings.add(place, "the format has neither $context.requestId nor $context.extendedRequestId");
        }
    }
}

fn cached(account: &Account, findings: &mut Findings) {
    for (api, stage) in stages(account) {
        if stage.cache_cluster_enabled {
            findings.add(
                format!("{}/cacheClusterEnabled", stage_place(api, stage)),
                "the stage has a cache cluster",
            );
        }
        for (key, setting) in &stage.method_settings {
            if setting.caching_enabled {
                findings.add(settings_place(api, stage, key), "caching is on");
            }
        }
    }
}

fn access_logs(account: &Account) -> impl Iterator<Item = (String, &AccessLogSettings)> {
    stages(account).filter_map(|(api, stage)| {
        let log = stage.access_log_settings.as_ref()?;
        Some((format!("{}/accessLogSettings/format", stage_place(api, stage)), log))
    })
}
