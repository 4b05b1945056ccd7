//! What operators ask of a running server's quotas, and what it answers. No socket in here: the same can be asked in
//! process.
//!
//! `serve` puts it on a socket, beside what is asked of the definition; `socket` says where that is, `client` is the other end. Usage is read and extended as
//! API Gateway has it (`GetUsage`, `UpdateUsage`); `GET /standings` and the operation `add` are our own. Answers may wait
//! for a disk.

mod ask;
mod client;
mod fault;
mod roster;
mod serve;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};

use ambient::{Clock, Timestamp};
use http::StatusCode;
use limits::{Day, LimitName, Meter};
use serde::Serialize;

use ask::{Ask, Change, Page};
use fault::Fault;
use roster::{Member, Position};
use wire::DailyUsage;

pub(crate) use limits_store::DAYS_KEPT;

pub(crate) use client::{Asked, Refused, Server};
pub(crate) use roster::Roster;
pub(crate) use serve::Desk;
pub(crate) use socket::{bind, remove};
#[cfg(test)]
pub(crate) use wire::PeriodWord;
pub(crate) use wire::{KeyStanding, Moment, OneDay, QuotaStanding, Standings};

/// Where the definition is asked to be read again.
const RELOAD: &str = "/reload";
/// Where the definition in force is shown.
const DEFINITION: &str = "/definition";

/// Answers questions about quotas, and extends them.
#[derive(Debug)]
pub(crate) struct Control {
    roster: RwLock<Arc<Roster>>,
    meter: Arc<dyn Meter>,
    clock: Arc<dyn Clock>,
}

/// A question as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// An answer as it stands on the wire: JSON.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Why it is not what was asked for, in API Gateway's names.
    pub(crate) error_type: Option<&'static str>,
    pub(crate) json: Vec<u8>,
}

impl Control {
    /// Answers about the keys of `roster`, by what `meter` knows.
    pub(crate) fn new(roster: Roster, meter: Arc<dyn Meter>, clock: Arc<dyn Clock>) -> Self {
        Self { roster: RwLock::new(Arc::new(roster)), meter, clock }
    }

    /// Answers about these keys from now on.
    pub(crate) fn replace(&self, roster: Roster) {
        *self.roster.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roster);
    }

    /// Forgets every key that is not among `ids`.
    pub(crate) fn keep_only(&self, ids: &HashSet<&str>) {
        let kept = self.roster().with_only(ids);
        self.replace(kept);
    }

    fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers a question. It may wait for a disk.
    pub(crate) fn answer(&self, question: Question<'_>) -> Reply {
        let Question { method, path, query, body } = question;
        let answered = Ask::read(method, path, query, body).and_then(|ask| match ask {
            Ask::Usage { plan, key, days, page } => {
                self.usage(&plan, key.as_deref(), days, &page).and_then(json)
            }
            Ask::Update { plan, key, change } => self.update(&plan, &key, change).and_then(json),
            Ask::Standings { client, key, days, page } => {
                let wanted = |member: &Member<'_>| {
                    client.as_deref().is_none_or(|client| client == member.client)
                        && key.as_deref().is_none_or(|key| key == member.key_id.as_str())
                };
                self.standings(wanted, days.as_ref(), &page).and_then(json)
            }
        });
        match answered {
            Ok(json) => Reply { status: StatusCode::OK, error_type: None, json },
            Err(fault) => fault.into(),
        }
    }

    fn usage(
        &self,
        plan: &str,
        key: Option<&str>,
        days: RangeInclusive<Day>,
        page: &Page,
    ) -> Result<DailyUsage, Fault> {
        let (roster, now) = (self.roster(), self.clock.now());
        let (_, has_quota) = roster.plan(plan).ok_or_else(Fault::no_such_plan)?;
        is_known(&days, now)?;
        if !has_quota {
            return Err(Fault::no_quota(plan));
        }
        let is_wanted = |member: &Member<'_>| {
            member.plan_id.as_str() == plan && key.is_none_or(|key| key == member.key_id.as_str())
        };
        if key.is_some() && !roster.members(None).any(|member| is_wanted(&member)) {
            return Err(Fault::no_such_key());
        }
        let (members, position) = cut(roster.members(page.position.as_ref()).filter(is_wanted), page);
        let of_member = |member: &Member<'_>| {
            let quota = member.quota.ok_or_else(|| Fault::no_quota(plan))?;
            let used = self.meter.days(quota, member.subject(), days.clone(), now)?;
            let values = used.iter().map(|day| (day.used, day.remaining)).collect();
            Ok((member.key_id.to_string(), values))
        };
        Ok(DailyUsage {
            usage_plan_id: plan.to_owned(),
            start_date: days.start().to_string(),
            end_date: days.end().to_string(),
            values: members.iter().map(of_member).collect::<Result<_, Fault>>()?,
            position: position.map(|position| position.to_string()),
            standing: None,
        })
    }

    fn update(&self, plan: &str, key: &str, change: Change) -> Result<DailyUsage, Fault> {
        let (roster, now) = (self.roster(), self.clock.now());
        roster.plan(plan).ok_or_else(Fault::no_such_plan)?;
        let member = roster
            .members(None)
            .find(|member| member.plan_id.as_str() == plan && member.key_id.as_str() == key)
            .ok_or_else(Fault::no_such_key)?;
        let quota = member.quota.ok_or_else(|| Fault::no_quota(plan))?;
        let more = match change {
            Change::Add(more) => more,
            Change::Set(remaining) => self.missing(quota, &member, remaining, now)?,
        };
        if more > 0 {
            self.meter.extend(quota, member.subject(), more, now)?;
            tracing::info!(client = member.client, key = member.key, more, "a quota was extended");
        }
        let today = Day::of(now);
        let page = Page { position: None, limit: 1 };
        let usage = self.usage(plan, Some(key), today..=today, &page)?;
        Ok(DailyUsage { standing: Some(self.standing(&member, None, now)?), ..usage })
    }

    /// How many requests are to be given so that `remaining` are left.
    fn missing(
        &self,
        quota: &LimitName,
        member: &Member<'_>,
        remaining: u64,
        now: Timestamp,
    ) -> Result<u64, Fault> {
        let left = self.meter.standing(quota, member.subject(), now)?.left;
        remaining.checked_sub(left).ok_or_else(|| {
            Fault::bad(format!("a quota can be extended and not cut: {left} are left, more than {remaining}"))
        })
    }

    fn standings(
        &self,
        is_wanted: impl Fn(&Member<'_>) -> bool,
        days: Option<&RangeInclusive<Day>>,
        page: &Page,
    ) -> Result<Standings, Fault> {
        let (roster, now) = (self.roster(), self.clock.now());
        if let Some(days) = days {
            is_known(days, now)?;
        }
        let (members, position) = cut(roster.members(page.position.as_ref()).filter(is_wanted), page);
        let items = members.iter().map(|member| self.standing(member, days, now));
        Ok(Standings {
            at: Moment(now),
            items: items.collect::<Result<_, Fault>>()?,
            position: position.map(|position| position.to_string()),
        })
    }

    fn standing(
        &self,
        member: &Member<'_>,
        days: Option<&RangeInclusive<Day>>,
        now: Timestamp,
    ) -> Result<KeyStanding, Fault> {
        let (mut quota, mut used) = (None, Vec::new());
        if let Some(name) = member.quota {
            quota = Some(QuotaStanding::from(&self.meter.standing(name, member.subject(), now)?));
            if let Some(days) = days {
                let days = self.meter.days(name, member.subject(), days.clone(), now)?;
                used = days.iter().map(OneDay::from).collect();
            }
        }
        Ok(KeyStanding {
            client: member.client.to_owned(),
            key: member.key.to_owned(),
            key_id: member.key_id.to_string(),
            plan: member.plan.to_owned(),
            usage_plan_id: member.plan_id.to_string(),
            quota,
            days: used,
        })
    }
}

/// Nothing is known of a day that has not begun, and nothing any more of one that is long over: an answer of zeros would
/// be a lie.
fn is_known(days: &RangeInclusive<Day>, now: Timestamp) -> Result<(), Fault> {
    let today = Day::of(now);
    if *days.end() > today {
        return Err(Fault::not_begun(*days.end(), today));
    }
    let first = today.minus(DAYS_KEPT);
    if *days.start() < first { Err(Fault::not_kept(*days.start(), first)) } else { Ok(()) }
}

/// The members of a page, and where the next one begins if there is more.
fn cut<'r>(members: impl Iterator<Item = Member<'r>>, page: &Page) -> (Vec<Member<'r>>, Option<Position>) {
    let mut members = members.fuse();
    let kept: Vec<_> = members.by_ref().take(page.limit).collect();
    let more = members.next().and(kept.last()).map(Position::behind);
    (kept, more)
}

fn json(value: impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(&value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Fault::internal()
    })
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        let Fault { status, error_type, message, causes } = fault;
        let mut said = serde_json::json!({ "message": message });
        if let (Some(said), false) = (said.as_object_mut(), causes.is_empty()) {
            said.insert("causes".into(), causes.into());
        }
        let json = said.to_string().into_bytes();
        Self { status, error_type: Some(error_type), json }
    }
}
