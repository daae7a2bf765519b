// SPDX-License-Identifier: GPL-2.0-or-later
/// Strings that break what writes or reads text without care. Ours, and the corpus of naughty
/// strings where this machine has it (BULKHEAD_CORPORA, or ../shared/corpora).
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

inline std::vector<std::string> OurNaughtyStrings() {
  using namespace std::string_view_literals;
  std::vector<std::string> all;
  for (std::string_view s :
       {// XML
        "]]>"sv, "]]><evil/>"sv, "<"sv, ">"sv, "&"sv, "\""sv, "'"sv, "<evil/>"sv, "</domain>"sv,
        "</title><on_crash>restart</on_crash><title>"sv, "\"/><evil a=\""sv, "'/><evil a='"sv,
        "<!--"sv, "-->"sv, "<!-- -- -->"sv, "<![CDATA[x]]>"sv, "<![CDATA["sv, "<?xml?>"sv,
        "<?pi x?>"sv, "<!DOCTYPE a [<!ENTITY b \"c\">]>"sv, "&b;"sv, "&amp;"sv, "&lt;evil/&gt;"sv,
        "&#0;"sv, "&#10;"sv, "&#x10FFFF;"sv, "&#xD800;"sv,
        "&"
        "#;"sv,
        "%e;"sv, "xmlns:q=\"u\""sv, "qemu:commandline"sv, "<qemu:arg value='-object'/>"sv,
        "xml:base"sv,
        // Characters that XML or UTF-8 cannot hold
        "\0"sv, "a\0b"sv, "\x01"sv, "\x08"sv, "\x0b"sv, "\x0c"sv, "\x1b[2J"sv, "\x1f"sv, "\x7f"sv,
        "\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc0\xaf"sv, "\xe0\x80\xbc"sv, "\xf0\x80\x80\xbc"sv,
        "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xef\xbf\xbe"sv, "\xef\xbf\xbf"sv,
        "\xf0\x9f\xbf\xbe"sv, "\xf4\x90\x80\x80"sv, "\xf8\x88\x80\x80\x80"sv, "\xfe\xff"sv,
        "\xff\xfe<\0"sv, "\xef\xbb\xbf"sv, "a\xc3"sv, "\xc2\x85"sv, "\xe2\x80\xa8"sv,
        "\xe2\x80\xae"sv, "\xe2\x80\x8b"sv,
        // Blanks and lines
        ""sv, " "sv, " a "sv, "\t"sv, "a\tb"sv, "\n"sv, "a\nb"sv, "\r"sv, "a\r\nb"sv,
        // What others read: shells, nft, QEMU's options, libvirt's paths, printf
        "$(reboot)"sv, "`id`"sv, "; drop"sv, "\" accept comment \""sv, "} table x {"sv, "#"sv,
        "\\"sv, "\\n"sv, "a,script=/bin/x"sv, "a=b"sv, "..,.."sv, "../../etc/shadow"sv, "/"sv,
        "/dev/null"sv, "*"sv, "eth*"sv, "%s%n"sv, "-1"sv, "--"sv, "+0:+0"sv, "0x0"sv, "1e9"sv,
        "18446744073709551616"sv, "low/out"sv, "low:high"sv, "bh-low"sv, "lo"sv, "\xc3\x96"sv,
        "\xf0\x9f\x94\x92"sv}) {
    all.emplace_back(s);
  }
  for (std::size_t size : {std::size_t{16}, std::size_t{65}, std::size_t{108}, std::size_t{257},
                           std::size_t{4096}, std::size_t{100'000}}) {
    all.emplace_back(size, 'a');
  }
  all.push_back("/" + std::string(100'000, '<'));
  return all;
}

inline std::vector<std::string> NaughtyStrings(const std::string& source_root) {
  std::vector<std::string> all = OurNaughtyStrings();
  const char* corpora = std::getenv("BULKHEAD_CORPORA");
  std::ifstream corpus((corpora == nullptr ? source_root + "/../shared/corpora" : corpora) +
                       std::string("/naughty-strings/blns.txt"));
  for (std::string line; std::getline(corpus, line);) {
    if (!line.empty() && !line.starts_with('#')) all.push_back(line);
  }
  return all;
}

}  // namespace bulkhead
