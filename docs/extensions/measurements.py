"""The role ``measured`` and the directive ``measured-table``: numbers from the benchmarks' files.

``{measured}`engine; by class; floor; ms per neuron``` is the number at this address (see
`benchmarks.measured`), linked to the table it stands in. ``{measured-table}`` shows columns and
rows of a table of a report, and the command that measured them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective, SphinxRole

from benchmarks.measured import load, measured
from benchmarks.results import FOLDER, Table, show

if TYPE_CHECKING:
    from docutils.nodes import Node, system_message
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PAGE = "reference/measurements"


class Measured(SphinxRole):
    """A number at an address in the results."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        """Return the number as a link to where it was measured."""
        try:
            number = measured(self.text)
        except ValueError as error:
            message = self.inliner.reporter.error(str(error), line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [message]
        name = self.text.split(";")[0].strip()
        _read_again_with(self.env, name)
        title = load(name).title
        target = f"{_up(self.env.docname)}{PAGE}.html#{nodes.make_id(title)}"
        return [_link(number, target, self.text)], []


class MeasuredTable(SphinxDirective):
    """Columns and rows of a report's table, with the command that measured them.

    Options: ``table`` (its number from 0), ``columns`` and ``rows`` (separated by semicolons; a
    row is shown if it has one of these cells, or all cells of one of these that are joined by
    ``&``; all without the option), ``rename`` (new column heads, as many).
    """

    required_arguments = 1
    option_spec: ClassVar = {
        "table": directives.nonnegative_int,
        "columns": directives.unchanged_required,
        "rows": directives.unchanged_required,
        "rename": directives.unchanged_required,
    }

    def run(self) -> list[Node]:
        """Return the table and the line below it."""
        try:
            report = load(self.arguments[0])
            table = self._chosen(report.tables[self.options.get("table", 0)])
        except (ValueError, IndexError) as error:
            raise self.error(f"measured-table {self.arguments[0]}: {error}") from error
        _read_again_with(self.env, self.arguments[0])
        target = f"{_up(self.env.docname)}{PAGE}.html#{nodes.make_id(report.title)}"
        lines = [
            *table.markdown().splitlines(),
            "",
            f"<p class='measured'>Measured by <a href='{target}'><code>{_short(report.command)}"
            "</code></a>.</p>",
        ]
        node = nodes.container(classes=["measured-table"])
        self.state.nested_parse(StringList(lines, source="measured"), self.content_offset, node)
        return [node]

    def _chosen(self, table: Table) -> Table:
        columns = self._listed("columns") or table.columns
        wanted = [{cell.strip() for cell in one.split("&")} for one in self._listed("rows")]
        shown = [{show(cell) for cell in row} for row in table.rows]
        for cells in wanted:
            if not any(cells <= row for row in shown):
                raise ValueError(f"no row has the cell {' and the cell '.join(sorted(cells))}")
        places = [table.columns.index(column) for column in columns]
        rows = [
            [row[place] for place in places]
            for row, has in zip(table.rows, shown, strict=True)
            if not wanted or any(cells <= has for cells in wanted)
        ]
        heads = self._listed("rename") or columns
        if len(heads) != len(columns):
            raise ValueError(f"{len(heads)} new heads for {len(columns)} columns")
        return Table(heads, rows)

    def _listed(self, option: str) -> list[str]:
        return [part.strip() for part in self.options.get(option, "").split(";") if part.strip()]


def _read_again_with(env: BuildEnvironment, name: str) -> None:
    """Let the next build read the page again when these results have changed."""
    env.note_dependency(str(FOLDER / f"{name}.json"))


def _short(command: str) -> str:
    return command.split(" --output")[0]


def _up(docname: str) -> str:
    return "../" * docname.count("/")


def _link(text: str, target: str, title: str) -> Node:
    link = nodes.reference("", text, refuri=target, reftitle=title, internal=True)
    link["classes"].append("measured")
    return link


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the role and the directive."""
    app.add_role("measured", Measured())
    app.add_directive("measured-table", MeasuredTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
