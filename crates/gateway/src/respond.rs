//! Step 7, respond: the function's reply, or the gateway response of a refusal, becomes the answer.
//!
//! A refusal is answered from one table: the stock row of [`Refusal`], or what the API declares instead. A reply is
//! passed on by the rules for Lambda proxy integrations: some headers are renamed, some are dropped, and ids are ours.

use std::sync::Arc;

use ambient::whole_seconds;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use lambda::{MalformedReply, ProxyReply};
use limits::Wait;
use listen::Answer;

use crate::access_log::Record;
use crate::call::{Refused, Replied, Step};
use crate::execution_log::Event;
use crate::ids::Ids;
use crate::live::StageView;
use crate::refusal::{Refusal, Stock};
use crate::response_table::Custom;
use crate::template::escape_json;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Makes the answer. `fallback` is the stage whose gateway responses answer what belongs to no stage.
pub(crate) fn finish(outcome: Step<Replied>, fallback: Option<&Arc<StageView>>) -> (Answer, Record) {
    match outcome.and_then(pass_on) {
        Ok(answered) => answered,
        Err(refused) => refuse(*refused, fallback),
    }
}

/// Passes the function's reply on.
fn pass_on(replied: Replied) -> Step<(Answer, Record)> {
    let Replied { record, stage, reply, trace, accept } = replied;
    let body = match reply.body_for(accept.as_deref(), &stage.binary_media_types) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(request_id = record.ids.request.as_str(), %error, "Execution failed: the reply cannot be decoded");
            record.tell(Event::Unsendable);
            return Err(Box::new(Refused { refusal: Refusal::UndecodableReply, record, stage: Some(stage) }));
        }
    };
    let (Some(status), Ok(headers)) =
        (reply_status(reply.status), reply_headers(&reply, &record.ids, &trace))
    else {
        tracing::error!(
            request_id = record.ids.request.as_str(),
            cause = %MalformedReply::Unsendable,
            "Execution failed due to configuration error: Malformed Lambda proxy response",
        );
        record.tell(Event::Unsendable);
        return Err(Box::new(Refused { refusal: Refusal::BadReply, record, stage: Some(stage) }));
    };
    Ok((answer(status, headers, body.into()), record))
}

/// The status of a reply. One below 200 would announce a further answer, which never comes.
fn reply_status(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status))
}

fn reply_headers(reply: &ProxyReply, ids: &Ids, trace: &str) -> Result<HeaderMap, http::Error> {
    let mut headers = own_headers(ids);
    headers.insert(TRACE_ID, HeaderValue::try_from(trace)?);
    let multi = reply
        .multi_value_headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let single = reply.headers.iter().map(|(name, value)| (name, value));
    for (name, value) in multi.chain(single) {
        let (name, value) = (HeaderName::try_from(name.as_ref())?, HeaderValue::try_from(value.as_ref())?);
        match passage(&name) {
            Passage::Pass => drop(headers.append(name, value)),
            Passage::Rename => {
                let name = HeaderName::try_from(format!("x-amzn-remapped-{name}"))?;
                headers.append(name, value);
            }
            Passage::Drop => {}
        }
    }
    headers.entry(CONTENT_TYPE).or_insert(JSON);
    Ok(headers)
}

/// What becomes of a header of a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Passage {
    Pass,
    Rename,
    Drop,
}

/// API Gateway's table for Lambda proxy replies, and what only the front door may say.
fn passage(name: &HeaderName) -> Passage {
    match name.as_str() {
        "authorization" | "connection" | "content-md5" | "date" | "max-forwards" | "server"
        | "user-agent" | "www-authenticate" => Passage::Rename,
        "expect" | "host" | "proxy-authenticate" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        | "via" | "content-length" | "x-amzn-requestid" | "x-amz-apigw-id" | "x-amzn-trace-id" => {
            Passage::Drop
        }
        _ => Passage::Pass,
    }
}

/// Answers a refusal.
fn refuse(refused: Refused, fallback: Option<&Arc<StageView>>) -> (Answer, Record) {
    let Refused { refusal, mut record, stage } = refused;
    if let Refusal::BadRequest(mistake) = &refusal {
        tracing::debug!(request_id = record.ids.request.as_str(), "request refused: {}", mistake.text());
    }
    let stock = refusal.stock();
    // What belongs to no stage is answered like an unknown path, so that nobody learns which stages exist.
    let response_type = stock.response_type.unwrap_or(restapi::ResponseType::MissingAuthenticationToken);
    let responses = stage.as_ref().or(fallback).map(|stage| &stage.responses);
    let custom = responses.and_then(|responses| {
        if refusal.is_our_own() { responses.unready() } else { responses.find(response_type) }
    });
    record.refused(response_type);
    let mut headers = own_headers(&record.ids);
    let error_type = if custom.is_some() && stock.response_type.is_none() {
        Refusal::UnknownRoute.stock().error_type
    } else {
        stock.error_type
    };
    headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    let declared = custom.and_then(|custom| custom.status).filter(|_| !refusal.is_our_own());
    let status = declared.unwrap_or(stock.status);
    let body = match custom {
        Some(custom) => customize(custom, &stock, &mut headers, &record),
        None => stock_body(&stock),
    };
    if (custom.is_some() || refusal.is_our_own())
        && let Some(wait) = refusal.wait()
    {
        retry_after(&mut headers, wait);
    }
    if refusal.ends_the_connection() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.entry(CONTENT_TYPE).or_insert(JSON);
    (answer(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers, body), record)
}

fn stock_body(stock: &Stock) -> Bytes {
    stock.body.as_bytes().to_vec().into()
}

fn customize(custom: &Custom, stock: &Stock, headers: &mut HeaderMap, record: &Record) -> Bytes {
    for (name, value) in &custom.headers {
        headers.insert(name.clone(), value.clone());
    }
    let Some((media_type, template)) = &custom.body else { return stock_body(stock) };
    headers.insert(CONTENT_TYPE, media_type.clone());
    if let Some(text) = template.as_static() {
        return text.into_owned().into();
    }
    let mut body = Vec::new();
    template.render_into(&mut body, |name, out| match name {
        "error.message" => out.extend_from_slice(stock.message.as_bytes()),
        // Where there is no message the recorded stock body has null.
        "error.messageString" if stock.message.is_empty() => out.extend_from_slice(b"null"),
        "error.messageString" => {
            out.push(b'"');
            escape_json(&stock.message, out);
            out.push(b'"');
        }
        other => record.write_variable(other, out),
    });
    body.into()
}

/// The wait in whole seconds, rounded up. A wait that never ends is not promised to end.
fn retry_after(headers: &mut HeaderMap, wait: Wait) {
    match wait {
        Wait::After(wait) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        Wait::Never => drop(headers.remove(RETRY_AFTER)),
    }
}

fn own_headers(ids: &Ids) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"));
    headers.insert(REQUEST_ID, value(ids.request.as_str()));
    headers.insert(EXTENDED_REQUEST_ID, value(ids.extended.as_str()));
    headers
}

fn answer(status: StatusCode, headers: HeaderMap, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
