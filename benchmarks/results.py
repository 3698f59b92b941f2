"""The results of the benchmarks as files, and the page that shows them.

A benchmark prints a `Report` and saves it as ``benchmarks/results/NAME.json``;
``python -m benchmarks.results`` renders ``benchmarks/RESULTS.md`` from these files, so that no
number in it was typed by hand.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "RESULTS.md"
HEAD = """# Results of the benchmarks

Rendered by `python -m benchmarks.results` from `benchmarks/results/*.json`, which the commands
below write.
"""

Cell = str | int | float


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words under column names."""

    columns: list[str]
    rows: list[list[Cell]]

    def text(self) -> str:
        """Return the table aligned for a terminal."""
        cells = [self.columns, *([show(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = []
        for row in cells:
            pairs = zip(row, widths, self._numeric(), strict=True)
            padded = [cell.rjust(w) if number else cell.ljust(w) for cell, w, number in pairs]
            lines.append("  ".join(padded).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return the table in Markdown, numbers to the right."""
        rule = ["---:" if number else "---" for number in self._numeric()]
        rows = [self.columns, rule, *([show(cell) for cell in row] for row in self.rows)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def _numeric(self) -> list[bool]:
        return [not isinstance(cell, str) for cell in self.rows[0]]


@dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Attributes:
        title: What it measures.
        command: The command that measured it.
        machine: What it ran on, from `describe_machine`.
        notes: Sentences that explain the numbers.
        tables: The numbers.
        images: Pictures of them, relative to ``benchmarks/``.
    """

    title: str
    command: str
    machine: dict[str, str]
    notes: list[str]
    tables: list[Table]
    images: list[str]

    def text(self) -> str:
        """Return the report for a terminal."""
        parts = [self.title, _sentence(self.machine), *self.notes]
        return "\n".join(parts) + "".join(f"\n\n{table.text()}" for table in self.tables)

    def markdown(self) -> str:
        """Return the report as a section of the page."""
        parts = [f"## {self.title}", f"`{self.command}`", f"Machine: {_sentence(self.machine)}."]
        parts += ["\n".join(f"- {note}" for note in self.notes)]
        parts += [table.markdown() for table in self.tables]
        parts += [f"![{self.title}]({image})" for image in self.images]
        return "\n\n".join(parts) + "\n"

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def deliver(self, path: Path | None) -> None:
        """Print the report, and save it if a path is given."""
        print(self.text())
        if path:
            self.save(path)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "tables": [Table(**table) for table in fields["tables"]]})


def _sentence(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def show(cell: Cell) -> str:
    """Return a cell as text, measured numbers with three digits."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    rounded = float(f"{cell:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:#.3g}"


def render(folder: Path = FOLDER) -> str:
    """Return the page of all reports in a folder."""
    reports = [Report.load(path) for path in sorted(folder.glob("*.json"))]
    return "\n".join([HEAD, *(report.markdown() for report in reports)])


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
