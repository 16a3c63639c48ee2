"""Schedules: each due time once, over changes of the clocks as well, without drift, whatever the jitter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from switchgear import ConfigError
from switchgear.schedule import ByHand, Cron, Every, freshness, parse_schedule

UTC = timezone.utc
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ("Europe/Berlin", "America/New_York")
QUARTERS = {
    "spring": (datetime(2026, 2, 15, tzinfo=UTC), datetime(2026, 5, 15, tzinfo=UTC)),
    "autumn": (datetime(2026, 9, 15, tzinfo=UTC), datetime(2026, 12, 15, tzinfo=UTC)),
}
# Each with the minutes, hours and days of the week (Monday is 0) that it means.
ALL = range(7)
DAILY = {
    "30 2 * * *": ({30}, {2}, ALL),  # skipped in Berlin and New York in spring, twice there in autumn
    "*/15 2 * * *": ({0, 15, 30, 45}, {2}, ALL),
    "0,30 1,2,3 * * *": ({0, 30}, {1, 2, 3}, ALL),
    "10 */2 * * *": ({10}, set(range(0, 24, 2)), ALL),
    "*/20 6-22 * * MON-FRI": ({0, 20, 40}, set(range(6, 23)), range(5)),
    "0 0 * * SUN": ({0}, {0}, {6}),
}
RHYTHMS = {"*/15 * * * *": {0, 15, 30, 45}, "7 * * * *": {7}}


def runs(text: str, zone: str, start: datetime, end: datetime, key: str = "") -> Iterator[datetime]:
    """What a scheduler does that asks for the next due instant after each run."""
    schedule = parse_schedule(text)
    due = schedule.next_after(start, zone, key)
    while due is not None and due < end:
        yield due
        due = schedule.next_after(due, zone, key)


@lru_cache
def walls(zone: str, quarter: str) -> list[tuple[datetime, datetime]]:
    """Each minute after the quarter's start, with what a clock on the wall shows."""
    start, end = QUARTERS[quarter]
    where = ZoneInfo(zone)
    instants = (start + minute * MINUTE for minute in range(1, (end - start) // MINUTE))
    return [(instant, instant.astimezone(where).replace(tzinfo=None, fold=0)) for instant in instants]


@lru_cache
def first_shown(zone: str, quarter: str) -> list[tuple[datetime, datetime]]:
    """When the wall clock first shows each minute or has gone past it: what a watchman would write down."""
    notes = []
    latest = walls(zone, quarter)[0][1] - MINUTE
    for instant, wall in walls(zone, quarter):
        while latest < wall:
            latest += MINUTE
            notes.append((instant, latest))
    return notes


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", DAILY)
def test_three_months_with_a_change_of_the_clocks_run_each_due_time_once(text: str, zone: str, quarter: str) -> None:
    start, end = QUARTERS[quarter]
    minutes, hours, days = DAILY[text]
    expected = [
        instant
        for instant, wall in first_shown(zone, quarter)
        if wall.minute in minutes and wall.hour in hours and wall.weekday() in days
    ]
    assert list(runs(text, zone, start, end)) == list(dict.fromkeys(expected))  # what is skipped together runs once


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", RHYTHMS)
def test_a_rhythm_goes_on_through_changes_of_the_clocks(text: str, zone: str, quarter: str) -> None:
    start, end = QUARTERS[quarter]
    expected = [instant for instant, wall in walls(zone, quarter) if wall.minute in RHYTHMS[text]]
    assert list(runs(text, zone, start, end)) == expected


def test_the_time_that_the_clocks_skip_is_due_when_they_do() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 2:00 in Berlin becomes 3:00
    for text in ("30 2 * * *", "*/15 2 * * *", "0 3 * * *"):
        assert parse_schedule(text).next_after(change - HOUR, "Europe/Berlin") == change
    assert parse_schedule("30 2 * * *").next_after(change, "Europe/Berlin") == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    # Midnight itself is skipped in Santiago.
    assert parse_schedule("0 0 * * *").next_after(datetime(2026, 9, 5, 12, tzinfo=UTC), "America/Santiago") == datetime(
        2026, 9, 6, 4, tzinfo=UTC
    )


def test_the_time_that_comes_twice_is_due_the_first_time() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 2:30 in Berlin, and again an hour later
    daily = parse_schedule("30 2 * * *")
    assert daily.next_after(first - MINUTE, "Europe/Berlin") == first
    for later in (first, first + 29 * MINUTE, first + HOUR, first + 2 * HOUR):
        assert daily.next_after(later, "Europe/Berlin") == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_clock_that_changes_by_half_an_hour_keeps_the_rhythm() -> None:
    start, end = datetime(2026, 10, 3, 12, tzinfo=UTC), datetime(2026, 10, 3, 18, tzinfo=UTC)  # 2:00 becomes 2:30
    hours = [
        due.astimezone(ZoneInfo("Australia/Lord_Howe")).strftime("%H:%M")
        for due in runs("0,30 * * * *", "Australia/Lord_Howe", start, end)
    ]
    assert hours[:9] == ["23:00", "23:30", "00:00", "00:30", "01:00", "01:30", "02:30", "03:00", "03:30"]


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("900s", 15 * MINUTE),
        ("15m", 15 * MINUTE),
        ("2h", 2 * HOUR),
        ("1d", DAY),
        ("0.5h", 30 * MINUTE),
        ("2.592e+06s", 30 * DAY),
        (" 1s ", timedelta(seconds=1)),
        ("366d", 366 * DAY),
    ],
)
def test_intervals(text: str, interval: timedelta) -> None:
    schedule = parse_schedule(text)
    assert isinstance(schedule, Every)
    assert schedule.period() == interval


def test_nothing_is_by_hand() -> None:
    assert parse_schedule("  ") == ByHand()
    assert parse_schedule("").next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert parse_schedule("").period() is None


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("60 * * * *", "its minute is '60'; it must be of 0-59", "'0 * * * *'"),
        ("0 24 * * *", "its hour is '24'; it must be of 0-23", "'0 0 * * *'"),
        ("0 7 0 * *", "its day of month is '0'; it must be of 1-31", "'0 7 1 * *'"),
        ("0 7 * 13 *", "its month is '13'; it must be of 1-12 or JAN", "'0 7 * 12 *'"),
        ("0 7 * * MONDAY-FRYDAY", "its day of week is 'MONDAY-FRYDAY'", "'0 7 * * MON-FRI'"),
        ("0 7 ? * MON", "its day of month is '?'", "'0 7 * * MON'"),
        ("*/0 * * * *", "its minute is '*/0'", "'*/1 * * * *'"),
        ("0 25 32 * *", "its hour is '25'", "'0 23 31 * *'"),
        ("0 0 30 2 *", "there is no day '30' in month '2'", "man 5 crontab"),
        ("0 */15 * * * *", "it has 6 fields; a cron expression has 5, without seconds", "'*/15 * * * *'"),
        ("*/15 * * *", "it has 4 fields", "'*/15 * * * *'"),
        ("@daily", "neither an interval nor a cron expression", "'0 0 * * *'"),
        ("hourly", "neither an interval nor a cron expression", "'0 * * * *'"),
        ("15 min", "it has 2 fields", "'15m'"),
        ("15minutes", "neither an interval nor a cron expression", "'15m'"),
        ("every 2 hours", "it has 3 fields", "'2h'"),
        ("900", "neither an interval nor a cron expression", "'900s'"),
        ("0s", "an interval is at least one second", "'1s'"),
        ("-5m", "neither an interval nor a cron expression", "such as '15m'"),
        ("99999999999d", "an interval is at most 366 days", "'366d'"),
        ("9e99s", "an interval is at most 366 days", "'366d'"),
        ("nonsense", "neither an interval nor a cron expression", "such as '15m'"),
        ("9" * 5000 + " * * * *", "it has 5008 characters, 200 at most", "such as '15m'"),
    ],
)
def test_what_is_no_schedule_is_named_with_the_nearest_right_form(text: str, why: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schedule(text)
    assert caught.value.code == "config.schedule"
    assert why in caught.value.message
    assert text[:40] in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Berlim", "'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("Berlin", "'Europe/Berlin'"),
        ("New_York", "'America/New_York'"),
        ("Europe", "did you mean"),
        ("../etc/passwd", "IANA"),
        ("/etc/localtime", "IANA"),
        ("q\0", "IANA"),
    ],
)
def test_unknown_time_zones_are_named_with_the_nearest(zone: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schedule("0 8 * * *").next_after(datetime(2026, 1, 1, tzinfo=UTC), zone)
    assert caught.value.code == "config.schedule"
    assert repr(zone)[1:-1] in repr(caught.value.message)
    assert hint in caught.value.hint


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse_schedule("15m").next_after(datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.text(max_size=30) | st.from_regex(r"[0-9*/,\-LW#A-Z?]{1,6}( [0-9*/,\-LW#A-Z?]{1,6}){4}", fullmatch=True))
@example("L,LW/2 * * * *")
@example("0 0 L * *")
@settings(max_examples=300)
def test_any_text_is_a_schedule_or_a_refusal(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except ConfigError as error:
        if (near := error.hint.removeprefix("did you mean '").removesuffix("'?")) != error.hint:
            parse_schedule(near)  # what it proposes is one
    else:
        if not isinstance(schedule, ByHand):
            due = schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC), "Europe/Berlin", "key")
            assert due is not None
            assert due > datetime(2026, 1, 1, tzinfo=UTC)


instants = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
crons = st.sampled_from([*DAILY, *RHYTHMS, "* * * * *", "0 0 1 * *", "0 12 L * *", "30 1-3 */2 * MON#1", "0 0 29 2 *"])
schedules = crons | st.integers(1, 10**6).map(lambda seconds: f"{seconds}s") | st.sampled_from(["15m", "1d", "2h"])
zones = st.sampled_from([*ZONES, "UTC", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "Africa/Casablanca"])


@given(schedules, zones, instants, st.text(max_size=8))
@settings(deadline=None)
def test_due_instants_follow_each_other_whoever_asks_from_where(text: str, zone: str, when: datetime, key: str) -> None:
    schedule = parse_schedule(text)
    first = schedule.next_after(when, zone, key)
    assert first is not None
    assert first > when
    second = schedule.next_after(first, zone, key)
    assert second is not None
    assert second > first
    # Whoever asks between two of them, is told the second: a late run neither repeats nor shifts anything.
    assert schedule.next_after(first + (second - first) * 0.999, zone, key) == second
    assert schedule.next_after(first - timedelta(microseconds=1), zone, key) == first


@given(schedules, zones, instants, st.text(min_size=1, max_size=8))
@settings(deadline=None)
def test_jitter_makes_all_later_by_the_same_small_part(text: str, zone: str, when: datetime, key: str) -> None:
    schedule = parse_schedule(text)
    plain = schedule.next_after(when, zone)
    assert plain is not None
    shifted = schedule.next_after(plain - timedelta(microseconds=1), zone, key)
    assert shifted is not None
    late = shifted - plain
    period = schedule.period(zone)
    assert period is not None
    # The one before may be the answer, where it is that late that it comes after `plain` was due: it never is.
    assert timedelta(0) <= late <= min(period * 0.1, 5 * MINUTE)
    following = schedule.next_after(plain, zone)
    assert following is not None
    assert schedule.next_after(shifted, zone, key) == following + late


def test_jitter_spreads_connections() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    due = {parse_schedule("0 * * * *").next_after(when, "UTC", f"plant-{number}") for number in range(200)}
    assert len(due) > 190


@given(st.integers(1, 10**6), instants)
def test_intervals_do_not_drift(seconds: int, when: datetime) -> None:
    schedule = parse_schedule(f"{seconds}s")
    due = schedule.next_after(when)
    for _ in range(5):
        assert due is not None
        assert (due - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(seconds=seconds) == timedelta(0)
        due = schedule.next_after(due + timedelta(seconds=seconds) * 0.7)  # each run takes long


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("*/15 * * * *", 15 * MINUTE),
        ("0 8 * * MON-FRI", DAY),
        ("*/15 6-22 * * MON-FRI", 15 * MINUTE),
        ("0 8,20 * * *", DAY / 2),
        ("0 0 1 * *", 31 * DAY),
    ],
)
def test_the_usual_distance(text: str, period: timedelta) -> None:
    schedule = parse_schedule(text)
    assert isinstance(schedule, Cron)
    assert schedule.period("Europe/Berlin") == period


@pytest.mark.parametrize(
    ("text", "age", "expected"),
    [
        ("15m", 22 * MINUTE, "on_time"),
        ("15m", 22.5 * MINUTE, "on_time"),
        ("15m", 23 * MINUTE, "late"),
        ("15m", 45 * MINUTE, "late"),
        ("15m", 46 * MINUTE, "stale"),
        ("", 1000 * DAY, "unscheduled"),
        # from Friday 8:05 on: due on Monday at 8:00
        ("0 8 * * MON-FRI", 3 * DAY, "on_time"),
        ("0 8 * * MON-FRI", 3.4 * DAY, "on_time"),
        ("0 8 * * MON-FRI", 3.6 * DAY, "late"),
        ("0 8 * * MON-FRI", 4.9 * DAY, "late"),
        ("0 8 * * MON-FRI", 5.1 * DAY, "stale"),
    ],
)
def test_freshness_is_counted_in_periods(text: str, age: timedelta, expected: str) -> None:
    last = datetime(2026, 1, 2, 8, 5, tzinfo=UTC)  # a Friday
    assert freshness(parse_schedule(text), last, last + age) == expected


def test_freshness_of_what_never_succeeded_counts_from_when_it_was_added() -> None:
    now = datetime(2026, 1, 2, 8, tzinfo=UTC)
    assert freshness(parse_schedule("15m"), None, now) == "stale"
    assert freshness(parse_schedule("15m"), None, now, since=now - 5 * MINUTE) == "on_time"
    assert freshness(parse_schedule(""), None, now) == "unscheduled"


def test_a_change_of_the_clocks_is_found_from_a_moment_within_a_second() -> None:
    """A jitter has milliseconds, and the search for the change never ended."""
    before = datetime(2026, 3, 8, 6, 59, 58, 1000, tzinfo=timezone.utc)
    due = parse_schedule("0 * * * *").next_after(before, "America/New_York")
    assert due == datetime(2026, 3, 8, 7, 0, tzinfo=timezone.utc)
