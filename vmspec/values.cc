// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/values.h"

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/scalars.h"

namespace bulkhead::vmspec {

namespace {

/// The value when it is of type T, else a fault that says what was `expected`.
template <typename T>
const T* Expect(const Field& field, std::string_view expected, Faults& faults) {
  if (!field) return nullptr;
  const T* value = field.node->As<T>();
  if (value == nullptr) {
    faults.Error(codes::kWrongType,
                 Quoted(field.name) + " must be " + std::string(expected) + ", not " +
                     std::string(field.node->TypeName()),
                 field.node->origin);
  }
  return value;
}

std::string SizeExample(std::string_view text) {
  // "2GB", "2 GB", "2G", "2GiB": say the form that is nearest.
  std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos || digits > 9) return {};
  std::size_t letter = text.find_first_not_of(' ', digits);
  static constexpr std::string_view kLetters = "kKmMgGtT";
  if (letter == std::string_view::npos || kLetters.find(text[letter]) == std::string_view::npos) {
    return {};
  }
  std::string unit(1, static_cast<char>(text[letter] & ~0x20));
  return "did you mean \"" + std::string(text.substr(0, digits)) + " " + unit + "iB\"?";
}

}  // namespace

std::optional<std::uint32_t> ReadInteger(const Field& field, Range range, Faults& faults) {
  const auto* value = Expect<std::int64_t>(field, "a whole number", faults);
  if (value == nullptr) return std::nullopt;
  if (*value < 0 || static_cast<std::uint64_t>(*value) < range.min ||
      static_cast<std::uint64_t>(*value) > range.max) {
    faults.Error(codes::kRange,
                 Quoted(field.name) + " must be from " + std::to_string(range.min) + " to " +
                     std::to_string(range.max) + ", not " + std::to_string(*value),
                 field.node->origin);
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*value);
}

std::optional<bool> ReadBool(const Field& field, Faults& faults) {
  const bool* value = Expect<bool>(field, "true or false", faults);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::string> ReadString(const Field& field, Faults& faults) {
  const auto* value = Expect<std::string>(field, "a string", faults);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::string> ReadText(const Field& field, std::size_t max_bytes, Faults& faults) {
  auto text = ReadString(field, faults);
  if (!text || (!text->empty() && text->size() <= max_bytes && IsPrintable(*text))) return text;
  faults.Error(codes::kBadText,
               Quoted(field.name) + " must be 1 to " + std::to_string(max_bytes) +
                   " bytes of printable text without a backslash, not " + Quoted(*text),
               field.node->origin);
  return std::nullopt;
}

std::optional<std::string> ReadName(const Field& field, Faults& faults) {
  auto name = ReadString(field, faults);
  if (!name || IsName(*name)) return name;
  faults.Error(codes::kBadName, Quoted(*name) + " is no name", field.node->origin, {}, kNameRule);
  return std::nullopt;
}

std::optional<std::size_t> ReadWord(const Field& field, std::span<const std::string> words,
                                    Faults& faults) {
  auto word = ReadString(field, faults);
  if (!word) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == *word) return i;
  }
  faults.Error(codes::kUnknownWord,
               Quoted(field.name) + " must be " + Listed(words, " or ") + ", not " + Quoted(*word),
               field.node->origin, DidYouMean(*word, words));
  return std::nullopt;
}

std::optional<std::uint64_t> ReadSize(const Field& field, Range bytes, std::uint64_t unit_bytes,
                                      Faults& faults) {
  auto text = ReadString(field, faults);
  if (!text) return std::nullopt;
  auto size = ParseSize(*text);
  if (!size) {
    faults.Error(codes::kBadSize, Quoted(*text) + " is no size", field.node->origin,
                 SizeExample(*text),
                 "a size is a whole number, a space, and B, KiB, MiB, GiB or TiB");
  } else if (*size < bytes.min || *size > bytes.max) {
    faults.Error(codes::kRange,
                 Quoted(field.name) + " must be from " + FormatSize(bytes.min) + " to " +
                     FormatSize(bytes.max) + ", not " + Printable(*text, 40),
                 field.node->origin);
  } else if (*size % unit_bytes != 0) {
    faults.Error(codes::kRange,
                 Quoted(field.name) + " must be a multiple of " + FormatSize(unit_bytes) +
                     ", not " + Printable(*text, 40),
                 field.node->origin);
  } else {
    return size;
  }
  return std::nullopt;
}

std::optional<Prefix> ReadPrefix(const Field& field, Faults& faults) {
  auto text = ReadString(field, faults);
  if (!text) return std::nullopt;
  auto prefix = ParsePrefix(*text);
  if (prefix) return prefix;
  faults.Error(codes::kBadPrefix, Quoted(*text) + " is no address or network", field.node->origin,
               {},
               "write an address (\"10.1.2.3\", \"2001:db8::1\") or a network whose host bits are "
               "zero (\"10.1.2.0/24\"); host names are not available yet");
  return std::nullopt;
}

std::optional<std::string> ReadReference(const Field& field, std::string_view what,
                                         const NameSet& names, std::string_view code,
                                         Faults& faults) {
  auto name = ReadString(field, faults);
  if (!name || names.contains(*name)) return name;
  std::vector<std::string> candidates(names.begin(), names.end());
  std::string kind(what);
  std::string help = candidates.empty()        ? "the spec set has no " + kind
                     : candidates.size() <= 16 ? "the " + kind + "s are " + Listed(candidates)
                                               : "";
  std::string meant = DidYouMean(*name, candidates);
  faults.Error(code, "there is no " + kind + " " + Quoted(*name), field.node->origin, meant,
               meant.empty() ? help : "");
  return std::nullopt;
}

}  // namespace bulkhead::vmspec
