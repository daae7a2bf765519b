// SPDX-License-Identifier: GPL-2.0-or-later
/// audit tail, verify
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/audit_record.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

constexpr unsigned kDefaultLines = 20;
constexpr unsigned kMostLines = 10'000;
constexpr std::size_t kLargestLog = std::size_t{4} << 30;
constexpr std::chrono::minutes kVerifyDeadline{5};

/// The answer of hostd or of our own check, in one form.
struct Verdict {
  bool ok = false;
  std::uint64_t records = 0;
  std::string last_hash;
  std::uint64_t bad_line = 0;
  std::string reason;
  bool torn_tail = false;
};

Result<Verdict> VerifyFile(const std::string& path) {
  auto content = ReadFile(path, kLargestLog);
  if (!content) return Propagate(content);
  AuditVerdict v = VerifyAuditLog(*content);
  return Verdict{v.bad_line == 0, v.records, Hex(v.last), v.bad_line, v.reason, v.torn_tail};
}

Result<Verdict> AskHostd(Context& context) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("AuditVerify", nullptr, "(a{sv})", kVerifyDeadline);
  if (!answer) return Propagate(answer);
  VariantPtr boxed(g_variant_get_child_value(answer->get(), 0));
  Dict v(boxed.get());
  return Verdict{v.Flag("ok"),        static_cast<std::uint64_t>(v.Number("records")),
                 v.Text("last_hash"), static_cast<std::uint64_t>(v.Number("bad_line")),
                 v.Text("reason"),    v.Flag("torn_tail")};
}

Json ToJson(const Verdict& v) {
  return JsonMembers{{"ok", v.ok},
                     {"records", v.records},
                     {"last_hash", v.last_hash},
                     {"bad_line", v.bad_line},
                     {"reason", v.reason},
                     {"torn_tail", v.torn_tail}};
}

/// "2026-11-24T03:45:00.123456Z" to the second, without the T.
std::string ShortTime(std::string time) {
  time = time.substr(0, 19);
  if (time.size() > 10) time[10] = ' ';
  return time;
}

std::string DetailText(const Json* detail) {
  std::string text;
  if (detail == nullptr || detail->members() == nullptr) return text;
  for (const auto& [key, value] : *detail->members()) {
    text += (text.empty() ? "" : " ") + key + "=" + value.Text();
  }
  return text;
}

Colour OutcomeColour(const std::string& outcome) {
  if (outcome == "refused") return Colour::kYellow;
  return outcome == "failed" ? Colour::kRed : Colour::kNone;
}

void AddRow(Table& table, const std::string& line) {
  auto record = ParseJson(line);
  if (!record) {
    table.Add({"", "", "?", "", "unreadable", line});
    return;
  }
  auto text = [&](const char* key) {
    const Json* value = record->Find(key);
    return value == nullptr ? std::string() : value->Text();
  };
  table.Add({ShortTime(text("time")), text("actor"), text("action"), text("subject"),
             Cell(text("outcome"), OutcomeColour(text("outcome"))),
             DetailText(record->Find("detail"))});
}

Result<std::vector<std::string>> Tail(Host1& host, unsigned lines) {
  auto answer = host.Call("AuditTail", g_variant_new("(u)", lines), "(as)");
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  std::vector<std::string> all;
  for (gsize i = 0; i < g_variant_n_children(list.get()); ++i) {
    VariantPtr line(g_variant_get_child_value(list.get(), i));
    all.emplace_back(g_variant_get_string(line.get(), nullptr));
  }
  return all;
}

Json RecordJson(const std::string& line) {
  auto record = ParseJson(line);
  return record ? *record : Json(JsonMembers{{"unreadable", line}});
}

}  // namespace

Result<int> AuditTail(Context& context, const Arguments& arguments) {
  unsigned wanted = kDefaultLines;
  if (arguments.Has("--lines")) {
    auto given = NumberIn("--lines", arguments.Value("--lines"), 1, kMostLines);
    if (!given) return context.Misused(given.error());
    wanted = *given;
  }
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto lines = Tail(**host, wanted);
  if (!lines) return Propagate(lines);
  if (context.json()) {
    JsonArray all;
    for (const std::string& line : *lines) all.push_back(RecordJson(line));
    context.Print(Json(JsonMembers{{"records", std::move(all)}}));
    return kExitOk;
  }
  Table table({"TIME (UTC)", "ACTOR", "ACTION", "SUBJECT", "OUTCOME", "DETAIL"});
  for (const std::string& line : *lines) AddRow(table, line);
  context.Print(table);
  return kExitOk;
}

Result<int> AuditVerify(Context& context, const Arguments& arguments) {
  auto verdict =
      arguments.positional.empty() ? AskHostd(context) : VerifyFile(arguments.positional[0]);
  if (!verdict) return Propagate(verdict);
  std::string good =
      std::to_string(verdict->records) + (verdict->records == 1 ? " record" : " records") +
      (verdict->last_hash.empty() ? "" : ", last hash " + Printable(verdict->last_hash));
  if (context.json()) {
    context.Print(ToJson(*verdict));
  } else if (verdict->ok) {
    context.out() << "audit log: ok, " << good << "\n";
    if (verdict->torn_tail) {
      context.out()
          << "The last line is cut off, as a power cut leaves it; all before it is whole.\n";
    }
  }
  if (verdict->ok) return kExitOk;
  context.Complain("the audit log is bad at line " + std::to_string(verdict->bad_line) + ": " +
                   Printable(verdict->reason, 500) + "; good before it: " + good +
                   ": compare with a copy kept elsewhere, nothing after that line can be trusted");
  return kExitFailure;
}

}  // namespace bulkhead::cli
