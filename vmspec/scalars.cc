// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/scalars.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <span>

namespace bulkhead::vmspec {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsAlpha(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
/// From small to large; each a multiple of the one before.
constexpr Unit kSizes[] = {
    {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}};
constexpr Unit kDurations[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86'400}};
constexpr Unit kBitRates[] = {
    {"bit/s", 1}, {"kbit/s", 1000}, {"Mbit/s", 1'000'000}, {"Gbit/s", 1'000'000'000}};

std::optional<std::uint64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto number = ParseNumber(text.substr(0, space));
  for (const Unit& unit : units) {
    if (text.substr(space + 1) != unit.name) continue;
    if (!number || *number > UINT64_MAX / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::string FormatWithUnit(std::uint64_t value, std::span<const Unit> units) {
  std::size_t unit = 0;
  while (value != 0 && unit + 1 < units.size() && value % units[unit + 1].factor == 0) ++unit;
  return std::to_string(value / units[unit].factor) + " " + std::string(units[unit].name);
}

/// Exactly `count` digits at `at`.
std::optional<unsigned> DigitsAt(std::string_view text, std::size_t at, std::size_t count) {
  unsigned value = 0;
  for (char c : text.substr(at, count)) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

/// `form` with each digit as "0": "0000-00-00".
bool HasForm(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? !IsDigit(text[i]) : text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 31 && IsLower(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (!IsDigit(c) || __builtin_mul_overflow(value, 10U, &value) ||
        __builtin_add_overflow(value, static_cast<unsigned>(c - '0'), &value)) {
      return std::nullopt;
    }
  }
  return value;
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  return ParseWithUnit(text, kSizes);
}
std::string FormatSize(std::uint64_t bytes) { return FormatWithUnit(bytes, kSizes); }

std::optional<std::uint64_t> ParseDuration(std::string_view text) {
  return ParseWithUnit(text, kDurations);
}
std::string FormatDuration(std::uint64_t seconds) { return FormatWithUnit(seconds, kDurations); }

std::optional<std::uint64_t> ParseBitRate(std::string_view text) {
  return ParseWithUnit(text, kBitRates);
}
std::string FormatBitRate(std::uint64_t bits_per_s) {
  return FormatWithUnit(bits_per_s, kBitRates);
}

std::optional<std::int64_t> ParseMoment(std::string_view text) {
  using namespace std::chrono;
  if (!HasForm(text, "0000-00-00T00:00:00Z")) return std::nullopt;
  year_month_day date{year(static_cast<int>(*DigitsAt(text, 0, 4))), month(*DigitsAt(text, 5, 2)),
                      day(*DigitsAt(text, 8, 2))};
  unsigned h = *DigitsAt(text, 11, 2);
  unsigned m = *DigitsAt(text, 14, 2);
  unsigned s = *DigitsAt(text, 17, 2);
  if (!date.ok() || date.year() < year(1970) || h > 23 || m > 59 || s > 59) return std::nullopt;
  return (sys_days(date) + hours(h) + minutes(m) + seconds(s)).time_since_epoch() / seconds(1);
}

std::string FormatMoment(std::int64_t unix_s) {
  using namespace std::chrono;
  sys_seconds at{seconds(unix_s)};
  auto midnight = floor<days>(at);
  year_month_day date{midnight};
  hh_mm_ss time{at - midnight};
  char out[48];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out;
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> ParseWindow(std::string_view text) {
  if (!HasForm(text, "00:00-00:00")) return std::nullopt;
  auto minute = [&](std::size_t at) -> std::optional<std::uint16_t> {
    unsigned h = *DigitsAt(text, at, 2);
    unsigned m = *DigitsAt(text, at + 3, 2);
    if (h > 23 || m > 59) return std::nullopt;
    return static_cast<std::uint16_t>(h * 60 + m);
  };
  auto from = minute(0);
  auto to = minute(6);
  if (!from || !to || *from == *to) return std::nullopt;
  return std::pair(*from, *to);
}

std::optional<PortRange> ParsePorts(std::string_view text) {
  std::size_t dash = text.find('-');
  auto first = ParseNumber(text.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : ParseNumber(text.substr(dash + 1));
  if (!first || !last || *first < 1 || *first > *last || *last > 65535) return std::nullopt;
  return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

bool IsColour(std::string_view text) {
  return text.size() == 7 && text[0] == '#' && std::all_of(text.begin() + 1, text.end(), IsHex);
}

bool IsUplinkInterface(std::string_view text) {
  // "bh-..." are the levels' own taps: as an uplink, one level would stand in another's network.
  if (text.empty() || text.size() > 15 || text == "." || text == ".." || text == "lo" ||
      text.starts_with("bh-")) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlpha(c) || IsDigit(c) || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace bulkhead::vmspec
