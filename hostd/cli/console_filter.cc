// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/console_filter.h"

#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

/// A longer sequence is a trick to swallow what follows it.
constexpr std::size_t kLongestSequence = 256;

std::size_t CharacterBytes(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 1;
}

/// As PrintableLines, but a backslash alone stays: a console is not read back.
std::string Shown(std::string_view character) {
  return character == "\\" ? "\\" : PrintableLines(character);
}

}  // namespace

std::string ConsoleFilter::Feed(std::string_view bytes) {
  std::string out;
  for (char byte : bytes) Step(byte, out);
  return out;
}

void ConsoleFilter::Step(char byte, std::string& out) {
  auto value = static_cast<unsigned char>(byte);
  bool too_long = state_ != State::kText && ++in_sequence_ > kLongestSequence;
  // A line end or a new line of attack ends every sequence: nothing may hide the rest of a console.
  if (state_ != State::kText && (too_long || byte == '\n')) state_ = State::kText;
  switch (state_) {
    case State::kText:
      Text(byte, out);
      return;
    case State::kEscape:
      if (byte == '[') {
        state_ = State::kControl;
      } else if (std::string_view("]PX^_").contains(byte)) {
        state_ = State::kString;
      } else if (value < 0x20 || value > 0x2F) {  // intermediates go on, anything else is final
        state_ = State::kText;
      }
      return;
    case State::kControl:
      if (value >= 0x40 && value <= 0x7E) state_ = State::kText;
      return;
    case State::kString:
      if (byte == '\a') state_ = State::kText;
      if (byte == '\033') state_ = State::kStringEscape;
      return;
    case State::kStringEscape:
      state_ = byte == '\\' ? State::kText : State::kString;
      return;
  }
}

void ConsoleFilter::Text(char byte, std::string& out) {
  auto value = static_cast<unsigned char>(byte);
  if (!pending_.empty()) {
    if ((value & 0xC0) == 0x80) {
      pending_ += byte;
      if (pending_.size() == wanted_) FlushPending(out);
      return;
    }
    FlushPending(out);
  }
  if (byte == '\033') {
    state_ = State::kEscape;
    in_sequence_ = 0;
  } else if (CharacterBytes(value) > 1) {
    pending_ = byte;
    wanted_ = CharacterBytes(value);
  } else if (byte == '\r' || byte == '\b') {
    out += byte;
  } else if (byte != '\a') {
    out += Shown(std::string_view(&byte, 1));
  }
}

void ConsoleFilter::FlushPending(std::string& out) {
  out += Shown(pending_);
  pending_.clear();
}

}  // namespace bulkhead::cli
