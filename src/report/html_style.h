#pragma once

namespace coppice::report {

/// The style sheet of pages. Colors are variables for a light and a dark theme;
/// digits have equal width to line up; paper uses the light theme.
constexpr const char* kHtmlStyle = R"css(
:root {
  color-scheme: light dark;
  --paper: #fafbf9; --panel: #ffffff; --ink: #1c2420; --soft: #5d6a63;
  --line: #dde3de; --before: #b4beb8; --after: #2b8a57; --caution: #c77d1a; --picture: none;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #121614; --panel: #191e1b; --ink: #e4eae6; --soft: #9aa79f;
    --line: #2c3430; --before: #5b6862; --after: #4cbf86; --caution: #e0a146;
    --picture: brightness(1.5);
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 2rem 2rem; max-width: 80rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
  -webkit-print-color-adjust: exact; print-color-adjust: exact;
}
p { margin: 0; }
.kind { color: var(--after); font-weight: 600; letter-spacing: .01em; }
h1 {
  margin: .1rem 0 .5rem; font-size: 2.1rem; line-height: 1.15;
  font-weight: 650; letter-spacing: -.02em; overflow-wrap: anywhere;
}
h2 {
  margin: 0 0 .25rem; font-size: 1.3rem; line-height: 1.3; font-weight: 650;
  letter-spacing: -.01em;
}
h3 { margin: 1.5rem 0 .25rem; font-size: 1rem; font-weight: 650; }
.lead { max-width: 48rem; color: var(--soft); overflow-wrap: anywhere; }
header .lead { max-width: 60rem; font-size: 1.1rem; }
section { margin-top: 3.25rem; }
.caution {
  max-width: 48rem; margin-top: 1.25rem; padding: .1rem 0 .1rem .9rem;
  border-left: 3px solid var(--caution);
}
code, .name, .title, td:first-child {
  font-family: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas,
    "DejaVu Sans Mono", "Liberation Mono", monospace;
  font-size: .9em;
}

.figures {
  display: grid; gap: 1.75rem; margin: 2.25rem 0 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(min(10rem, 100%), 1fr));
}
.figures div { padding-top: .75rem; border-top: 2px solid var(--after); }
.figures dt, .figures dd { margin: 0; }
.figures div { display: flex; flex-direction: column; }
.figures .value {
  order: -1; font-size: 2.15rem; line-height: 1.15; font-weight: 650;
  letter-spacing: -.03em; white-space: nowrap;
}
.figures dt { margin-top: .15rem; font-weight: 600; }
.figures .note { color: var(--soft); font-size: .9rem; }

.scroll { margin-top: 1.25rem; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .85rem; }
th, td { padding: .4rem .45rem; text-align: left; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
th {
  color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--soft);
  vertical-align: bottom;
}
tbody tr { border-top: 1px solid var(--line); }
tbody tr:first-child, tbody tr.more { border-top: 0; }
tr.more td { padding-top: 0; }
.number { text-align: right; white-space: nowrap; }
td.text { min-width: 4rem; }
td:first-child { font-size: .8rem; white-space: nowrap; }

.bars { margin: .5rem 0 0; padding: 0; list-style: none; }
.bars > li {
  display: grid; align-items: center; gap: 0 1.25rem; padding: .5rem 0;
  grid-template-columns: minmax(8rem, 15rem) 1fr 4.5rem;
  border-top: 1px solid var(--line); break-inside: avoid;
}
.bars > li:first-child { border-top: 0; }
.name { overflow-wrap: anywhere; line-height: 1.35; }
.bars .note {
  display: block; color: var(--soft); font-family: system-ui, sans-serif;
  font-size: .8rem;
}
.bar { display: flex; align-items: center; height: 1.15rem; gap: .5rem; }
.bar i { height: .7rem; min-width: 2px; border-radius: 2px; }
.bar.before i { background: var(--before); }
.bar.after i { background: var(--after); }
.bar span { font-size: .8rem; white-space: nowrap; }
.bar.before span { color: var(--soft); }
.verdict { text-align: right; font-size: 1.15rem; font-weight: 600; }
.verdict.alone { color: var(--soft); font-size: 1rem; font-weight: 400; }
.key { display: flex; flex-wrap: wrap; gap: 0 1.5rem; color: var(--soft); }
.key .bar { height: auto; }
.key i { flex: none; width: 1.5rem; }
.key .bar span { color: var(--soft); font-size: .85rem; }

.frames {
  display: grid; gap: 2.25rem 2rem; margin-top: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr));
}
.frame { break-inside: avoid; }
.frame.wide { grid-column: span 2; }
.frame .title { font-weight: 600; overflow-wrap: anywhere; }
.frame .text { color: var(--soft); font-size: .875rem; }
.pictures {
  display: flex; flex-wrap: wrap; align-items: flex-start; gap: .75rem 1rem;
  margin-top: .6rem;
}
figure { margin: 0; }
figure img {
  display: block; background: var(--panel);
  outline: 1px solid var(--line); image-rendering: pixelated;
  filter: var(--picture);
}
figcaption {
  max-width: 14.5rem; margin-top: .35rem; color: var(--soft);
  font-size: .8rem; line-height: 1.4;
}

.facts {
  display: grid; grid-template-columns: minmax(7rem, max-content) 1fr;
  gap: .4rem 2rem; margin: 1.25rem 0 0; font-size: .925rem;
}
.facts dt { color: var(--soft); overflow-wrap: anywhere; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
footer {
  margin-top: 3.5rem; padding-top: .75rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .85rem;
}

@media screen and (max-width: 44rem) {
  body { padding: 1.75rem 1.1rem 1.25rem; }
  h1 { font-size: 1.6rem; }
  section { margin-top: 2.5rem; }
  .figures { gap: 1.25rem; grid-template-columns: 1fr 1fr; }
  .figures .value { font-size: 1.9rem; }
  .bars > li { grid-template-columns: 1fr 4rem; }
  .bars .name { grid-column: 1 / -1; }
  .bars .note { display: inline; margin-left: .5rem; }
  .frames { grid-template-columns: 1fr; }
  .frame.wide { grid-column: auto; }
  .facts { display: block; }
  .facts dt { margin-top: .75rem; }
}
@page { margin: 15mm; }
@media print {
  :root { --paper: #ffffff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  section { margin-top: 1.75rem; }
  .figures .value { font-size: 1.8rem; }
  .frames { grid-template-columns: 1fr 1fr; gap: 1.25rem 1.5rem; }
  .frame.wide { grid-column: auto; }
  figure img { zoom: .6; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .25rem .3rem; }
  th:first-child { width: 16%; }
  td:first-child {
    font-size: 7pt; white-space: normal; overflow-wrap: anywhere;
  }
  h2, h3, .section .lead { break-after: avoid; }
  tr { break-inside: avoid; }
}
)css";

} // namespace coppice::report
