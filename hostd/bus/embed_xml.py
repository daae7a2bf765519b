#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""embed_xml.py XML OUT: the interface file, which is the contract, as a C++ string."""
import sys

text = open(sys.argv[1], encoding="utf-8").read()
assert ')xml"' not in text
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write("// SPDX-License-Identifier: GPL-2.0-or-later\n// Made from org.bulkhead.Host1.xml.\n#pragma once\n"
              f'inline constexpr char kHost1Xml[] = R"xml({text})xml";\n')
