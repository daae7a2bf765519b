// SPDX-License-Identifier: GPL-2.0-or-later
/// A guest's terminal output made harmless as it streams by. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::cli {

/// Keeps text, line ends, tabs, carriage return and backspace; drops escape sequences whole
/// (ECMA-48: CSI, OSC, DCS, SOS, PM, APC, two-character forms) and the bell; shows every other
/// control, deceptive or invalid byte as `\xNN`. Sequences and characters may be cut anywhere
/// between two calls.
class ConsoleFilter {
 public:
  std::string Feed(std::string_view bytes);

 private:
  enum class State { kText, kEscape, kControl, kString, kStringEscape };
  void Step(char byte, std::string& out);
  void Text(char byte, std::string& out);
  void FlushPending(std::string& out);

  State state_ = State::kText;
  std::string pending_;          ///< begin of a UTF-8 character
  std::size_t wanted_ = 0;       ///< bytes that pending_ will have
  std::size_t in_sequence_ = 0;  ///< bytes dropped in the present sequence
};

}  // namespace bulkhead::cli
