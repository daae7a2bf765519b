// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/json.h"

#include <glib.h>

#include <array>
#include <cstdio>

#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

void AppendUnit(std::string& out, unsigned unit) {
  std::array<char, 8> hex{};
  std::snprintf(hex.data(), hex.size(), "\\u%04x", unit);
  out += hex.data();
}

void AppendEscaped(std::string& out, char32_t code) {
  if (code < 0x10000) {
    AppendUnit(out, code);
    return;
  }
  AppendUnit(out, 0xD800 + ((code - 0x10000) >> 10));
  AppendUnit(out, 0xDC00 + ((code - 0x10000) & 0x3FF));
}

/// The first character of `text` (not empty): its length in bytes, and its code unless invalid.
std::pair<std::size_t, char32_t> FirstCharacter(std::string_view text) {
  if (text.front() == '\0') return {1, U'\0'};  // GLib takes it for an end
  gunichar code = g_utf8_get_char_validated(text.data(), static_cast<gssize>(text.size()));
  if (code >= 0x110000) return {1, U'\uFFFD'};
  return {static_cast<std::size_t>(g_unichar_to_utf8(code, nullptr)), code};
}

/// 'n' for a line end and so on; 0 when JSON has no short form.
char ShortForm(char32_t code) {
  switch (code) {
    case U'\n':
      return 'n';
    case U'\t':
      return 't';
    case U'\r':
      return 'r';
    case U'"':
    case U'\\':
      return static_cast<char>(code);
    default:
      return 0;
  }
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto [bytes, code] = FirstCharacter(text);
    std::string_view character = text.substr(0, bytes);
    if (char letter = ShortForm(code); letter != 0) {
      out += '\\';
      out += letter;
    } else if (IsPrintable(character)) {
      out += character;
    } else {
      AppendEscaped(out, code);
    }
    text.remove_prefix(bytes);
  }
  return out + '"';
}

std::string Number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

void NewLine(std::string& out, int indent, int depth) {
  if (indent > 0) out += "\n" + std::string(static_cast<std::size_t>(indent * depth), ' ');
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

const Json* Json::Find(std::string_view key) const {
  if (const JsonMembers* all = members()) {
    for (const auto& [name, value] : *all) {
      if (name == key) return &value;
    }
  }
  return nullptr;
}

std::string Json::Text() const {
  if (const auto* text = std::get_if<std::string>(&value_)) return *text;
  return Dump(0);
}

std::string Json::Dump(int indent) const {
  std::string out;
  Append(out, indent, 0);
  return out;
}

void Json::Append(std::string& out, int indent, int depth) const {
  // One list form for both kinds of brackets; `each` writes element i.
  auto list = [&](char open, char close, std::size_t count, auto each) {
    out += open;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += indent > 0 ? "," : ", ";
      NewLine(out, indent, depth + 1);
      each(i);
    }
    if (count > 0) NewLine(out, indent, depth);
    out += close;
  };
  std::visit(Overloaded{
                 [&](std::nullptr_t) { out += "null"; },
                 [&](bool value) { out += value ? "true" : "false"; },
                 [&](std::int64_t value) { out += std::to_string(value); },
                 [&](std::uint64_t value) { out += std::to_string(value); },
                 [&](double value) { out += Number(value); },
                 [&](const std::string& value) { out += Quoted(value); },
                 [&](const JsonArray& all) {
                   list('[', ']', all.size(),
                        [&](std::size_t i) { all[i].Append(out, indent, depth + 1); });
                 },
                 [&](const JsonMembers& all) {
                   list('{', '}', all.size(), [&](std::size_t i) {
                     out += Quoted(all[i].first) + ": ";
                     all[i].second.Append(out, indent, depth + 1);
                   });
                 },
             },
             value_);
}

}  // namespace bulkhead::cli
