// How the console draws: cells with marks, tables that scroll on their own, buttons.

import { element } from "./common.js";

export function button(text, work) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", work);
  return made;
}

export function link(text, address) {
  const made = document.createElement("a");
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener";
  made.textContent = text;
  return made;
}

/** Lines under each other; a line is text or `{ text, mark }`. */
export function lines(items) {
  const made = document.createElement("ul");
  made.className = "lines";
  for (const item of items) {
    const line = document.createElement("li");
    line.textContent = item.text ?? item;
    line.className = item.mark ?? "";
    made.append(line);
  }
  return made;
}

export function group(...parts) {
  const made = document.createElement("div");
  made.className = "group";
  made.append(...parts);
  return made;
}

function cell(content) {
  const made = document.createElement("td");
  if (content instanceof Node) made.append(content);
  else if (content && typeof content === "object") {
    made.textContent = content.text;
    made.className = content.mark ?? "";
  } else made.textContent = content ?? "";
  return made;
}

export function table(id, heads, rows) {
  const place = element(id);
  if (!rows.length) {
    const empty = document.createElement("p");
    empty.className = "empty";
    empty.textContent = "暂无";
    place.replaceChildren(empty);
    return;
  }
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const text of heads) {
    const th = document.createElement("th");
    th.scope = "col";
    th.textContent = text;
    head.append(th);
  }
  const body = made.createTBody();
  for (const row of rows) body.insertRow().append(...row.map(cell));
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", place.closest("section")?.querySelector("h2")?.textContent ?? "表格");
  scroll.append(made);
  place.replaceChildren(scroll);
}
