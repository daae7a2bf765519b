// SPDX-License-Identifier: GPL-2.0-or-later
/// JSON as a value: what `--json` prints, and what an audit line is read into.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vmspec/base/error.h"

namespace bulkhead::cli {

class Json;
using JsonArray = std::vector<Json>;
using JsonMembers = std::vector<std::pair<std::string, Json>>;

/// One JSON value. Members of an object keep the order in which they were added.
class Json {
 public:
  Json() = default;  ///< null
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(std::uint64_t value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(JsonArray value) : value_(std::move(value)) {}
  Json(JsonMembers value) : value_(std::move(value)) {}

  [[nodiscard]] const JsonMembers* members() const { return std::get_if<JsonMembers>(&value_); }
  [[nodiscard]] const JsonArray* items() const { return std::get_if<JsonArray>(&value_); }
  /// The member `key` of an object, or null.
  [[nodiscard]] const Json* Find(std::string_view key) const;
  /// The text of a string; other scalars as they are written in JSON.
  [[nodiscard]] std::string Text() const;

  /// ASCII controls, and every character that a terminal or a reader could be deceived by, are
  /// written as \uXXXX: the text is safe to show and decodes to the same value.
  /// indent 0: one line.
  [[nodiscard]] std::string Dump(int indent) const;

 private:
  void Append(std::string& out, int indent, int depth) const;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, JsonArray,
               JsonMembers>
      value_ = nullptr;
};

/// A list of texts.
template <typename Texts>
JsonArray TextsJson(const Texts& texts) {
  return JsonArray(texts.begin(), texts.end());
}

/// Strict RFC 8259, at most 32 levels deep, nothing after the value. kInvalid says at which byte.
Result<Json> ParseJson(std::string_view text);

}  // namespace bulkhead::cli
