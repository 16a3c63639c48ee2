"""When a connection is due: by hand, every so often, or by a cron expression in a time zone.

Pure functions of their arguments: nothing here looks at a clock or a store. The hub writes what `next_after` gives into
the store as `next_sync_at`, so that the core compares instants in UTC and knows nothing of time zones.

    parse_schedule("*/15 6-22 * * MON-FRI").next_after(now, "Europe/Berlin", jitter_key="sap-mt")
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from switchgear.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

Freshness = Literal["on_time", "late", "stale", "unscheduled"]

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=366)
JITTER_SHARE, JITTER_AT_MOST = 0.1, timedelta(minutes=5)
ON_TIME_PERIODS, LATE_PERIODS = 1.5, 3.0

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_INTERVAL = re.compile(r"(\d{1,12}(?:\.\d{1,9})?(?:e\+?\d{1,2})?)([smhd])")  # 2.592e+06s is how 30 days may be stored
_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_MOST_CHARACTERS = 200
# Where the usual distance of a cron expression is measured: on the first due times of a year.
_MEASURED_FROM, _MEASURED = datetime(2026, 1, 1), 40  # noqa: DTZ001 - a time on the wall of any zone


class Schedule(ABC):
    """When something is due. Immutable, and free of state: the same arguments give the same instant for ever.

    Attributes:
        text: as it was given, without blanks around it.
    """

    text: str

    def next_after(self, when_utc: datetime, timezone: str = "UTC", jitter_key: str = "") -> datetime | None:
        """The first due instant that is later than `when_utc`, in UTC; None if there is none (by hand).

        Args:
            when_utc: an aware datetime.
            timezone: an IANA name, for a cron expression; intervals are the same everywhere.
            jitter_key: spreads what is due at the same time, such as the connection's id. Every due instant is later by
                the same part of a second or of some minutes: at most a tenth of the shortest usual distance, and at
                most 5 minutes, so that nothing changes its order and nothing drifts.

        Raises:
            ConfigError (`config.schedule`): there is no such time zone.
        """
        if when_utc.tzinfo is None:
            raise ValueError(f"next_after() needs an instant with a time zone, got {when_utc!r}")
        zone = _zone(timezone)
        later_by = self._jitter(zone, jitter_key)
        due = self._due_after(when_utc.astimezone(UTC) - later_by, zone)
        return None if due is None else due + later_by

    def period(self, timezone: str = "UTC") -> timedelta | None:
        """The usual distance between two due instants; None if nothing is ever due. Of a cron expression it is the
        median, so that the nights and weekends of `*/15 6-22 * * MON-FRI` do not count.

        Raises:
            ConfigError (`config.schedule`): there is no such time zone.
        """
        _zone(timezone)
        return self._period()

    @abstractmethod
    def _due_after(self, when: datetime, zone: ZoneInfo) -> datetime | None: ...

    @abstractmethod
    def _period(self) -> timedelta | None: ...

    def _shortest(self) -> timedelta:
        return self._period() or timedelta(0)

    def _jitter(self, zone: ZoneInfo, key: str) -> timedelta:
        if not key:
            return timedelta(0)
        share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
        most = min(self._shortest() * JITTER_SHARE, JITTER_AT_MOST)
        return timedelta(milliseconds=int(share * (most / timedelta(milliseconds=1))))


@dataclass(frozen=True)
class ByHand(Schedule):
    """Never due by itself."""

    text: str = ""

    def _due_after(self, when: datetime, zone: ZoneInfo) -> None:
        return None

    def _period(self) -> None:
        return None


@dataclass(frozen=True)
class Every(Schedule):
    """At the whole multiples of an interval since 1970-01-01T00:00Z, whenever the one before really ran."""

    text: str
    interval: timedelta

    def _due_after(self, when: datetime, zone: ZoneInfo) -> datetime:
        return EPOCH + ((when - EPOCH) // self.interval + 1) * self.interval

    def _period(self) -> timedelta:
        return self.interval


@dataclass(frozen=True)
class Cron(Schedule):
    """At times on the wall of a time zone, by 5 fields: minute, hour, day of month, month, day of week.

    Each time comes once over a change of the clocks. One that the clocks skip is due at the moment of the change;
    several skipped ones are one. One that comes twice is due the first time. An expression whose hour is `*` names no
    time of the day but a rhythm (`*/15 * * * *`), which goes on as time does, through both passes of a repeated hour.
    """

    text: str

    def _due_after(self, when: datetime, zone: ZoneInfo) -> datetime | None:
        return self._in_rhythm(when, zone) if self.text.split()[1] == "*" else self._on_the_wall(when, zone)

    def _on_the_wall(self, when: datetime, zone: ZoneInfo) -> datetime | None:
        """Walls only move on where instants do, so the first wall time whose instant is later is the one."""
        wall = when.astimezone(zone).replace(tzinfo=None, fold=0)
        return next((due for time in self._times(wall) if (due := _instant(time, zone)) > when), None)

    def _in_rhythm(self, when: datetime, zone: ZoneInfo) -> datetime | None:
        """Goes on by the clock as it is set at `when`; where it is set anew before something is due, from there."""
        while True:
            offset = _offset(when, zone)
            due = self._by_offset(when, offset)
            if due is None or _offset(due, zone) == offset:
                return due
            when = _change(when, due, zone)
            if self._by_offset(when - timedelta(seconds=1), _offset(when, zone)) == when:
                return when

    def _by_offset(self, when: datetime, offset: timedelta) -> datetime | None:
        time = next(self._times((when + offset).replace(tzinfo=None)), None)
        return None if time is None else time.replace(tzinfo=UTC) - offset

    def _times(self, wall: datetime) -> Iterator[datetime]:
        return iter(CronSim(self.text, wall))

    def _period(self) -> timedelta:
        return _distances(self.text)[0]

    def _shortest(self) -> timedelta:
        return _distances(self.text)[1]


@lru_cache(maxsize=4096)
def parse_schedule(text: str) -> Schedule:
    """A schedule from its text: "" (by hand), an interval ("900s", "15m", "2h", "1d"), or cron's 5 fields.

    Raises:
        ConfigError (`config.schedule`): it is none of these, with what is wrong and the nearest right form.
    """
    text = " ".join(text.split())
    if not text:
        return ByHand()
    if len(text) > _MOST_CHARACTERS:
        raise _refused(text[:40] + "…", f"it has {len(text)} characters, {_MOST_CHARACTERS} at most")
    if match := _INTERVAL.fullmatch(text):
        return _every(text, float(match[1]) * _UNITS[match[2]])
    fields = text.split()
    if len(fields) == 5:
        return _cron(text, fields)
    raise _refused(text, _why_nothing(text, fields), _likely(text, fields))


def duration_seconds(text: str) -> float | None:
    """Of "90d", "15m", "1.5h", "60s"; None: it is no duration."""
    match = _INTERVAL.fullmatch(text.strip())
    return None if match is None else float(match[1]) * _UNITS[match[2]]


def check_timezone(name: str) -> None:
    """Raises ConfigError (`config.schedule`) where there is no such time zone, with those that are near."""
    if not isinstance(name, str):
        raise ConfigError(f"timezone is {name!r}", code="config.schedule", hint="an IANA name, such as 'Europe/Berlin'")
    _zone(name)


def freshness(
    schedule: Schedule,
    last_success_at: datetime | None,
    now: datetime,
    timezone: str = "UTC",
    since: datetime | None = None,
) -> Freshness:
    """How old what was last brought is, by multiples of the schedule's period (`Schedule.period()`).

    `on_time` up to 1.5 periods after the last success, `late` up to 3, else `stale`; `unscheduled` for a schedule by
    hand. The time in which a cron expression rests does not count: after Friday's run of `0 8 * * MON-FRI` the next one
    is due on Monday, and the half and the two further periods are counted from there.

    Args:
        last_success_at: when the last run that succeeded ended; None: there was none.
        since: since when the schedule holds, which stands for a success that never was; without it, that is `stale`.
    """
    period = schedule.period(timezone)
    if period is None:
        return "unscheduled"
    began = last_success_at or since
    if began is None:
        return "stale"
    age = now - began
    if age <= ON_TIME_PERIODS * period:
        return "on_time"
    due = schedule.next_after(began, timezone) if isinstance(schedule, Cron) else None
    if due is not None:
        age = min(age, now - due + period)
    if age <= ON_TIME_PERIODS * period:
        return "on_time"
    return "late" if age <= LATE_PERIODS * period else "stale"


# -- time zones


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as error:
        known = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
        by_lower = {zone.lower(): zone for zone in known} | {zone.rsplit("/", 1)[-1].lower(): zone for zone in known}
        near = [by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=3)]
        suggested = " or ".join(f"'{zone}'" for zone in dict.fromkeys(near))
        raise ConfigError(
            f"there is no time zone '{name}'",
            code="config.schedule",
            hint=f"did you mean {suggested}?" if near else "give an IANA name, such as 'Europe/Berlin' or 'UTC'",
        ) from error


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one
    return offset


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock on the wall first shows it, or, where it skips it, when it does so."""
    due = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if due.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return due
    return _change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), due, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] at which the clock is set otherwise than it was."""
    offset = _offset(before, zone)
    before = before.replace(microsecond=0)  # clocks are set at whole seconds; a rest would keep the halves from meeting
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


@lru_cache(maxsize=4096)
def _distances(text: str) -> tuple[timedelta, timedelta]:
    """The usual and the shortest distance of a cron expression's times."""
    times = list(itertools.islice(CronSim(text, _MEASURED_FROM), _MEASURED))
    found = sorted(later - time for time, later in itertools.pairwise(times)) or [LONGEST]
    return found[len(found) // 2], found[0]


# -- reading


def _every(text: str, seconds: float) -> Every:
    interval = timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else LONGEST * 2
    if interval < SHORTEST:
        raise _refused(text, "an interval is at least one second", "1s")
    if interval > LONGEST:
        raise _refused(text, "an interval is at most 366 days", "366d")
    return Every(text, interval)


def _cron(text: str, fields: list[str]) -> Cron:
    for index, field in enumerate(fields):
        if not _taken(index, field):
            low, high = _RANGES[index]
            names = f" or {', '.join(_names(index))}" if _names(index) else ""
            raise _refused(
                text, f"its {_FIELDS[index]} is '{field}'; it must be of {low}-{high}{names}", _mended(fields), index
            )
    try:
        if next(CronSim(text, _MEASURED_FROM), None) is not None:
            return Cron(text)
    except CronSimError:
        pass  # a 30th of February is found by either
    raise _refused(text, f"there is no day '{fields[2]}' in month '{fields[3]}', so it is never due", None, 2)


def _taken(index: int, field: str) -> bool:
    """Whether a field of the expression is one by itself."""
    try:
        CronSim(" ".join(field if at == index else "*" for at in range(5)), _MEASURED_FROM)
    except (CronSimError, ValueError):  # ValueError: a number of thousands of digits
        return False
    return True


def _names(index: int) -> list[str]:
    return _MONTHS if index == 3 else _DAYS if index == 4 else []


def _mended(fields: list[str]) -> str | None:
    """The expression with each field that can't be taken as it was probably meant."""
    mended = [field if _taken(index, field) else _mended_field(index, field) for index, field in enumerate(fields)]
    return " ".join(mended) if all(_taken(index, field) for index, field in enumerate(mended)) else None


def _mended_field(index: int, field: str) -> str:
    low, high = _RANGES[index]

    def number(match: re.Match[str]) -> str:
        value = int(match[0][:9])
        if value == high + 1 and low == 0:
            return "0"  # 24:00 is 0:00
        return str(min(max(value, low), high))

    def word(match: re.Match[str]) -> str:
        near = difflib.get_close_matches(match[0].upper()[:3], _names(index), n=1)
        return near[0] if near else match[0]

    field = "*" if field == "?" else re.sub(r"/0+$", "/1", field)
    base, slash, step = field.partition("/")
    base = re.sub(r"\d+", number, re.sub(r"[A-Za-z]+", word, base))
    return base + slash + step


def _why_nothing(text: str, fields: list[str]) -> str:
    if len(fields) == 6:
        return "it has 6 fields; a cron expression has 5, without seconds"
    if len(fields) in (2, 3, 4):
        return f"it has {len(fields)} fields; a cron expression has 5: {', '.join(_FIELDS)}"
    return "it is neither an interval nor a cron expression of 5 fields"


def _likely(text: str, fields: list[str]) -> str | None:
    """What was probably meant by something that is neither interval nor cron expression."""
    lower = text.lower()
    if near := difflib.get_close_matches(lower, _WORDS, n=1) or difflib.get_close_matches("@" + lower, _WORDS, n=1):
        return _WORDS[near[0]]
    if match := re.fullmatch(r"(?:every )?(\d{1,9}(?:\.\d{1,9})?) ?([smhd]?)[a-z]*", lower):
        return f"{match[1]}{match[2] or 's'}"
    if len(fields) == 6:
        rest = fields[1:]
        return " ".join(rest) if all(_taken(index, field) for index, field in enumerate(rest)) else _mended(rest)
    if len(fields) == 4 and all(_taken(index, field) for index, field in enumerate([*fields, "*"])):
        return " ".join([*fields, "*"])
    return None


def _refused(text: str, why: str, nearest: str | None = None, field: int | None = None) -> ConfigError:
    usual = "give an interval such as '15m', or a cron expression such as '*/15 * * * *'"
    return ConfigError(
        f"the schedule '{text}' can't be used: {why}",
        code="config.schedule",
        hint=f"did you mean '{nearest}'?" if nearest else f"{_FIELDS[field]}: see `man 5 crontab`" if field else usual,
    )
