"""The report's style sheet: a Python string, because only .py files travel into a pipeline's pods."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #fbfaf8; --card: #ffffff; --ink: #1d2129; --soft: #596170; --line: #dfe1e6;
  --blue: #0060a0; --orange: #b34700; --good: #1a6b3c; --bad: #a3231f; --wait: #7a5200;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14161a; --card: #1c1f25; --ink: #e7e9ee; --soft: #a5adba; --line: #343a45;
    --blue: #6db6ee; --orange: #f0985a; --good: #6ccb93; --bad: #f28b84; --wait: #e6bd5f;
  }
  img { filter: invert(.89) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main, header, footer { max-width: 64rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.3rem; margin: 3rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.8rem 0 .4rem; }
p { max-width: 44rem; margin: .5rem 0; }
a { color: var(--blue); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 1rem 0 0; }
code { font-size: .92em; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
ul.said { max-width: 48rem; padding-left: 1.1rem; }
.notes { color: var(--soft); padding-left: 1.1rem; max-width: 48rem; }
.banner { border-left: 5px solid var(--wait); background: var(--card); padding: .6rem 1rem; margin: 1rem 0; }
.figures { display: grid; gap: 1rem; margin: 1.4rem 0; }
.figures { grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.figure { padding: .9rem 1.1rem; }
.figure b { display: block; font-size: 1.8rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.training b { color: var(--orange); }
.http b { color: var(--blue); }
.wide { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; min-width: min(60%, 34rem); background: var(--card); font-size: .93rem; }
caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th, td { text-align: left; padding: .38rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
tbody th { font-weight: 500; min-width: 9rem; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.recall { min-width: 9rem; font-variant-numeric: tabular-nums; }
.pass { color: var(--good); }
.fail { color: var(--bad); font-weight: 700; }
.hold { color: var(--wait); font-weight: 700; }
.info { color: var(--soft); }
.bar { display: inline-block; height: .55rem; background: var(--blue); border-radius: 2px; }
.pictures { display: grid; gap: 0 1rem; }
.pictures { grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
figure { margin: 0; padding: 1rem 0 0; break-inside: avoid; }
figure.wide { grid-column: 1 / -1; max-width: 52rem; }
img { width: 100%; height: auto; border-radius: .5rem; background: #ffffff; display: block; }
figcaption { color: var(--soft); font-size: .9rem; padding-top: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
footer { color: var(--soft); margin: 3rem auto 2rem; font-size: .9rem; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
@media print { body { background: #fff; } .figure, table { break-inside: avoid; } }
"""
