"""Bulletins that are made rather than written: tides and weather, and a chess league."""

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]

DAYS = ("mon", "tue", "wed", "thu", "fri")
HOURS = ("05:45", "11:45", "17:45", "23:15")

WINDS = (
    "Light airs from the south-west",
    "South-west 3, rising",
    "South-west 5, gusts in the roads",
    "West 6, the flags are in",
    "West 4, easing",
    "North-west 3",
    "North 2, cold",
    "Calm, and not to be trusted",
)
SKIES = (
    "A bright morning with some high cloud.",
    "Drizzle on and off, mostly on.",
    "Showers, the heavy ones on Saltmere as usual.",
    "Fog on the water; the horn is sounding.",
    "Clearing from the west, so they say in the west.",
    "Stars, for the first time this week.",
    "Hail at about tea-time.",
)
SEAS = ("smooth", "slight", "moderate", "rough outside the mole", "slight, with an old swell")

CLUBS = (
    "Scarrow Rooks",
    "Hindbeck Library",
    "The Two Bishops",
    "Fellgate Miners' Institute",
    "Lower Marl Ladies",
    "Grammar School Old Pawns",
)
SCORES = ("3–3", "4–2", "3½–2½", "5–1", "2–4", "2½–3½", "6–0", "1½–4½")
REMARKS = (
    "The top board ended after eleven moves and a cough.",
    "Adjourned twice, once for soup.",
    "Board six was lost on time by a player who had gone to move his car.",
    "All the games were Queen's Gambits, by agreement of the drivers.",
    "A draw was offered, declined, offered back, and taken.",
    "The hall's cat sat on d4 and was, on appeal, removed.",
    "Decided by a pawn that nobody had looked at since move nine.",
    "The visitors came with five; the caretaker won on board six.",
)


def tides() -> list[Row]:
    """Return the tide and weather bulletins of the week, four a day."""
    rows = [_tide(0, "sun", "23:15")]
    numbers = [(day, hour) for day in DAYS for hour in HOURS]
    rows += [_tide(number, *when) for number, when in enumerate(numbers, 1)]
    return rows


def _tide(number: int, day: str, hour: str) -> Row:
    # The tide comes 50 minutes later each day: a quarter of that each bulletin, and 6 h 12 min.
    high = (3 * 60 + 20 + number * 372) % 1440
    height = f"{4 + number * 7 % 11 // 10}.{1 + number * 7 % 9} m"
    wind, sky = WINDS[number * 3 % len(WINDS)], SKIES[number * 5 % len(SKIES)]
    row: Row = {
        "at": f"{day} {hour}",
        "title": f"High water {high // 60:02}:{high % 60:02}, {height}. {wind}",
        "text": f"{sky} Sea {SEAS[number % len(SEAS)]}. Water {7 + number % 3} °C, "
        f"barometer {1004 + number * 5 % 23} hPa.",
        "topics": ["Tides", "Weather"],
    }
    if number % 7 == 3:
        corrected = row["text"].replace("barometer", "barometer (read upside down before)")
        row["later"] = [{"at": f"{day} {int(hour[:2]) + 3}:10", "text": corrected}]
    return row


def chess() -> list[Row]:
    """Return the results of the week: a round of three matches, every evening and on Sunday."""
    rows: list[Row] = []
    for round_, day in enumerate(("sun", *DAYS)):
        # Each club stays put but the first, and the others go round it: nobody meets twice.
        others = CLUBS[1:]
        turned = others[round_ % 5 :] + others[: round_ % 5]
        pairs = [(CLUBS[0], turned[0]), (turned[1], turned[4]), (turned[2], turned[3])]
        for board, (home, away) in enumerate(pairs):
            number = round_ * 3 + board
            rows.append(
                {
                    "at": f"{day} {20 + board}:{number * 11 % 60:02}",
                    "title": f"{home} {SCORES[number * 3 % 8]} {away}",
                    "text": REMARKS[number * 5 % 8],
                    "topics": [f"Round {round_ + 8}"],
                }
            )
    rows[4]["later"] = [
        {
            "at": "tue 09:00",
            "title": rows[4]["title"].replace("2–4", "3–3, after adjudication,"),
            "text": "The adjudicator sat up with board four all night and thanks both sides.",
        }
    ]
    return rows


BULLETINS: dict[str, Callable[[], list[Row]]] = {"tides": tides, "chess": chess}
