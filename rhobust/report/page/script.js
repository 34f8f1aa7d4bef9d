"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const tabs = [...document.querySelectorAll("[data-tab]")];
  const panels = [...document.querySelectorAll("[data-panel]")];
  const choose = (place) => {
    tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab.dataset.tab === place)));
    panels.forEach((panel) => { panel.hidden = tabs.length > 0 && panel.dataset.panel !== place; });
  };
  tabs.forEach((tab) => tab.addEventListener("click", () => choose(tab.dataset.tab)));
  choose("0");

  const held = document.getElementById("data");
  if (!held) return;
  const data = JSON.parse(held.textContent);
  const columns = data.columns, count = columns.image.length;
  const kinds = ["wrong", "broken", "open", "proven"]; // the order of their numbers
  const ROW = 34, SPARE = 12, PRINTED = 200;

  // ---- the columns: what stands under a heading, what it is sorted by, how a cell is made ----
  const number = (value) => {
    if (value === null || value === undefined) return "\u2013";
    if (value === "inf") return "\u221e";
    if (value === "-inf") return "\u2212\u221e";
    if (value === 0) return "0";
    const told = value.toPrecision(4); // it has four digits at most, so nothing is rounded
    return told.includes("e") ? String(value) : told.replace("-", "\u2212");
  };
  const weight = (value) => {
    if (value === null || value === undefined) return NaN;
    return value === "inf" ? Infinity : value === "-inf" ? -Infinity : value;
  };
  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const text = (name, values, show) => values && {
    name, key: (k) => weight(values[k]), cell: (td, k) => { td.textContent = show(values[k]); },
  };
  const whole = (value) => (value === null ? "\u2013" : value.toLocaleString("en"));
  const dotted = (td, status, words) => {
    td.append(element("span", undefined, "dot " + kinds[status]), words);
  };
  const why = (at, k) => (data.why[at][k] < 0 ? "" : " (" + data.reasons[data.why[at][k]] + ")");
  const verdict = (at) => ({
    name: "\u03b5 = " + data.radii[at],
    key: (k) => data.status[at][k],
    cell: (td, k) => {
      const status = data.status[at][k];
      dotted(td, status, data.words[status] + (status === 2 ? why(at, k) : ""));
    },
  });
  const shown = [
    text("image", columns.image, String),
    columns.name && {
      name: "name", words: columns.name, cell: (td, k) => { td.textContent = columns.name[k]; },
    },
    text("label", columns.label, String),
    text("predicted", columns.predicted, String),
    ...data.radii.map((_, at) => verdict(at)),
    text("\u03c1 \u2265", columns.lower, number),
    text("\u03c1 \u2264", columns.upper, number),
    text("attack", columns.attack, number),
    text("\u03c1\u0302 (estimate)", columns.estimate, number),
    text("certified radius (smoothing, l2)", columns.certified, number),
    text("seconds", columns.seconds, (value) => value.toFixed(2)),
    text("nodes", columns.nodes, whole),
    Object.keys(data.certificates).length && {
      name: "certificate",
      key: (k) => (data.certificates[columns.image[k]] ? 1 : 0),
      cell: (td, k) => { linked(td, data.certificates[columns.image[k]], "proof"); },
    },
  ].filter(Boolean);
  const linked = (place, certificate, words) => {
    if (!certificate) { place.textContent = "\u2013"; return; }
    const [path, href] = certificate;
    if (!href) { place.textContent = path; return; }
    const made = element("a", words || path);
    made.href = href;
    made.title = path;
    made.addEventListener("click", (event) => event.stopPropagation());
    place.append(made);
  };

  // ---- order and choice ----
  const head = document.querySelector("#images thead"), body = document.querySelector("#images tbody");
  const scroller = document.querySelector(".scroller"), told = document.getElementById("shown");
  const status = document.getElementById("filter-status"), radius = document.getElementById("filter-radius");
  const search = document.getElementById("filter-text");
  data.words.map((word, k) => [word, k]).reverse().forEach(([word, k]) => {
    const option = element("option", word);
    option.value = String(k);
    status.append(option);
  });
  data.radii.forEach((eps, k) => {
    const option = element("option", eps);
    option.value = String(k);
    radius.append(option);
  });
  let order = [], by = 0, down = false;
  const sorted = () => {
    const column = shown[by], sign = down ? -1 : 1;
    const all = Array.from({ length: count }, (_, k) => k);
    if (column.words) {
      const compare = new Intl.Collator("en", { numeric: true }).compare;
      return all.sort((a, b) => sign * compare(column.words[a], column.words[b]) || a - b);
    }
    const keys = all.map(column.key);
    return all.sort((a, b) => { // what is not known comes last, either way
      const x = keys[a], y = keys[b];
      if (x !== x || y !== y) return (x !== x) - (y !== y) || a - b;
      return x < y ? -sign : x > y ? sign : a - b;
    });
  };
  const wanted = (k) => {
    if (status.value !== "" && data.status[Number(radius.value)][k] !== Number(status.value)) return false;
    const words = search.value.trim().toLowerCase();
    if (!words) return true;
    const label = /^label\s*[:=]?\s*(-?\d+)$/.exec(words);
    if (label) return String(columns.label[k]) === label[1];
    if (String(columns.image[k]) === words) return true;
    return Boolean(columns.name) && columns.name[k].toLowerCase().includes(words);
  };
  const arrange = () => {
    order = sorted().filter(wanted);
    told.textContent = order.length === count
      ? count.toLocaleString("en") + " images"
      : order.length.toLocaleString("en") + " of " + count.toLocaleString("en");
    [...head.querySelectorAll("th")].forEach((th, k) => {
      if (k === by) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    });
    scroller.scrollTop = 0;
    render();
  };
  const headings = element("tr");
  shown.forEach((column, k) => {
    const th = element("th"), button = element("button", column.name);
    th.scope = "col";
    button.type = "button";
    button.addEventListener("click", () => {
      down = by === k && !down;
      by = k;
      arrange();
    });
    th.append(button);
    headings.append(th);
  });
  head.replaceChildren(headings);

  // ---- only the rows in view are there ----
  const space = (rows) => {
    const row = element("tr", undefined, "space"), td = element("td");
    td.colSpan = shown.length;
    td.style.height = rows * ROW + "px";
    row.append(td);
    row.style.height = rows * ROW + "px";
    return row;
  };
  const line = (k) => {
    const row = element("tr", undefined, "row");
    shown.forEach((column) => {
      const td = element("td");
      column.cell(td, k);
      row.append(td);
    });
    row.tabIndex = 0;
    row.dataset.k = String(k);
    return row;
  };
  const render = (all) => {
    const from = all ? 0 : Math.max(0, Math.floor(scroller.scrollTop / ROW) - SPARE);
    const room = Math.ceil(scroller.clientHeight / ROW) + 2 * SPARE;
    const to = Math.min(order.length, all ? PRINTED : from + room);
    const rows = order.slice(from, to).map(line);
    if (from) rows.unshift(space(from));
    if (to < order.length && !all) rows.push(space(order.length - to));
    body.replaceChildren(...rows);
  };
  let waiting = false;
  scroller.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; render(); });
  });
  addEventListener("resize", () => render());
  addEventListener("beforeprint", () => render(true));
  addEventListener("afterprint", () => render());
  status.addEventListener("change", arrange);
  radius.addEventListener("change", arrange);
  search.addEventListener("input", arrange);

  // ---- one image ----
  const details = document.getElementById("details");
  const quoted = (path) => (/^[\w@%+=:,./-]+$/.test(path) ? path : "'" + path.replaceAll("'", "'\\''") + "'");
  const open = (k) => {
    const image = columns.image[k], parts = [];
    const close = element("button", "Close", "close");
    close.type = "button";
    close.addEventListener("click", () => details.close());
    const named = columns.name ? columns.name[k] + " (image " + image + ")" : "Image " + image;
    parts.push(close, element("h3", named));
    const pictures = data.pictures[image];
    if (pictures) {
      const triple = element("div", undefined, "triple");
      ["image", "nearest example", "difference"].forEach((words, at) => {
        if (!pictures[at]) return;
        const picture = element("img");
        picture.src = pictures[at];
        picture.alt = words;
        triple.append(picture);
      });
      parts.push(triple);
    }
    const lines = [["label", columns.label[k]], ["predicted", columns.predicted[k]],
      ["\u03c1 \u2265 (proven)", number(columns.lower[k])],
      ["\u03c1 \u2264 (nearest example)", number(columns.upper[k])]];
    if (columns.other && columns.other[k] !== null) lines.push(["label of the example", columns.other[k]]);
    if (columns.attack) {
      const method = columns.method && columns.method[k] ? " (" + columns.method[k] + ")" : "";
      lines.push(["nearest by attacks alone", number(columns.attack[k]) + method]);
    }
    lines.push(["seconds", columns.seconds[k].toFixed(2)], ["nodes", whole(columns.nodes[k])]);
    const missing = data.uncertified[image];
    if (missing) lines.push(["no certificate", missing]);
    const list = element("dl");
    lines.forEach(([name, value]) => {
      const pair = element("div");
      pair.append(element("dt", name), element("dd", String(value)));
      list.append(pair);
    });
    parts.push(list);
    const table = element("table", undefined, "plain"), rows = element("tbody");
    data.radii.forEach((eps, at) => {
      const row = element("tr"), verdict = element("td"), s = data.status[at][k];
      dotted(verdict, s, data.words[s] + (s === 2 ? why(at, k) : ""));
      const bound = data.margins[at][k];
      row.append(element("td", "\u03b5 = " + eps), verdict,
        element("td", bound === null ? "" : "margin \u2265 " + number(bound)));
      rows.append(row);
    });
    table.append(rows);
    parts.push(table);
    const certificate = data.certificates[image];
    if (certificate) {
      const where = element("p", "Certificate: ");
      linked(where, certificate);
      parts.push(where, element("pre", "rhobust check " + quoted(certificate[0]) + " " + quoted(data.model)));
    }
    details.replaceChildren(...parts);
    details.showModal();
  };
  const opened = (event) => {
    const row = event.target.closest("tr.row");
    if (row) open(Number(row.dataset.k));
  };
  body.addEventListener("click", opened);
  body.addEventListener("keydown", (event) => { if (event.key === "Enter") opened(event); });
  details.addEventListener("click", (event) => { if (event.target === details) details.close(); });
  const place = new Map(columns.image.map((image, k) => [String(image), k]));
  document.querySelectorAll("figure[data-image]").forEach((figure) => {
    const k = place.get(figure.dataset.image);
    if (k === undefined) return;
    figure.style.cursor = "pointer";
    figure.addEventListener("click", () => open(k));
  });
  arrange();
})();
