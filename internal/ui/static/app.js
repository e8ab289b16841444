// The theme switch and the keys. Every page works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;

  const switchTheme = () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* kept for this page alone */ }
  };

  // filter hides the rows that do not hold every word.
  const filter = (input) => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll(`#${CSS.escape(input.dataset.filter)} tbody tr`)) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((w) => text.includes(w));
    }
  };

  // stops are what j and k walk: the rows of tables, the spans of a trace.
  const stops = () => [...document.querySelectorAll(".rows tbody tr:not([hidden]), .tree .span")].filter((e) => e.checkVisibility());
  const walk = (by) => {
    const all = stops();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement.closest(".rows tr, .tree .span"));
    const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
    if (!next.hasAttribute("tabindex") && next.tagName !== "SUMMARY") next.tabIndex = -1;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  // fold closes or opens the span that has the focus; closing a closed one goes to its parent.
  const fold = (open) => {
    const span = document.activeElement.closest(".tree .span");
    if (!span) return false;
    const own = span.tagName === "SUMMARY" ? span.parentElement : null;
    if (own && own.open !== open) own.open = open;
    else if (open) walk(1);
    else span.closest("ul")?.closest("details")?.querySelector("summary").focus();
    return true;
  };

  const keys = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea")) {
      if (e.key === "Escape") e.target.blur();
      return;
    }
    const row = document.activeElement.closest(".rows tr, .tree .span");
    switch (e.key) {
      case "j": case "ArrowDown": if (e.key === "j" || row) { walk(1); e.preventDefault(); } break;
      case "k": case "ArrowUp": if (e.key === "k" || row) { walk(-1); e.preventDefault(); } break;
      case "ArrowLeft": if (fold(false)) e.preventDefault(); break;
      case "ArrowRight": if (fold(true)) e.preventDefault(); break;
      case "Enter": {
        const to = row && document.activeElement === row && row.querySelector("a[href]");
        if (to) { e.preventDefault(); to.click(); }
        break;
      }
      case "/": { const f = document.querySelector("[data-filter]"); if (f) { f.focus(); e.preventDefault(); } break; }
      case "t": switchTheme(); break;
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const e of document.querySelectorAll(".theme, .filter, .keys, .buttons")) e.hidden = false;
    document.querySelector(".theme").addEventListener("click", switchTheme);
    for (const input of document.querySelectorAll("[data-filter]")) input.addEventListener("input", () => filter(input));
    for (const b of document.querySelectorAll("[data-fold]")) {
      b.addEventListener("click", () => document.querySelectorAll(".tree details").forEach((d) => { d.open = b.dataset.fold === "open"; }));
    }
    document.addEventListener("keydown", keys);
  });
})();
