"""PURE: the chart as a picture, for browsers without scripts."""

from datetime import UTC, datetime, tzinfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from alerts.admin.chart import Chart
from metrics import formats

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 260, 64, 12, 24
_STYLE = mark_safe(
    "<style>text{font:12px sans-serif;fill:#4b5563}.l0{stroke:#0f766e}.l1{stroke:#94a3b8}"
    ".line{fill:none;stroke-width:1.5}.target{stroke:#b91c1c;stroke-dasharray:6 4}"
    ".base{stroke:#64748b;stroke-dasharray:2 4}.open{fill:#fee2e2}.window{fill:#fecaca}"
    ".mark{stroke:#6366f1}.axis{stroke:#cbd5e1}.bg{fill:#fff}"
    "@media (prefers-color-scheme:dark){.bg{fill:#111827}text{fill:#9ca3af}.l0{stroke:#2dd4bf}"
    ".open{fill:#450a0a}.window{fill:#7f1d1d}.axis{stroke:#374151}.target{stroke:#f87171}}"
    "</style>"
)


def draw(chart: Chart, zone: tzinfo = UTC) -> SafeString:
    """An SVG document of the chart; times are written in ``zone``."""
    low, high = _scale(chart)

    def x(at: float) -> float:
        share = (min(max(at, chart.start), chart.end) - chart.start) / (chart.end - chart.start)
        return round(LEFT + share * (WIDTH - LEFT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 1)

    bands = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (b.kind, x(b.start), TOP, max(x(b.end) - x(b.start), 1), HEIGHT - TOP - BOTTOM, b.name)
            for b in chart.bands
        ),
    )
    levels = format_html_join(
        "",
        '<line class="{0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/><text x="{4}" y="{5}">{6}</text>',
        (
            (kind, LEFT, WIDTH, y(level.value), LEFT + 6, y(level.value) - 4, level.name)
            for kind, level in (("target", chart.target), ("base", chart.baseline))
            if level
        ),
    )
    marks = format_html_join(
        "",
        '<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"><title>{3}</title></line>',
        ((x(mark.at), TOP, HEIGHT - BOTTOM, mark.name) for mark in chart.marks),
    )
    lines = format_html_join(
        "",
        '<path class="line l{}" d="{}"><title>{}</title></path>',
        (
            (index, _path([(x(t), y(v)) if v is not None else None for t, v in pairs]), line.name)
            for index, line in enumerate(chart.lines)
            for pairs in [list(zip(chart.times, line.values, strict=True))]
        ),
    )
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" role="img">'
        '<title>{title}</title>{style}<rect class="bg" width="{w}" height="{h}"/>{bands}'
        '<line class="axis" x1="{left}" x2="{w}" y1="{floor}" y2="{floor}"/>'
        '<text x="0" y="{first}">{high}</text><text x="0" y="{floor}">{low}</text>'
        '<text x="{left}" y="{last}">{start}</text>'
        '<text x="{w}" y="{last}" text-anchor="end">{end}</text>{lines}{levels}{marks}</svg>',
        w=WIDTH,
        h=HEIGHT,
        left=LEFT,
        first=TOP + 10,
        floor=HEIGHT - BOTTOM,
        last=HEIGHT - 6,
        title=chart.title,
        style=_STYLE,
        bands=bands,
        lines=lines,
        levels=levels,
        marks=marks,
        high=formats.measure(high, chart.unit),
        low=formats.measure(low, chart.unit),
        start=_time(chart.start, zone),
        end=_time(chart.end, zone),
    )


def _scale(chart: Chart) -> tuple[float, float]:
    found = [value for line in chart.lines for value in line.values if value is not None]
    found += [level.value for level in (chart.target, chart.baseline) if level]
    low, high = min([*found, 0.0]), max(found, default=1.0)
    # Shares near 100 % and ratings would be a flat line from 0.
    if chart.unit in {"%", "score"} and found:
        low = min(found) - (high - min(found)) * 0.1
    return (low, high + (high - low) * 0.08) if high > low else (low - 1, high + 1)


def _path(points: list[tuple[float, float] | None]) -> str:
    """Neighbours are joined; where nothing was measured there is a gap, a lone point is a dash."""
    parts: list[str] = []
    drawn = False
    for point in points:
        if point is None:
            drawn = False
            continue
        parts.append(f"{'L' if drawn else 'M'}{point[0]:g} {point[1]:g}" + ("" if drawn else "h1"))
        drawn = True
    return "".join(parts)


def _time(at: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"
