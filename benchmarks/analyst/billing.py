"""Bills against decisions, as scripts."""

from __future__ import annotations

import pandas as pd

from benchmarks.analyst.frames import Answer, Tables, performed

_DAY = pd.Timedelta(days=1)
_KEY = ["client_id", "service"]


def billed_over_decision(t: Tables) -> Answer:
    """Add up each client's billed hours by month, and hold them against the decisions' days."""
    lines = t["invoice_lines"].merge(
        t["invoices"][["invoice_id", "org_id", "period_from", "period_to", "credit_of"]]
    )
    lines = lines[lines.client_id.notna() & ~lines.service.isin(_flat(t))]
    hours = lines.hours.fillna(lines.quantity.where(lines.unit == "hour"))
    hours = hours.abs() * lines.amount.map(lambda sek: -1 if sek < 0 else 1)
    day = lines.day.fillna(lines.period_to)
    billed = lines.assign(billed=hours, month=_month(day))
    sums = billed.groupby([*_KEY, "month"]).billed.sum()
    decided = dict(list(t["decisions"].groupby(_KEY)))
    found = set()
    for (client, service, month), total in sums.items():
        decisions = decided.get((client, service))
        if decisions is None or total <= 0:
            continue
        first, last = month.start_time.tz_localize("UTC"), month.end_time.tz_localize("UTC")
        granted = late = 0.0
        for one in decisions.itertuples():
            end = one.valid_to if pd.notna(one.valid_to) else last + _DAY
            for grace in (0 * _DAY, 31 * _DAY):
                begun = one.valid_from - grace
                days = (min(end, last + _DAY).normalize() - max(begun, first).normalize()).days
                part = one.hours_per_month * max(0, days) / month.days_in_month
                granted, late = (granted + part, late) if not grace else (granted, late + part)
        most = max(granted, late)
        if granted > 0 and total - most > max(0.5, 0.05 * most):
            month_lines = billed[
                (billed.client_id == client)
                & (billed.service == service)
                & (billed.month == month)
                & (billed.billed > 0)
            ]
            found |= {(org, client) for org in month_lines.org_id}
    return found


def billed_without_decision(t: Tables) -> Answer:
    """Take each provider's months with a client, billed or visited, and look for a decision."""
    lines = t["invoice_lines"].merge(t["invoices"][["invoice_id", "org_id", "period_to"]])
    lines = lines[lines.client_id.notna()]
    lines = lines.assign(since=lines.day.fillna(lines.period_to), until=lines.period_to)
    named = set(zip(lines.org_id, _month(lines.until), strict=True))
    visits = performed(t)
    visits = visits.assign(month=_month(visits.start.dt.tz_convert("Europe/Stockholm")))
    told = [key not in named for key in zip(visits.org_id, visits.month, strict=True)]
    visits = visits[told].assign(since=visits.start, until=visits.start)
    both = pd.concat(
        [
            lines[["org_id", *_KEY, "since", "until"]],
            visits[["org_id", *_KEY, "since", "until"]],
        ]
    )
    both = both[~both.service.isin(_flat(t))]
    decided = dict(list(t["decisions"].groupby(_KEY)))
    last = both.until.max()
    first = both.groupby(_KEY).since.min()
    found = set()
    both = both.assign(month=_month(both.until))
    for (org, client, service, _), rows in both.groupby(["org_id", *_KEY, "month"]):
        decisions = decided.get((client, service))
        since, until = rows.since.max(), rows.until.min()
        if last - first[client, service] < 31 * _DAY:
            continue
        if decisions is not None:
            end = decisions.valid_to.fillna(last + 365 * _DAY)
            if ((decisions.valid_from <= until + 31 * _DAY) & (end > since - 7 * _DAY)).any():
                continue
            if ((decisions.valid_from <= until) & (end > last - 31 * _DAY)).any():
                continue
        found.add((org, client))
    return found


def _flat(t: Tables) -> set[str]:
    services = t["services"]
    return set(services[services.flat_rate == "true"].service)


def _month(days: pd.Series) -> pd.Series:
    return days.dt.tz_localize(None).dt.to_period("M")
