// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/toml_scan.h"

#include <algorithm>

#include "vmspec/codes.h"

namespace bulkhead::vmspec {

namespace {

constexpr std::uint32_t kMaxDotsPerLine = 256;
constexpr std::uint32_t kMaxParts = 65'536;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<ScanFault> Run() {
    while (!rest_.empty() && !fault_) {
      switch (rest_[0]) {
        case '#':
          Skip(std::min(rest_.find('\n'), rest_.size()));
          break;
        case '"':
        case '\'':
          SkipString(rest_[0]);
          break;
        default:
          Look(rest_[0]);
          Skip(1);
      }
    }
    return fault_;
  }

 private:
  /// One character outside of strings and comments.
  void Look(char c) {
    if (c == '.' && ++dots_ > kMaxDotsPerLine) {
      Refuse(codes::kTooDeep, "a line has more than 256 dots outside of strings");
    } else if ((c == '=' || c == ',' || c == '[' || c == '{') && ++parts_ > kMaxParts) {
      Refuse(codes::kTooLarge, "the file has more than 65,536 keys and values");
    }
  }

  void SkipString(char quote) {
    const char triple[] = {quote, quote, quote};
    bool multi_line = rest_.starts_with(std::string_view(triple, 3));
    Skip(multi_line ? 3 : 1);
    while (!rest_.empty()) {
      if (quote == '"' && rest_[0] == '\\') {
        Skip(std::min<std::size_t>(2, rest_.size()));
      } else if (!multi_line && (rest_[0] == quote || rest_[0] == '\n')) {
        Skip(1);
        return;
      } else if (multi_line && rest_.starts_with(std::string_view(triple, 3))) {
        // Up to two more quotes are the string's last characters.
        std::string_view close = rest_.substr(0, 5);
        Skip(std::min(close.find_first_not_of(quote), close.size()));
        return;
      } else {
        Skip(1);
      }
    }
  }

  void Skip(std::size_t bytes) {
    for (char c : rest_.substr(0, bytes)) {
      if (c == '\n') {
        ++line_;
        column_ = 1;
        dots_ = 0;
      } else if (!IsContinuation(c)) {
        ++column_;
      }
    }
    rest_.remove_prefix(bytes);
  }

  void Refuse(const char* code, const char* message) {
    fault_ = ScanFault{code, message, line_, column_};
  }

  std::string_view rest_;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  std::uint32_t dots_ = 0;
  std::uint32_t parts_ = 0;
  std::optional<ScanFault> fault_;
};

}  // namespace

std::optional<ScanFault> ScanToml(std::string_view text) { return Scanner(text).Run(); }

}  // namespace bulkhead::vmspec
