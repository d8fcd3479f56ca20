"""Plain words for stable ones."""

from datetime import UTC, datetime, timedelta

import pytest

from newsreel.core.explanations import FAULTS, IDENTITIES, REASONS, fault_told, wishes_told
from newsreel.core.schedule import Reason, Wishes, plan
from newsreel.model.capture import Fault, FaultKind
from newsreel.model.feed import IdentityPolicy

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_every_word_has_its_explanation() -> None:
    assert set(FAULTS) == set(FaultKind)
    assert set(REASONS) == set(Reason)
    assert set(IDENTITIES) == set(IdentityPolicy)


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(FaultKind.HTTP, "404", 404), "nothing stands at this address"),
        (Fault(FaultKind.HTTP, "418", 418), "the server answered with an error"),
        (Fault(FaultKind.HTTP, "599", 599), "the server has trouble of its own"),
        (Fault(FaultKind.HTTP, "", None), "the server answered with an error"),
        (Fault(FaultKind.TLS, "certificate has expired"), "the site's certificate has run out"),
        (Fault(FaultKind.TLS, "Hostname mismatch"), "the site's certificate is for another host"),
        (Fault(FaultKind.TLS, "self-signed certificate"), "the site vouches for itself"),
        (Fault(FaultKind.TLS, "unable to get local issuer certificate"), "the site does not send"),
        (Fault(FaultKind.TLS, "WRONG_VERSION_NUMBER"), "the other side speaks no TLS there"),
        (Fault(FaultKind.TLS, "something new"), "no secure connection came about"),
    ],
)
def test_a_fault_is_told_by_its_kind_status_and_detail(fault: Fault, meaning: str) -> None:
    assert fault_told(fault).startswith(meaning)


@pytest.mark.parametrize(
    ("wishes", "overlap", "failures", "effects"),
    [
        (Wishes(), None, 0, {}),
        (Wishes(interval=6 * HOUR), None, 0, {"interval": "decided"}),
        (Wishes(ttl=6 * HOUR), None, 0, {"ttl": "decided"}),
        (
            Wishes(ttl=6 * HOUR, update_period=8 * HOUR),
            None,
            0,
            {"ttl": "kept: the wait is longer", "sy:updatePeriod": "decided"},
        ),
        (
            Wishes(ttl=6 * HOUR, interval=2 * HOUR),
            None,
            0,
            {"interval": "decided", "ttl": "passed over: the interval is yours"},
        ),
        (Wishes(ttl=6 * HOUR), 0.0, 0, {"ttl": "passed over: at this pace entries were missed"}),
        (Wishes(ttl=6 * HOUR), None, 3, {"ttl": "kept: the wait is longer"}),
        (
            Wishes(ttl=40 * DAY),
            None,
            0,
            {"ttl": "decided; cut to 24 hours, the longest wait that is kept"},
        ),
        (
            Wishes(max_age=6 * HOUR, retry_after=40 * DAY),
            None,
            1,
            {
                "max-age or Expires": "kept: the wait is longer",
                "Retry-After": "decided; cut to 31 days, the longest wait that is kept",
            },
        ),
        (Wishes(skip_hours=(11, 12)), None, 0, {"skipHours": "moved the moment (11, 12)"}),
        (
            Wishes(skip_days=("Sunday",)),
            None,
            0,
            {"skipDays": "kept: the moment lies outside (Sunday)"},
        ),
    ],
)
def test_what_became_of_a_wish_is_told(
    wishes: Wishes, overlap: float | None, failures: int, effects: dict[str, str]
) -> None:
    made = plan(NOW, 7, wishes=wishes, overlap=overlap, failures=failures)

    told = wishes_told(wishes, made, overlap=overlap)

    assert {wish.name: wish.effect for wish in told} == effects
    assert made.is_capped == any("cut to" in wish.effect for wish in told)
