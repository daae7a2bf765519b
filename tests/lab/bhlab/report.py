# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of features with the last result of each ID: Markdown, and HTML that needs nothing else."""
import html
import pathlib
import time
from typing import Any

from .features import Feature, all_features, results
from .places import LabFolder

STYLE = """
:root { color-scheme: light dark; --ok: #1a7f37; --FAIL: #c4261d; --skip: #9a6700; --none: #6e7781; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
th { position: sticky; top: 0; background: Canvas; }
td.verdict { font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); } .FAIL { color: var(--FAIL); } .skip { color: var(--skip); } .none { color: var(--none); font-weight: 400; }
small { color: var(--none); }
"""
WORDS = {"ok": "passed", "FAIL": "failed", "skip": "skipped", "none": "no test yet"}


def verdict(tests: list[dict[str, Any]]) -> str:
    """One word for a feature: a failure outweighs all, one passed test outweighs skipped ones."""
    found = {t["result"] for t in tests}
    return next((word for word in ("FAIL", "ok", "skip") if word in found), "none")


def rows(folder: LabFolder) -> list[tuple[Feature, str, list[dict[str, Any]]]]:
    """Each feature with its verdict and its tests' last results."""
    last = list(results(folder.results).values())
    table = []
    for feature in all_features():
        own = sorted((t for t in last if feature.ident in t["features"]), key=lambda t: t["title"])
        table.append((feature, verdict(own), own))
    return table


def summary(table: list[tuple[Feature, str, list[dict[str, Any]]]]) -> str:
    """Counts in a sentence."""
    counts = {word: sum(1 for _, v, _ in table if v == word) for word in WORDS}
    return (f"{len(table)} features: {counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped, "
            f"{counts['none']} without a lab test. {time.strftime('%Y-%m-%d %H:%M')}")


def markdown(table: list[tuple[Feature, str, list[dict[str, Any]]]]) -> str:
    """As a Markdown table."""
    lines = ["# What the lab has shown", "", summary(table), "", "| ID | feature | result | tests |", "|---|---|---|---|"]
    for feature, word, tests in table:
        told = "; ".join(f"{t['title']} ({t['result']}, {t['seconds']} s, {t['when']}, {t['commit']})" for t in tests).replace("|", "\\|")
        title = feature.title.replace("|", "\\|")
        lines.append(f"| {feature.ident} | {title} | {WORDS[word]} | {told} |")
    return "\n".join(lines) + "\n"


def page(table: list[tuple[Feature, str, list[dict[str, Any]]]]) -> str:
    """As one HTML file."""
    body = []
    for feature, word, tests in table:
        told = "<br>".join(
            f"<span class=\"{t['result']}\">{WORDS[t['result']]}</span> {html.escape(t['title'])} <small>{t['seconds']} s, {t['when']}, "
            f"{html.escape(t['commit'])}{', ' + html.escape(t['reason']) if t['reason'] else ''}</small>" for t in tests)
        body.append(f"<tr><td>{feature.ident}</td><td>{html.escape(feature.title)}</td><td class=\"verdict {word}\">{WORDS[word]}</td><td>{told}</td></tr>")
    return ("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>What the lab has shown</title>"
            f"<style>{STYLE}</style><h1>What the lab has shown</h1><p>{html.escape(summary(table))}</p>"
            "<table><thead><tr><th>ID<th>feature<th>result<th>tests</tr></thead><tbody>" + "\n".join(body) + "</tbody></table></html>\n")


def write(folder: LabFolder) -> list[pathlib.Path]:
    """Writes out/report.md and out/report.html; returns their paths."""
    table = rows(folder)
    folder.out.mkdir(parents=True, exist_ok=True)
    paths = [folder.out / "report.md", folder.out / "report.html"]
    paths[0].write_text(markdown(table), encoding="utf-8")
    paths[1].write_text(page(table), encoding="utf-8")
    return paths
