// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/context.h"

#include <array>
#include <cstdio>
#include <ostream>

#include "vmspec/base/clock.h"

namespace bulkhead::cli {

namespace {

std::string OneDecimal(double value, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, unit);
  return text.data();
}

}  // namespace

int ExitCodeFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kRefused:
    case ErrorCode::kPermission:
      return kExitRefused;
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
      return kExitUnavailable;
    default:
      return kExitFailure;
  }
}

std::int64_t Context::NowMs() const { return around_.now_ms != 0 ? around_.now_ms : UnixMs(); }

Result<Host1*> Context::Host() {
  if (!host_) {
    auto host = Host1::Connect(bus_address());
    if (!host) return Propagate(host);
    host_ = std::move(*host);
  }
  return &*host_;
}

void Context::Print(const Table& table) const {
  around_.out << table.Format(around_.width, around_.colour);
}

void Context::Print(const Json& json) const { around_.out << json.Dump(2) << "\n"; }

void Context::Complain(const std::string& sentence) const {
  around_.out.flush();
  around_.err << "bulkhead: " << sentence << std::endl;
}

std::string SpellDuration(std::int64_t milliseconds) {
  std::int64_t seconds = std::max<std::int64_t>(0, milliseconds / 1000);
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < std::int64_t{120} * 60) return std::to_string(seconds / 60) + " min";
  if (seconds < std::int64_t{48} * 3600) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " d";
}

std::string SpellSeconds(std::int64_t milliseconds) {
  return OneDecimal(static_cast<double>(milliseconds) / 1000.0, "s");
}

std::string SpellBytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return OneDecimal(value, kUnits[unit]);
}

}  // namespace bulkhead::cli
