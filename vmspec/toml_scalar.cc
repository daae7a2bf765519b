// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_scalar.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace bulkhead::vmspec {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The digits of a number, with "_" only between two of them; nothing when there are none.
std::optional<std::string> Digits(std::string_view text, bool (*is_digit)(char)) {
  std::string digits;
  bool after_digit = false;
  for (char c : text) {
    if (!is_digit(c) && !(c == '_' && after_digit)) return std::nullopt;
    after_digit = c != '_';
    if (after_digit) digits += c;
  }
  if (!after_digit) return std::nullopt;
  return digits;
}

std::optional<Scalar> ToInteger(const std::string& digits, int base) {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  auto [at, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

/// "0xC0_DE"
std::optional<Scalar> ParseBased(std::string_view word) {
  bool (*is_digit)(char) = nullptr;
  int base = 0;
  switch (word[1]) {
    case 'x':
      base = 16;
      is_digit = [](char c) {
        return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      };
      break;
    case 'o':
      base = 8;
      is_digit = [](char c) { return c >= '0' && c <= '7'; };
      break;
    case 'b':
      base = 2;
      is_digit = [](char c) { return c == '0' || c == '1'; };
      break;
    default:
      return std::nullopt;
  }
  auto digits = Digits(word.substr(2), is_digit);
  return digits ? ToInteger(*digits, base) : std::nullopt;
}

bool TakeSign(std::string_view& word) {
  bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.remove_prefix(1);
  return negative;
}

/// "1_000", without sign; no zeros before it.
std::optional<std::string> Whole(std::string_view text) {
  auto digits = Digits(text, IsDigit);
  return digits && digits->size() > 1 && digits->front() == '0' ? std::nullopt : digits;
}

std::optional<Scalar> ParseDecimal(std::string_view word) {
  bool negative = TakeSign(word);
  auto digits = Whole(word);
  return digits ? ToInteger((negative ? "-" : "") + *digits, 10) : std::nullopt;
}

bool IsFloat(std::string_view word) {
  TakeSign(word);
  if (word == "inf" || word == "nan") return true;
  std::size_t e = word.find_first_of("eE");
  if (e != word.npos) {
    std::string_view exponent = word.substr(e + 1);
    TakeSign(exponent);
    if (!Digits(exponent, IsDigit)) return false;
    word = word.substr(0, e);
  }
  std::size_t dot = word.find('.');
  if (dot == word.npos) return e != word.npos && Whole(word);
  return Whole(word.substr(0, dot)) && Digits(word.substr(dot + 1), IsDigit);
}

/// Cuts `form` off from `text`: "0" in it stands for a digit, anything else for itself.
bool TakeForm(std::string_view& text, std::string_view form) {
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? !IsDigit(text[i]) : text[i] != form[i]) return false;
  }
  text.remove_prefix(form.size());
  return true;
}

int Number(std::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool TakeDate(std::string_view& text) {
  std::string_view date = text;
  if (!TakeForm(text, "0000-00-00")) return false;
  using namespace std::chrono;
  return year_month_day(year(Number(date.substr(0, 4))),
                        month(static_cast<unsigned>(Number(date.substr(5, 2)))),
                        day(static_cast<unsigned>(Number(date.substr(8, 2)))))
      .ok();
}

/// "07:32"
bool TakeHourAndMinute(std::string_view& text) {
  std::string_view time = text;
  return TakeForm(text, "00:00") && Number(time.substr(0, 2)) < 24 &&
         Number(time.substr(3, 2)) < 60;
}

/// "07:32:00", "07:32:00.999"
bool TakeTime(std::string_view& text) {
  if (!TakeHourAndMinute(text)) return false;
  std::string_view seconds = text;
  if (!TakeForm(text, ":00") || Number(seconds.substr(1, 2)) > 59) return false;
  if (!text.starts_with('.')) return true;
  std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
  text.remove_prefix(end);
  return end > 1;
}

bool IsZone(std::string_view text) {
  if (text == "Z" || text == "z" || text.empty()) return true;
  if (text[0] != '+' && text[0] != '-') return false;
  text.remove_prefix(1);
  return TakeHourAndMinute(text) && text.empty();
}

bool IsDateOrTime(std::string_view word) {
  std::string_view time = word;
  if (TakeTime(time)) return time.empty();
  if (!TakeDate(word)) return false;
  if (word.empty()) return true;
  if (word[0] != 'T' && word[0] != 't' && word[0] != ' ') return false;
  word.remove_prefix(1);
  return TakeTime(word) && IsZone(word);
}

}  // namespace

bool IsTomlDate(std::string_view word) { return TakeForm(word, "0000-00-00") && word.empty(); }

std::optional<Scalar> ParseTomlScalar(std::string_view word) {
  if (word == "true" || word == "false") return Scalar(word == "true");
  if (word.size() > 2 && word[0] == '0' && word[1] > '9' && word[1] != 'e' && word[1] != 'E') {
    return ParseBased(word);
  }
  if (auto number = ParseDecimal(word)) return number;
  if (IsFloat(word) || IsDateOrTime(word)) return Scalar(OtherValue{});
  return std::nullopt;
}

}  // namespace bulkhead::vmspec
