// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/hostile_sets.h"

#include <functional>

namespace bulkhead::vmspec {

namespace {

using Piece = std::function<std::string(const std::string& n)>;

const std::string kLevel = "schema = 2\nlabel = { rank = 0 }\nimage = \"minimal\"\n";

/// `begin`, and pieces numbered from 0 until there are enough bytes.
std::string Filled(std::size_t bytes, std::string begin, const Piece& piece) {
  begin.reserve(bytes + 1024);
  for (std::size_t n = 0; begin.size() < bytes; ++n) begin += piece(std::to_string(n));
  return begin;
}
std::string Filled(std::size_t bytes, std::string begin, const std::string& piece) {
  return Filled(bytes, std::move(begin), [&](const std::string&) { return piece; });
}

/// `piece` in at most `parts` pieces, a comment for the rest: the file is not refused as too rich.
std::string Padded(std::size_t bytes, std::size_t parts, std::string begin, const Piece& piece) {
  for (std::size_t n = 0; n < parts && begin.size() < bytes; ++n) begin += piece(std::to_string(n));
  if (begin.size() < bytes) begin += "\n#" + std::string(bytes - begin.size(), 'x');
  return begin;
}

SpecFiles Low(std::string text) {
  return {{"levels/low.toml", std::move(text)}, {"levels/high.toml", kLevel}};
}

SpecFiles Flows(std::string text) {
  return {
      {"levels/low.toml", kLevel}, {"levels/high.toml", kLevel}, {"flows.toml", std::move(text)}};
}

std::string Times(std::size_t n, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

/// That many levels in half of the bytes at the most; the other half is for `file`.
SpecFiles WithLevels(std::size_t bytes, const std::string& level, const std::string& file,
                     std::string text) {
  SpecFiles files;
  for (std::size_t n = 0; n < 4000 && n * (level.size() + 16) < bytes / 2; ++n) {
    files["levels/l" + std::to_string(n) + ".toml"] = level;
  }
  files[file] = std::move(text);
  return files;
}

constexpr HostileSet kSyntax[] = {
    {"nested lists", [](std::size_t n) { return Low(Filled(n, "a = ", "[")); }},
    {"nested tables", [](std::size_t n) { return Low(Filled(n, "a = ", "{a=")); }},
    {"lists 15 deep, line by line",
     [](std::size_t n) {
       return Low(Padded(n, 4000, "", [](const std::string& i) {
         return "a" + i + " = " + Times(15, "[") + Times(15, "]") + "\n";
       }));
     }},
    {"a million dots", [](std::size_t n) { return Low(Filled(n, "a", ".a")); }},
    {"dots without keys", [](std::size_t n) { return Low(Filled(n, "", ".")); }},
    {"short keys",
     [](std::size_t n) {
       return Low(Filled(n, kLevel, [](const std::string& i) { return "k" + i + "=1\n"; }));
     }},
    {"one key, again and again", [](std::size_t n) { return Low(Filled(n, kLevel, "a=1\n")); }},
    {"dotted keys, 15 deep",
     [](std::size_t n) {
       return Low(Padded(n, 60'000, kLevel,
                         [](const std::string& i) { return "k" + i + Times(14, ".a") + "=1\n"; }));
     }},
    {"dotted keys into wide tables",
     [](std::size_t n) {
       return Low(
           Padded(n, 60'000, kLevel, [](const std::string& i) { return "a.b.c.k" + i + "=1\n"; }));
     }},
    {"headers",
     [](std::size_t n) {
       return Low(
           Padded(n, 60'000, kLevel, [](const std::string& i) { return "[x.y.z.k" + i + "]\n"; }));
     }},
    {"lists of tables", [](std::size_t n) { return Low(Filled(n, kLevel, "[[x]]\n[[x.y]]\n")); }},
    {"keys that differ at their end",
     [](std::size_t n) {
       return Low(Padded(n, 60'000, kLevel,
                         [](const std::string& i) { return std::string(60, 'k') + i + "=1\n"; }));
     }},
    {"a list of numbers", [](std::size_t n) { return Low(Filled(n, "a = [", "1,")); }},
    {"a list of empty tables", [](std::size_t n) { return Low(Filled(n, "a = [", "{},")); }},
    {"comments", [](std::size_t n) { return Low(Filled(n, kLevel, "#\n")); }},
    {"one comment", [](std::size_t n) { return Low(kLevel + "#" + std::string(n, 'x')); }},
    {"empty lines", [](std::size_t n) { return Low(Filled(n, kLevel, "\n")); }},
    {"blanks", [](std::size_t n) { return Low(Filled(n, kLevel, " ")); }},
    {"carriage returns", [](std::size_t n) { return Low(Filled(n, kLevel, "\r")); }},
    {"NULs", [](std::size_t n) { return Low(Filled(n, kLevel, std::string(1, '\0'))); }},
    {"\\u escapes",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"", "\\u00e4") + "\"\n"); }},
    {"\\n escapes",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"", "\\n") + "\"\n"); }},
    {"backslashes without an end",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"\"\"", "\\")); }},
    {"continued lines",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"\"\"", "\\\n") + "\"\"\"\n"); }},
    {"blanks behind backslashes",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"\"\"", "\\ ")); }},
    {"one backslash and blanks",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"\"\"\\", " ")); }},
    {"strings without an end",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"\"\"", "x\n")); }},
    {"quotes", [](std::size_t n) { return Low(Filled(n, kLevel + "a = ", "\"\"\"\"\"\"\"")); }},
    {"pairs of quotes in a string",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = '''", "''x") + "'''\n"); }},
    {"wide characters",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = \"", "\U0001F512") + "\"\n"); }},
    {"short wide strings",
     [](std::size_t n) {
       return Low(
           Padded(n, 4000, kLevel + "a = [", [](const std::string&) { return "\"\u00e4\", "; }));
     }},
    {"no UTF-8 at the end",
     [](std::size_t n) { return Low(Filled(n, kLevel + "# ", "\u00e4") + "\xff"); }},
    {"one long number", [](std::size_t n) { return Low(Filled(n, kLevel + "a = ", "1_0")); }},
    {"one long date",
     [](std::size_t n) { return Low(Filled(n, kLevel + "a = 2026-11-24T10:00:00.", "1")); }},
    {"one long word", [](std::size_t n) { return Low(Filled(n, kLevel + "a = ", "x")); }},
};

constexpr HostileSet kMeaning[] = {
    {"unknown keys",
     [](std::size_t n) {
       return Low(
           Padded(n, 60'000, kLevel, [](const std::string& i) { return "titel" + i + "=1\n"; }));
     }},
    {"unknown keys in one line",
     [](std::size_t n) {
       return Low(Padded(n, 30'000, kLevel + "network = { ",
                         [](const std::string& i) { return "uplinc" + i + "=1, "; }) +
                  "\nz = 1 }\n");
     }},
    {"rules at fault in one line",
     [](std::size_t n) {
       std::string text = kLevel + "network = { uplink = \"u\", allow = [";
       for (int i = 0; i < 1000; ++i)
         text += "{ to = \"10.0.0.1/8\", comment = \"" + std::string(n / 1100, 'x') + "\" }, ";
       return Low(text + "] }\n");
     }},
    {"rules at fault, line by line",
     [](std::size_t n) {
       std::string text = kLevel + "[network]\nuplink = \"u\"\nallow = [";
       for (int i = 0; i < 1000; ++i)
         text += std::string(n / 1100, '\n') + "{ to = \"10.0.0.1/8\" },";
       return Low(text + "]\n");
     }},
    {"flows of unknown levels",
     [](std::size_t n) {
       return Flows(Padded(n, 10'000, "schema = 2\n", [](const std::string& i) {
         return "[flow.f" + i + "]\nfrom = \"hihg\"\nto = \"wlo" + i + "\"\nkind = \"transfer\"\n";
       }));
     }},
    {"flows of unknown levels, of many",
     [](std::size_t n) {
       return WithLevels(n, kLevel, "flows.toml",
                         Padded(n / 2, 8'000, "schema = 2\n", [](const std::string& i) {
                           return "[flow.f" + i + "]\nfrom = \"m" + i + "\"\nto = \"k" + i +
                                  "\"\nkind = \"transfer\"\n";
                         }));
     }},
    {"flows against the lattice",
     [](std::size_t n) {
       SpecFiles files = Flows(Padded(n, 10'000, "schema = 2\n", [](const std::string& i) {
         return "[flow.f" + i + "]\nfrom = \"high\"\nto = \"low\"\nkind = \"transfer\"\n";
       }));
       files["levels/high.toml"] = "schema = 2\nlabel = { rank = 9 }\nimage = \"minimal\"\n";
       return files;
     }},
    {"flows without kind",
     [](std::size_t n) {
       return Flows(Padded(n, 60'000, "schema = 2\n",
                           [](const std::string& i) { return "[flow.f" + i + "]\n"; }));
     }},
    {"flows of no name",
     [](std::size_t n) {
       return Flows(Padded(n, 60'000, "schema = 2\n",
                           [](const std::string& i) { return "[flow.F" + i + "]\n"; }));
     }},
    {"drop-ins over wide tables",
     [](std::size_t n) {
       auto keys = [](const std::string& i) { return "k" + i + " = 1\n"; };
       SpecFiles files = Low(Padded(n / 2, 60'000, kLevel, keys));
       files["levels/low.d/a.toml"] = Padded(n / 2, 60'000, "schema = 2\n", keys);
       return files;
     }},
    {"one wide template for many levels",
     [](std::size_t n) {
       return WithLevels(
           n, "schema = 2\nextends = \"t\"\n", "templates/t.toml",
           Padded(n / 2, 60'000, kLevel, [](const std::string& i) { return "k" + i + " = 1\n"; }));
     }},
    {"device rules that match all",
     [](std::size_t n) {
       SpecFiles files = Low(kLevel + "[devices]\nstorage = { mode = \"manual\", write = true }\n");
       files["devices.toml"] = Padded(n, 4096, "schema = 2\n", [](const std::string& i) {
         return "[[rule]]\naction = \"allow\"\nlevel = \"*\"\nclass = \"storage\"\nserial = \"s" +
                i + "\"\n";
       });
       return files;
     }},
};

}  // namespace

std::span<const HostileSet> HostileSyntax() { return kSyntax; }
std::span<const HostileSet> HostileMeaning() { return kMeaning; }

}  // namespace bulkhead::vmspec
