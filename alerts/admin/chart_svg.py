"""PURE: the chart as a picture, for browsers without scripts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from alerts.admin.chart import Chart, Level
from metrics import formats

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 260, 64, 12, 24
FLOOR = HEIGHT - BOTTOM
_STYLE = mark_safe(
    "<style>text{font:12px sans-serif;fill:#4b5563}.l0{stroke:#0f766e}.l1{stroke:#94a3b8}"
    ".line{fill:none;stroke-width:1.5}.target{stroke:#b91c1c;stroke-dasharray:6 4}"
    ".base{stroke:#64748b;stroke-dasharray:2 4}.open{fill:#fee2e2}.window{fill:#fecaca}"
    ".mark{stroke:#6366f1}.axis{stroke:#cbd5e1}.bg{fill:#fff}"
    "@media (prefers-color-scheme:dark){.bg{fill:#111827}text{fill:#9ca3af}.l0{stroke:#2dd4bf}"
    ".open{fill:#450a0a}.window{fill:#7f1d1d}.axis{stroke:#374151}.target{stroke:#f87171}}"
    "</style>"
)


@dataclass(frozen=True)
class _Frame:
    """Where times and values are in the picture."""

    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)
        return round(LEFT + share * (WIDTH - LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(FLOOR - share * (FLOOR - TOP), 1)


def draw(chart: Chart, zone: tzinfo = UTC) -> SafeString:
    """An SVG document of the chart; times are written in ``zone``."""
    frame = _Frame(chart.start, chart.end, *_scale(chart))
    parts = [
        _bands(chart, frame),
        _axis(chart, frame, zone),
        _lines(chart, frame),
        _levels(chart, frame),
        _marks(chart, frame),
    ]
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" role="img">'
        '<title>{2}</title>{3}<rect class="bg" width="{0}" height="{1}"/>{4}</svg>',
        *(WIDTH, HEIGHT, chart.title, _STYLE, format_html_join("", "{}", ((p,) for p in parts))),
    )


def _bands(chart: Chart, frame: _Frame) -> SafeString:
    return format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                *(band.kind, frame.x(band.start), TOP),
                *(max(frame.x(band.end) - frame.x(band.start), 1), FLOOR - TOP, band.name),
            )
            for band in chart.bands
        ),
    )


def _axis(chart: Chart, frame: _Frame, zone: tzinfo) -> SafeString:
    return format_html(
        '<line class="axis" x1="{left}" x2="{right}" y1="{floor}" y2="{floor}"/>'
        '<text x="0" y="{first}">{high}</text><text x="0" y="{floor}">{low}</text>'
        '<text x="{left}" y="{last}">{start}</text>'
        '<text x="{right}" y="{last}" text-anchor="end">{end}</text>',
        left=LEFT,
        right=WIDTH,
        floor=FLOOR,
        first=TOP + 10,
        last=HEIGHT - 6,
        high=formats.measure(frame.high, chart.unit),
        low=formats.measure(frame.low, chart.unit),
        start=_time(chart.start, zone),
        end=_time(chart.end, zone),
    )


def _lines(chart: Chart, frame: _Frame) -> SafeString:
    def paths() -> Iterator[tuple[int, str, str]]:
        for index, line in enumerate(chart.lines):
            places = [
                None if value is None else (frame.x(at), frame.y(value))
                for at, value in zip(chart.times, line.values, strict=True)
            ]
            yield index, _path(places), line.name

    pattern = '<path class="line l{}" d="{}"><title>{}</title></path>'
    return format_html_join("", pattern, paths())


def _levels(chart: Chart, frame: _Frame) -> SafeString:
    named: list[tuple[str, Level | None]] = [("target", chart.target), ("base", chart.baseline)]
    return format_html_join(
        "",
        '<line class="{0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/><text x="{4}" y="{5}">{6}</text>',
        (
            (kind, LEFT, WIDTH, (y := frame.y(level.value)), LEFT + 6, y - 4, level.name)
            for kind, level in named
            if level
        ),
    )


def _marks(chart: Chart, frame: _Frame) -> SafeString:
    return format_html_join(
        "",
        '<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"><title>{3}</title></line>',
        ((frame.x(mark.at), TOP, FLOOR, mark.name) for mark in chart.marks),
    )


def _scale(chart: Chart) -> tuple[float, float]:
    found = [value for line in chart.lines for value in line.values if value is not None]
    found += [level.value for level in (chart.target, chart.baseline) if level]
    low, high = min([*found, 0.0]), max(found, default=1.0)
    # Shares near 100 % and ratings would be a flat line from 0.
    if chart.unit in {"%", "score"} and found:
        low = min(found) - (high - min(found)) * 0.1
    return (low, high + (high - low) * 0.08) if high > low else (low - 1, high + 1)


def _path(places: list[tuple[float, float] | None]) -> str:
    """Neighbours are joined; where nothing was measured is a gap, a lone point is a dash."""
    parts: list[str] = []
    drawn = False
    for place in places:
        if place is None:
            drawn = False
            continue
        parts.append(f"{'L' if drawn else 'M'}{place[0]:g} {place[1]:g}" + ("" if drawn else "h1"))
        drawn = True
    return "".join(parts)


def _time(at: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"
