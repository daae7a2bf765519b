// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/value_hints.h"

#include <algorithm>
#include <optional>
#include <span>

#include "vmspec/scalars.h"
#include "vmspec/string_forms.h"

namespace bulkhead::vmspec {

namespace {

/// Nine digits: no suggestion overflows.
constexpr std::size_t kMaxDigits = 9;

std::string DidYouMeanText(const std::string& text) { return "did you mean \"" + text + "\"?"; }

/// "60 minutes": number and word, with or without blanks between them.
struct Counted {
  std::string number;
  std::string word;  ///< in lower case
};

std::optional<Counted> Split(std::string_view text) {
  std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kMaxDigits || (text[0] == '0' && digits > 1)) return std::nullopt;
  Counted out{std::string(text.substr(0, digits)), {}};
  for (char c : text.substr(digits)) {
    if (c == ' ' && out.word.empty()) continue;
    out.word += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return out;
}

/// How a unit is said elsewhere, in lower case.
struct Alias {
  std::string_view said;
  std::string_view unit;
};

std::string FromAliases(std::string_view text, std::span<const Alias> aliases) {
  auto counted = Split(text);
  if (!counted) return {};
  auto found = std::ranges::find(aliases, std::string_view(counted->word), &Alias::said);
  return found == aliases.end() ? ""
                                : DidYouMeanText(counted->number + " " + std::string(found->unit));
}

/// "1.5 GiB" in the next smaller unit, when it is a whole number of these.
std::string MeantFraction(std::string_view text) {
  std::size_t dot = text.find('.');
  auto whole = ParseNumber(text.substr(0, dot));
  auto rest = dot == text.npos ? std::nullopt : Split(text.substr(dot + 1));
  if (!whole || *whole > 999'999 || !rest || rest->number.size() > 3) return {};
  static constexpr Alias kSmaller[] = {{"kib", "B"},   {"mib", "KiB"}, {"gib", "MiB"},
                                       {"tib", "GiB"}, {"gb", "MiB"},  {"g", "MiB"}};
  const auto* unit = std::ranges::find(kSmaller, std::string_view(rest->word), &Alias::said);
  std::uint64_t tenths = 1;
  for (std::size_t i = 0; i < rest->number.size(); ++i) tenths *= 10;
  std::uint64_t of_unit = (*whole * tenths + *ParseNumber(rest->number)) * 1024;
  if (unit == std::end(kSmaller) || of_unit % tenths != 0) return {};
  return DidYouMeanText(std::to_string(of_unit / tenths) + " " + std::string(unit->unit));
}

}  // namespace

std::string MeantSize(std::string_view text) {
  static constexpr Alias kSizes[] = {{"b", "B"},     {"bytes", "B"}, {"k", "KiB"},   {"kb", "KiB"},
                                     {"kib", "KiB"}, {"m", "MiB"},   {"mb", "MiB"},  {"mib", "MiB"},
                                     {"g", "GiB"},   {"gb", "GiB"},  {"gib", "GiB"}, {"t", "TiB"},
                                     {"tb", "TiB"},  {"tib", "TiB"}};
  std::string meant = FromAliases(text, kSizes);
  return meant.empty() ? MeantFraction(text) : meant;
}

std::string MeantDuration(std::string_view text) {
  static constexpr Alias kDurations[] = {
      {"s", "s"},   {"sec", "s"},   {"secs", "s"},   {"second", "s"},   {"seconds", "s"},
      {"m", "min"}, {"min", "min"}, {"mins", "min"}, {"minute", "min"}, {"minutes", "min"},
      {"h", "h"},   {"hr", "h"},    {"hrs", "h"},    {"hour", "h"},     {"hours", "h"},
      {"d", "d"},   {"day", "d"},   {"days", "d"}};
  return FromAliases(text, kDurations);
}

std::string MeantBitRate(std::string_view text) {
  static constexpr Alias kRates[] = {{"bps", "bit/s"},   {"bit", "bit/s"},   {"bit/s", "bit/s"},
                                     {"kbps", "kbit/s"}, {"kbit", "kbit/s"}, {"kbit/s", "kbit/s"},
                                     {"mbps", "Mbit/s"}, {"mbit", "Mbit/s"}, {"mbit/s", "Mbit/s"},
                                     {"gbps", "Gbit/s"}, {"gbit", "Gbit/s"}, {"gbit/s", "Gbit/s"}};
  // "MBps" is eight times "Mbps".
  return text.find('B') == text.npos ? FromAliases(text, kRates) : "";
}

std::string MeantNetwork(std::string_view text) {
  std::size_t slash = text.find('/');
  if (slash == text.npos) return {};
  auto network = ParsePrefix(text.substr(0, slash));
  auto length = ParseNumber(text.substr(slash + 1));
  if (!network || !length || *length > network->length) return {};
  network->length = static_cast<std::uint8_t>(*length);
  for (std::size_t bit = *length; bit < 128; ++bit) {
    network->address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return DidYouMeanText(network->ToString());
}

std::string MeantPorts(std::string_view text) {
  std::size_t dash = text.find('-');
  if (dash == text.npos) return {};
  std::string turned(text.substr(dash + 1));
  turned += "-" + std::string(text.substr(0, dash));
  return ParsePorts(turned) ? DidYouMeanText(turned) : "";
}

std::string HelpForType(const KeySchema& key, const Node& node) {
  const auto* text = node.As<std::string>();
  switch (key.form) {
    case Form::kFlag:
      return text != nullptr ? "write true or false, without quotes" : "";
    case Form::kInteger:
      return text != nullptr && ParseNumber(*text) ? "write " + *text + ", without quotes" : "";
    case Form::kSize:
      return "write a whole number and a unit, in quotes: \"512 MiB\"";
    case Form::kDuration:
      return "write a whole number and a unit, in quotes: \"5 min\"";
    case Form::kBitRate:
      return "write a whole number and a unit, in quotes: \"10 Mbit/s\"";
    case Form::kText:
    case Form::kReference:
      return "write it in quotes";
    default:
      break;
  }
  const StringForm* form = FindStringForm(key.form);
  return form == nullptr ? "" : std::string(form->help);
}

}  // namespace bulkhead::vmspec
