// SPDX-License-Identifier: GPL-2.0-or-later
/// events
#include <array>
#include <ctime>
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

std::string ClockTime(std::int64_t milliseconds) {
  std::time_t seconds = milliseconds / 1000;
  std::tm broken{};
  std::array<char, 32> text{};
  ::localtime_r(&seconds, &broken);
  std::strftime(text.data(), text.size(), "%H:%M:%S", &broken);
  return text.data();
}

const char* KindName(Signal::Kind kind) {
  switch (kind) {
    case Signal::Kind::kLevel:
      return "level";
    case Signal::Kind::kDevice:
      return "device";
    case Signal::Kind::kFlow:
      break;
  }
  return "flow";
}

/// A flow's event has what hostd finds worth saying; a level and a device have their fields.
Json StatusJson(const Signal& signal) {
  if (signal.kind == Signal::Kind::kFlow) return signal.status.Everything();
  return signal.status.ToJson(signal.kind == Signal::Kind::kLevel ? LevelFields() : DeviceFields());
}

/// "running", "failed, network, netd does not answer", "in-use, high", "name=report.pdf state=..."
std::string Saying(const Signal& signal) {
  std::string text;
  if (signal.kind == Signal::Kind::kFlow) {
    for (const auto& [key, value] : signal.status.Everything()) {
      text += (text.empty() ? "" : " ") + key + "=" + value.Text();
    }
    return text;
  }
  for (const char* key : {"state", "step", "level", "reason"}) {
    std::string more = signal.status.Text(key);
    if (!more.empty()) text += (text.empty() ? "" : ", ") + more;
  }
  return text;
}

void PrintSignal(const Context& context, const Signal& signal) {
  const char* kind = KindName(signal.kind);
  if (context.json()) {
    context.out() << Json(JsonMembers{{"time_ms", context.NowMs()},
                                      {"event", kind},
                                      {"subject", signal.subject},
                                      {"status", StatusJson(signal)}})
                         .Dump(0);
  } else {
    context.out() << ClockTime(context.NowMs()) << " " << kind << " " << Printable(signal.subject)
                  << " " << Printable(Saying(signal), 2000);
  }
  context.out() << std::endl;
}

}  // namespace

Result<int> Events(Context& context, const Arguments& arguments) {
  unsigned left = 0;
  if (arguments.Has("--count")) {
    auto count = NumberIn("--count", arguments.Value("--count"), 1, 1'000'000);
    if (!count) return context.Misused(count.error());
    left = *count;
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  (*host)->Watch();
  // Says at once when nobody is there, instead of waiting for events that cannot come.
  if (auto version = (*host)->Property("Version"); !version) return Propagate(version);
  while (context.out()) {
    auto signal = (*host)->NextSignal(std::chrono::seconds(1));
    if (!signal && signal.error().code == ErrorCode::kTimeout) continue;
    if (!signal) return Propagate(signal);
    PrintSignal(context, *signal);
    if (left == 1) break;
    if (left > 1) --left;
  }
  return kExitOk;
}

}  // namespace bulkhead::cli
