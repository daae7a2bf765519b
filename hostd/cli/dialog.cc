// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/dialog.h"

#include <unistd.h>

#include <ostream>

#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kMaxAnswer = 4096;

std::string Trimmed(const std::string& text) {
  auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

Result<std::string> ReadLine(int fd) {
  std::string line;
  while (line.size() <= kMaxAnswer) {
    char c = 0;
    ssize_t got = ::read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read the answer");
    if (got == 0) return Fail(ErrorCode::kNotFound, "the input has ended");
    if (c == '\n') return line;
    line += c;
  }
  return Fail(ErrorCode::kLimit, "the answer is longer than 4,096 bytes");
}

Status Ask(const Context& context, const Question& question) {
  const bool colour = context.around().colour;
  std::string shown =
      question.proposed.empty() ? std::string(question.no_value) : Printable(question.proposed);
  std::ostream& out = context.out();
  out << "\n" << Tinted(question.explanation, Colour::kDim, colour) << "\n";
  for (;;) {
    out << question.title << " [" << shown << "]: " << std::flush;
    auto line = ReadLine(context.around().in_fd);
    if (!line) {
      out << "\n";
      return Fail(ErrorCode::kInvalid, line.error().message + "; nothing was written");
    }
    std::string answer = Trimmed(*line);
    if (answer == question.no_value) answer.clear();  // what stands in brackets may be typed, too
    Status taken = question.take(answer.empty() ? question.proposed : answer);
    if (taken) return {};
    out << Tinted("  " + taken.error().message, Colour::kYellow, colour) << "\n";
  }
}

}  // namespace bulkhead::cli
