#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bulkhead.spec.5 from docs/spec-reference.md, on standard output.

    docs/man/make_spec_page.py > docs/man/bulkhead.spec.5

Knows what that page uses of Markdown: headings, paragraphs, lists, indented code, tables, `code`,
**strong**, *emphasis* and [links](address).
"""
import pathlib
import re
import sys

HEAD = r'''.\" SPDX-License-Identifier: GPL-2.0-or-later
.\" Made by docs/man/make_spec_page.py from docs/spec-reference.md: change that, not this.
.TH BULKHEAD.SPEC 5 2026-11-24 "Bulkhead 0.1.0" "Bulkhead"
.SH NAME
bulkhead.spec \- the spec set: levels, flows, uplinks, devices and the host
.SH DESCRIPTION'''
TAIL = r'''.SH SEE ALSO
.BR bulkhead\-spec (1),
.BR bulkhead (1)'''
SPAN = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\(([^)]+)\)")


def escape(text):
    return text.replace("\\", r"\e").replace("-", r"\-")


def spans(text):
    """One line of running text with its inline forms."""
    out, at = [], 0
    for m in SPAN.finditer(text):
        out.append(escape(text[at:m.start()]))
        code, strong, emphasis, label, _ = m.groups()
        if code or strong:
            out.append(rf"\fB{escape(code or strong)}\fR")
        else:
            out.append(rf"\fI{escape(emphasis)}\fR" if emphasis else escape(label))
        at = m.end()
    return "".join(out) + escape(text[at:])


def line_safe(text):
    return r"\&" + text if text.startswith((".", "'")) else text


def cells(row):
    return [c.strip() for c in row.strip().strip("|").split("|")]


def entry(columns, row):
    """One row as a tagged paragraph: the first cell, then the others with their meaning."""
    if not any(row[1:]):  # "[network]": the keys below are in that table
        return [".PP", line_safe(spans(row[0]))]
    notes = [f"{name}: {cell}" if name in ("type", "default") else cell
             for name, cell in zip(columns[1:], row[1:]) if cell]
    order = [n for n in notes if not n.startswith(("type:", "default:"))]
    order += [n for n in notes if n.startswith(("type:", "default:"))]
    body = ["Required" if n == "default: required" else
            re.sub(r"^(type|default): ", lambda m: m[1].capitalize() + " ", n) for n in order]
    return [".TP", line_safe(spans(row[0]))] + [line_safe(spans(sentence(b))) for b in body]


def sentence(text):
    return text if text.endswith((".", ":")) else text + "."


def table(rows):
    columns, out = cells(rows[0]), []
    for row in rows[2:]:
        out += entry(columns, cells(row))
    return out


def blocks(text):
    """Pieces between empty lines."""
    return [b.split("\n") for b in re.split(r"\n\s*\n", text.strip("\n"))]


def item_lines(lines):
    """List items, each joined to one line."""
    items = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    return items


def block(lines):
    first = lines[0]
    if first.startswith("# "):
        return []
    if first.startswith("<!--"):
        return []
    if first.startswith("### "):
        return [f".SS {escape(first[4:]).replace('`', '')}"]
    if first.startswith("## "):
        return [f'.SH "{escape(first[3:]).upper()}"']
    if first.startswith("    "):
        return [".EX"] + [line_safe(escape(line[4:])) for line in lines] + [".EE"]
    if first.startswith("|"):
        return table(lines)
    if first.startswith("- "):
        return [part for i in item_lines(lines) for part in (".IP \\(bu 2", line_safe(spans(i)))]
    return [".PP", line_safe(spans(" ".join(line.strip() for line in lines)))]


def main():
    reference = pathlib.Path(__file__).resolve().parent.parent / "spec-reference.md"
    out = [HEAD]
    for lines in blocks(reference.read_text(encoding="utf-8")):
        out += block(lines)
    sys.stdout.write("\n".join(out + [TAIL]) + "\n")


main()
