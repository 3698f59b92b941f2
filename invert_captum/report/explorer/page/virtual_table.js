"use strict";

/* A table that holds only the rows in sight, however many there are. */
Explorer.VirtualTable = (() => {
  const { html } = Explorer.elements;
  const OVERSCAN = 4;
  const SETTLED_AFTER = 80;
  const CARDS_BELOW = 620;
  const NARROW_BELOW = 900;
  const HEIGHTS = { row: 40, card: 66, head: 36 };
  let tables = 0;

  /*
   * label: what the table is called.
   * columns: { key, title, width, wideOnly, make() -> { element, fill(item) } }; sortable where `sorts` has key.
   * onOpen(item), onSort(key): what rows and headings do. emptyText: what an empty table says.
   */
  return class VirtualTable {
    constructor({ label, columns, sorts, onOpen, onSort, emptyText }) {
      this.columns = columns;
      this.onOpen = onOpen;
      this.name = `table${(tables += 1)}`;
      this.order = [];
      this.current = null;
      this.active = 0;
      this.version = 0;
      this.pool = [];
      this.top = 0;
      this.rowHeight = HEIGHTS.row;
      this.headHeight = HEIGHTS.head;
      this.headings = columns.map((column) => this.heading(column, sorts, onSort));
      this.head = html("div", { role: "row", class: "row head", "aria-rowindex": 1 }, this.headings);
      this.space = html("div", { class: "space", role: "rowgroup" });
      this.empty = html("p", { class: "empty", hidden: true }, emptyText);
      this.element = html(
        "div",
        { class: "grid", role: "grid", tabindex: 0, "aria-label": label, "aria-colcount": columns.length },
        html("div", { role: "rowgroup", class: "head-group" }, this.head), this.space, this.empty,
      );
      const widths = (shown) => shown.map((column) => column.width).join(" ");
      this.element.style.setProperty("--columns", widths(columns));
      this.element.style.setProperty("--columns-narrow", widths(columns.filter((column) => !column.wideOnly)));
      this.element.addEventListener("scroll", () => this.draw(), { passive: true });
      this.element.addEventListener("keydown", (event) => this.pressed(event));
      new ResizeObserver(() => this.resized()).observe(this.element);
    }

    heading({ key, title, hint, wideOnly }, sorts, onSort) {
      const kind = { role: "columnheader", class: `cell cell-${key}${wideOnly ? " wide-only" : ""}`, title: hint };
      if (!sorts[key]) return html("div", kind, title);
      const button = html("button", { type: "button", class: "sort", onclick: () => onSort(key) }, title);
      return html("div", { ...kind, "aria-sort": "none" }, button);
    }

    /* Show these items; `sort` is { key, direction } or null, `current` the item that is open. */
    show(order, sort, current) {
      const changed = order !== this.order;
      this.order = order;
      this.version += 1;
      this.element.setAttribute("aria-rowcount", order.length + 1);
      this.empty.hidden = order.length > 0;
      this.space.style.height = `${order.length * this.rowHeight}px`;
      this.columns.forEach(({ key }, place) => {
        if (!this.headings[place].hasAttribute("aria-sort")) return;
        const way = sort && sort.key === key ? { asc: "ascending", desc: "descending" }[sort.direction] : "none";
        this.headings[place].setAttribute("aria-sort", way);
      });
      if (changed) {
        this.active = 0;
        this.element.scrollTop = 0;
      }
      const opened = current !== null && (changed || current !== this.current);
      this.current = current;
      const place = opened ? order.indexOf(current) : -1;
      if (place >= 0) this.activate(place);
      this.draw();
    }

    resized() {
      const width = this.element.clientWidth;
      if (!width) return;
      const cards = width < CARDS_BELOW;
      const first = this.element.scrollTop / this.rowHeight;
      this.rowHeight = cards ? HEIGHTS.card : HEIGHTS.row;
      this.headHeight = cards ? 0 : HEIGHTS.head;
      if (cards !== this.element.classList.contains("cards")) this.element.scrollTop = first * this.rowHeight;
      this.element.classList.toggle("cards", cards);
      this.element.classList.toggle("narrow", !cards && width < NARROW_BELOW);
      this.version += 1;
      this.space.style.height = `${this.order.length * this.rowHeight}px`;
      if (this.current !== null && this.order[this.active] === this.current) this.reveal(this.active);
      this.draw();
    }

    newRow() {
      const cells = this.columns.map(({ key, make, wideOnly }) => {
        const cell = make();
        cell.element.setAttribute("role", "gridcell");
        cell.element.classList.add("cell", `cell-${key}`, ...(wideOnly ? ["wide-only"] : []));
        return cell;
      });
      const element = html("div", { role: "row", class: "row", id: `${this.name}-${this.pool.length}` }, cells.map((cell) => cell.element));
      const row = { element, cells, place: -1, version: -1 };
      element.addEventListener("click", (event) => {
        if (event.target.closest("a")) return;
        this.element.focus({ preventScroll: true });
        this.activate(row.place);
        this.onOpen(this.order[row.place]);
      });
      this.space.append(element);
      return row;
    }

    /* After a leap only what is in sight is drawn at once, its surroundings when there is time. */
    leapt(top, height) {
      const far = Math.abs(top - this.top) > height;
      this.top = top;
      clearTimeout(this.later);
      if (far) this.later = setTimeout(() => this.draw(), SETTLED_AFTER);
      return far;
    }

    draw() {
      const height = this.element.clientHeight;
      if (!height) return;
      const top = this.element.scrollTop;
      const around = this.leapt(top, height) ? 0 : OVERSCAN;
      const first = Math.max(0, Math.floor(top / this.rowHeight) - around);
      const last = Math.min(this.order.length, Math.ceil((top + height) / this.rowHeight) + around);
      const wanted = Math.ceil(height / this.rowHeight) + 2 * OVERSCAN + 1;
      if (this.pool.length < wanted) {
        /* The place of an item in the pool depends on its size. */
        while (this.pool.length < wanted) this.pool.push(this.newRow());
        this.version += 1;
      }
      for (let place = first; place < last; place += 1) {
        const row = this.pool[place % this.pool.length];
        if (row.place !== place || row.version !== this.version) this.fill(row, place);
      }
      for (const row of this.pool) {
        const stale = row.version !== this.version;
        if (row.element.hidden !== stale) row.element.hidden = stale;
      }
      const active = this.pool[this.active % this.pool.length];
      const shown = active.place === this.active && active.version === this.version ? active.element.id : "";
      if (this.element.getAttribute("aria-activedescendant") !== shown) this.element.setAttribute("aria-activedescendant", shown);
    }

    fill(row, place) {
      const item = this.order[place];
      const { element } = row;
      row.place = place;
      row.version = this.version;
      element.style.transform = `translateY(${place * this.rowHeight}px)`;
      element.setAttribute("aria-rowindex", place + 2);
      element.setAttribute("aria-selected", item === this.current);
      element.classList.toggle("active", place === this.active);
      element.classList.toggle("odd", place % 2 === 1);
      for (const cell of row.cells) cell.fill(item);
    }

    /* Make a place the one that keys act on, and bring it into sight. */
    activate(place) {
      this.active = Math.max(0, Math.min(this.order.length - 1, place));
      this.version += 1;
      this.reveal(this.active);
      this.draw();
    }

    reveal(place) {
      const top = place * this.rowHeight;
      const room = this.element.clientHeight - this.headHeight - this.rowHeight;
      if (room <= 0) return;
      if (this.element.scrollTop > top) this.element.scrollTop = top;
      else if (this.element.scrollTop < top - room) this.element.scrollTop = top - room;
    }

    pressed(event) {
      if (event.target !== this.element || event.altKey || event.ctrlKey || event.metaKey) return;
      const page = Math.max(1, Math.floor((this.element.clientHeight - this.headHeight) / this.rowHeight) - 1);
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (event.key in steps) this.activate(this.active + steps[event.key]);
      else if (event.key === "Enter" && this.order.length) this.onOpen(this.order[this.active]);
      else return;
      event.preventDefault();
    }
  };
})();
