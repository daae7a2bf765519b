// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/half_args.h"

#include <charconv>
#include <map>
#include <string_view>

namespace bulkhead::diode {

namespace {

/// Levels and flows: [a-z][a-z0-9-]{0,30}. They become parts of paths here.
bool IsSpecName(std::string_view name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > 31 || !lower(name[0])) return false;
  for (char c : name) {
    if (!lower(c) && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return true;
}

/// More than any disk holds, and far from where sums of sizes overflow.
constexpr std::uint64_t kMost = 1ULL << 50;

template <typename Number>
bool ParsePositive(std::string_view text, Number& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out > 0 &&
         static_cast<std::uint64_t>(out) <= kMost;
}

}  // namespace

Result<HalfArgs> ParseHalfArgs(int argc, char** argv, const std::string& peer_option) {
  auto usage = Fail(ErrorCode::kInvalid, "usage: --flow FLOW --level LEVEL " + peer_option +
                                             " LEVEL --max-file BYTES --quota BYTES --max-files N");
  if (argc != 13) return usage;
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  HalfArgs args;
  args.flow = given["--flow"];
  args.level = given["--level"];
  args.peer = given[peer_option];
  for (const auto* name : {&args.flow, &args.level, &args.peer}) {
    if (!IsSpecName(*name)) return usage;
  }
  if (!ParsePositive(given["--max-file"], args.max_file_bytes) ||
      !ParsePositive(given["--quota"], args.quota_bytes) ||
      !ParsePositive(given["--max-files"], args.max_files)) {
    return usage;
  }
  if (args.max_file_bytes > args.quota_bytes) {
    return Fail(ErrorCode::kInvalid, "--max-file is larger than --quota: no such file could pass");
  }
  return args;
}

}  // namespace bulkhead::diode
