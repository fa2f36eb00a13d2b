"""The year of a town: who visits whom, what is registered, granted, billed and paid."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from tests.examiner.town import SERVICE, Client, Firm, Row, Town, giro


def live(town: Town) -> dict[str, list[Row]]:
    """The town's tables, once everything that is planted has been done."""
    _walk_the_routes(town)
    for step in town.after_visits:
        step()
    _register(town)
    _decide(town)
    for firm in town.firms:
        if not firm.own:
            _bill(town, firm)
    town.tables["persons"] = list(town.persons.values())
    for step in town.after_money:
        step()
    return {name: rows for name, rows in town.tables.items() if rows}


def works(town: Town, who: str, firm: Firm, day: date) -> bool:
    posts = town.posts.get(who)
    return posts is None or [at for since, at in posts if day >= since][-1] is firm


def _walk_the_routes(town: Town) -> None:
    for number in range((town.end - town.start).days):
        day = town.start + timedelta(number)
        served: dict[str, list[Client]] = defaultdict(list)
        for client in town.clients.values():
            firm = client.firm_on(day)
            if firm is not None:
                served[firm.org].append(client)
        for firm in town.firms:
            staff = [w for w in dict.fromkeys(firm.workers) if works(town, w, firm, day)]
            on = [w for n, w in enumerate(staff) if (day.toordinal() + 3 * n) % 7 < 5] or staff[:1]
            if served[firm.org] and on:
                _shifts(town, firm, day, on, served[firm.org])


def _shifts(town: Town, firm: Firm, day: date, on: list[str], clients: list[Client]) -> None:
    on = on[::-1] if day.toordinal() // 7 % 2 else on
    half = (len(on) + 1) // 2
    busy: dict[str, float] = {}
    for hour, team in ((7, on[:half]), (16.5, on[half:] or on)):
        clock = {w: max(hour * 60 + town.random.randint(0, 15), busy.get(w, 0)) for w in team}
        turn = [c for c in clients if hour == 7 or c.evening]
        town.random.shuffle(turn)
        for client in turn:
            _stay(town, firm, day, client, clock)
        busy.update(clock)


def _stay(town: Town, firm: Firm, day: date, client: Client, clock: dict[str, float]) -> None:
    first, *rest = sorted(clock, key=lambda w: clock[w])
    contact = client.contact
    worker = contact if contact in clock and clock[contact] < clock[first] + 90 else first
    begin = clock[worker]
    end = begin + max(8, int(town.random.gauss(client.minutes, 5)))
    if end > 23.5 * 60:
        return
    visit(town, firm, worker, client, day, begin, end)
    clock[worker] = end + town.random.randint(6, 15)
    second = next((w for w in rest if w != worker and clock[w] <= begin), None)
    if client.double and second:
        visit(town, firm, second, client, day, begin, end)
        clock[second] = end + town.random.randint(6, 15)


def visit(
    town: Town,
    firm: Firm,
    worker: str,
    client: Client,
    day: date,
    begin: float,
    end: float,
    **values: object,
) -> None:
    """A registration from `begin` to `end`, minutes after midnight by the local clock."""
    midnight = datetime(day.year, day.month, day.day)
    town._visits += 1
    town.tables["visits"].append(
        {
            "visit_id": f"{town.prefix}b{town._visits}",
            "municipality": town.municipality,
            "org_id": firm.org,
            "worker_id": worker,
            "client_id": client.id,
            "service": SERVICE,
            "start": (midnight + timedelta(minutes=begin)).isoformat(),
            "end": (midnight + timedelta(minutes=end)).isoformat(),
            "start_method": "app",
            "end_method": "app",
            "login_id": f"{town.prefix}u{firm.org[-5:]}{worker[-9:]}",
            "device_id": _device(town, firm, worker, day),
            "status": "performed",
            "double_staffed": "true" if client.double else "false",
            "group_visit": "false",
            **values,
        }
    )


def _device(town: Town, firm: Firm, worker: str, day: date) -> str:
    if firm.pooled:
        shelf = (sum(map(ord, worker)) + day.toordinal()) % 6
        return f"{town.prefix}shelf-{firm.org[-5:]}-{shelf}"
    return f"{town.prefix}phone-{worker[-9:]}"


def _register(town: Town) -> None:
    logins = {v["login_id"]: v for v in town.tables["visits"] if v["login_id"]}
    for login, row in logins.items():
        told = {"login_id": login, "org_id": row["org_id"], "person_id": row["worker_id"]}
        town.tables["logins"].append(told)
    for client in town.clients.values():
        client.moves.sort(key=lambda move: move[0])
        spells = [(client.since, client.firm), *client.moves]
        ends = [*((since, "client_choice") for since, _ in client.moves), (client.until, "other")]
        for (since, firm), (until, reason) in zip(spells, ends, strict=True):
            if until is None or until > since:
                open_ended = until is None or until > town.end
                town.tables["enrolments"].append(
                    {
                        "client_id": client.id,
                        "org_id": firm.org,
                        "municipality": town.municipality,
                        "service": SERVICE,
                        "valid_from": since,
                        "valid_to": None if open_ended else until,
                        "end_reason": None if open_ended else reason,
                    }
                )


def _hours(town: Town) -> dict[tuple[str, str, date], float]:
    hours: dict[tuple[str, str, date], float] = defaultdict(float)
    for row in town.tables["visits"]:
        if row["status"] == "performed" and not row.get("_unbilled"):
            begin, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
            key = row["org_id"], row["client_id"], begin.date()
            hours[key] += (end - begin).total_seconds() / 3600
    return hours


def _decide(town: Town) -> None:
    months: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (_, client_id, day), hours in _hours(town).items():
        months[client_id][f"{day:%Y-%m}"] += hours
    for client in town.clients.values():
        hours = max(months[client.id].values(), default=10) * client.granted + 0.4
        begin, gap = client.since - timedelta(3), town.undecided.get(client.id)
        spells = (
            [(begin, client.until)] if gap is None else [(begin, gap[0]), (gap[1], client.until)]
        )
        for number, (since, until) in enumerate(spells):
            if since < date.max and (until is None or until > since):
                town.tables["decisions"].append(
                    {
                        "decision_id": f"{town.prefix}d{client.id}-{number}",
                        "client_id": client.id,
                        "municipality": town.municipality,
                        "service": SERVICE,
                        "hours_per_month": round(hours, 1),
                        "double_staffed": "true" if client.double else "false",
                        "valid_from": since,
                        "valid_to": until,
                    }
                )


def _bill(town: Town, firm: Firm) -> None:
    periods: dict[tuple[date, date], list[tuple[str, date, float]]] = defaultdict(list)
    for (org, client_id, day), hours in sorted(_hours(town).items()):
        if org == firm.org:
            more, since, until = town.inflated.get(client_id, (1, date.max, date.min))
            told = hours * (more if since <= day < until else 1)
            periods[_period(firm, day)].append((client_id, day, told))
    for (since, until), told in sorted(periods.items()):
        _invoice(town, firm, since, until, told)


def _period(firm: Firm, day: date) -> tuple[date, date]:
    if firm.four_weeks:
        first = date(2024, 1, 1)
        since = first + timedelta((day - first).days // 28 * 28)
        return since, since + timedelta(27)
    since = day.replace(day=1)
    return since, (since + timedelta(32)).replace(day=1) - timedelta(1)


def _invoice(
    town: Town, firm: Firm, since: date, until: date, told: list[tuple[str, date, float]]
) -> None:
    number = f"{firm.org}:{since:%y%m%d}"
    summed: dict[tuple[str, date | None], float] = defaultdict(float)
    for client_id, day, hours in told:
        summed[client_id, day if firm.by_day else None] += hours
    total = 0.0
    for line, ((client_id, day), hours) in enumerate(summed.items(), start=1):
        amount = round(round(hours, 2) * firm.rate, 2)
        total += amount
        town.tables["invoice_lines"].append(
            {
                "invoice_id": number,
                "line_no": line,
                "client_id": client_id,
                "service": SERVICE,
                "day": day,
                "hours": round(hours, 2),
                "quantity": round(hours, 2),
                "unit": "hour",
                "unit_price": firm.rate,
                "amount": amount,
            }
        )
    issued = until + timedelta(5)
    town.tables["invoices"].append(
        {
            "invoice_id": number,
            "org_id": firm.org,
            "municipality": town.municipality,
            "issued_on": issued,
            "period_from": since,
            "period_to": until,
            "amount": round(total, 2),
            "account": firm.account,
            "factoring": "true" if firm.factoring else "false",
        }
    )
    town.tables["payments"].append(
        {
            "payment_id": f"p-{number}",
            "paid_on": issued + timedelta(30),
            "payer_id": town.org,
            "payer_account": giro(9999),
            "payee_id": firm.org,
            "payee_account": firm.account,
            "amount": round(total, 2),
            "purpose": "provider",
            "invoice_id": number,
        }
    )
