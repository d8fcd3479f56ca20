"""`newsreel doctor`: one poll, and everything there is to say about it."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from newsreel.cli.choice import find_feed, named
from newsreel.cli.context import Context
from newsreel.cli.listing import Row, note, plain, print_json, shown
from newsreel.cli.own_sources import kept_addresses
from newsreel.errors import UsageError

if TYPE_CHECKING:
    from newsreel.app.doctor import Diagnosis

Values = dict[str, Any]
MOST_FORGIVEN = 20


@click.command()
@click.argument("feed", metavar="FEED|URL")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def doctor(context: Context, feed: str, *, as_json: bool) -> None:
    """Poll one feed and explain everything: what was asked, what came, what follows.

    A feed's number, address or title polls that one, if it may be polled now. What stands at any
    other address is fetched and explained, and not stored. Exits with 1 where nothing could be
    read.
    """
    from newsreel.cli.doctor_report import report_of
    from newsreel.model.poll import Outcome

    found = context.run(_examined(context, feed))
    report = report_of(found, context.settings.allow_private)
    if as_json:
        print_json(report)
    else:
        click.echo("\n".join(told(report)))
    if found.poll is not None and found.poll.reading.outcome is Outcome.FAILED:
        sys.exit(1)


async def _examined(context: Context, text: str) -> "Diagnosis":
    from newsreel.app.doctor import examine_address, examine_feed

    async with (
        context.open_store() as store,
        context.client(store) as client,
        context.captures(note) as keep,
    ):
        feed = await find_feed(store, text)
        if feed is not None:
            return await examine_feed(feed, store, client, clock=store.clock, keep=keep)
        if kept_addresses(text) or ("." not in text and "://" not in text):
            raise UsageError(
                f"no such feed: {named(text)!r}",
                hint="'newsreel feeds' lists the feeds with their numbers; "
                "any address of the web can be examined too",
            )
        return await examine_address(text, store, client, clock=store.clock)


def told(report: Row) -> Iterator[str]:
    """Yield a report in plain words, line by line."""
    found: Values = report
    number = f"feed {found['feed']}" if found["feed"] else "no feed of yours: nothing was stored"
    yield f"{plain(found['title'])} ({number})"
    yield from _rows({"address": found["address"], "state": found["state"]})
    if found["left_alone"]:
        yield from _left_alone(found)
    yield from _hops(found["hops"])
    if found["answer"]:
        yield from _answer(found)
    yield from _section("Validators", _validators(found))
    if found["entries"]:
        yield from _section("Entries", _entries(found))
    yield from _forgiven(found["forgiven"])
    yield from _section("State", _state(found))
    if found["feed"]:
        yield from _section("Next poll", _next(found))
    elif found["answer"] and not found["answer"]["fault"]:
        yield from _section("Next poll, if you add it", _next(found))


def _left_alone(found: Values) -> Iterator[str]:
    yield ""
    yield f"Not polled now: {found['left_alone']['why']}."
    if found["condition"] in {"paused", "gone", "removed", "archived"}:
        yield f"'newsreel edit {found['feed']} --resume' polls it again."
    elif last := found["last_poll"]:
        outcome = f"{last['outcome']}: {last['reason']}" if last["reason"] else last["outcome"]
        yield f"The last poll, {shown(last['polled_at'])}, ended {outcome}."
    validators = found["validators"]["after"]
    if any(validators.values()):
        yield "It would be asked for only if it has changed, with the validators below."
    else:
        yield "It would be asked for unconditionally: no validators are known."


def _hops(hops: list[Values]) -> Iterator[str]:
    for number, hop in enumerate(hops, 1):
        yield ""
        step = f" {number} of {len(hops)}" if len(hops) > 1 else ""
        yield f"Asked{step}: {plain(hop['url'])}"
        if not hop["addresses"]:
            is_through = hop["status"] is not None
            yield "  through a proxy" if is_through else "  no address was found, or looked for"
        for address in hop["addresses"]:
            mark = ", which answered" if address["ip"] == hop["ip"] else ""
            yield f"  {address['ip']}: {address['verdict']}{mark}"
        yield from (f"  > {plain(line)}" for line in hop["request"])
        yield from (f"  < {plain(line)}" for line in hop["head"])
        if not hop["head"]:
            yield "  no answer"


def _answer(found: Values) -> Iterator[str]:
    answer, body = found["answer"], found["body"]
    rows: Row = {"outcome": answer["outcome"], "took": f"{answer['elapsed_ms']} ms"}
    if answer["fault"]:
        detail = f" ({answer['detail']})" if answer["detail"] else ""
        rows["fault"] = f"{answer['fault']}{detail}"
        rows["which means"] = answer["meaning"]
    if body:
        rows |= _body(body)
    if found["announced"]:
        rows["announced"] = f"the page announces {', '.join(found['announced'])}"
    yield from _section("Answer", rows)


def _body(body: Values) -> Row:
    sent = f", {body['bytes_sent']} sent" if body["bytes_sent"] is not None else ""
    encoding = body["content_encoding"] or "not compressed"
    rows: Row = {
        "body": f"{body['bytes']} bytes{sent} ({encoding})",
        "type": body["content_type"],
        "charset": body["charset"],
        "format": body["format"],
    }
    notes = {
        "is_cut": "cut: it ended early, or is longer than max_bytes",
        "is_same_as_last": "the same, byte for byte, as the last one",
        "is_recoded": "characters had to be guessed or repaired",
        "is_truncated": "the document ends early",
    }
    rows["noticed"] = "; ".join(text for name, text in notes.items() if body[name]) or None
    return rows


def _validators(found: Values) -> Row:
    before, after = found["validators"]["before"], found["validators"]["after"]
    rows: Row = {}
    for name, label in (("etag", "ETag"), ("last_modified", "Last-Modified")):
        old, new = before[name], after[name]
        if old == new:
            rows[label] = new or "none"
        else:
            rows[label] = f"{old or 'none'} → {new or 'none'}"
    return rows


def _entries(found: Values) -> Row:
    entries = found["entries"]
    rows: Row = {
        "in the feed": entries["in_feed"],
        "new": entries["new"],
        "revised": entries["revised"],
        "unchanged": entries["unchanged"],
        "reread": entries["reread"] or None,
        "left out": f"{entries['left_out']}: erased before" if entries["left_out"] else None,
    }
    match entries["overlap"]:
        case None:
            rows["overlap"] = "nothing to compare with"
        case 0:
            rows["overlap"] = "none with the last poll: entries were probably missed between"
        case count:
            rows["overlap"] = f"{count} stood there at the last poll too"
    return rows


def _forgiven(faults: list[Values]) -> Iterator[str]:
    if not faults:
        return
    yield ""
    yield "Forgiven and repaired"
    for fault in faults[:MOST_FORGIVEN]:
        where = f" ({fault['where']})" if fault["where"] else ""
        read_as = f" → {fault['read_as']}" if fault["read_as"] else ""
        yield f"  {plain(fault['what'])}{plain(where)}{plain(read_as)}"
    if len(faults) > MOST_FORGIVEN:
        yield f"  … and {len(faults) - MOST_FORGIVEN} more"


def _state(found: Values) -> Row:
    host, moving = found["host"], found["moving"]
    closed = host["closed_until"]
    rows: Row = {
        "state": found["state"],
        "identity": found["identity"]["told"],
    }
    if host["host"]:
        state = f"which asked us to wait until {shown(closed)}" if closed else "open"
        gap = f"; at least {shown(host['gap'])} between two requests" if host["gap"] else ""
        rows["host"] = f"{host['host']}, {state}{gap}"
    if moving:
        rows["moving"] = (
            f"to {moving['to']}; seen {moving['times']}×, taken over after "
            f"{moving['believed_after']}× in a row"
        )
    rows["not observed"] = "; ".join(map(_gap, found["gaps"])) or None
    return rows


def _gap(gap: Values) -> str:
    until = f"to {shown(gap['to'])}" if gap["to"] else "until now"
    return f"from {shown(gap['from'])} {until}: {gap['reason']}"


def _next(found: Values) -> Row:
    planned = found["next_poll"]
    if planned["at"] is None:
        return {"at": "never, as it stands"}
    why = planned["told"] or "the last answer's headers, or a choice of yours since then"
    rows: Row = {"at": shown(planned["at"]), "because of": why}
    if planned["is_capped"]:
        rows["capped"] = "a longer wait was asked for than we keep"
    for wish in planned["wishes"]:
        asked = "" if wish["asked"] is None else f"{_length(wish['asked'])}: "
        rows[wish["name"]] = f"{asked}{wish['effect']}"
    return rows


def _length(asked: timedelta) -> str:
    return f"{asked.days} days" if asked.days > 1 else shown(asked)


def _section(heading: str, rows: Row) -> Iterator[str]:
    yield ""
    yield heading
    yield from _rows(rows)


def _rows(rows: Row) -> Iterator[str]:
    for name, value in rows.items():
        if value is not None:
            yield f"  {name:<20}{shown(value)}"
