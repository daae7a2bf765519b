// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/bus/host1_methods.h"

#include <map>

#include "hostd/bus/variants.h"
#include "hostd/daemon.h"

namespace bulkhead::hostd {

namespace {

std::string TextAt(const CallPtr& call, gsize index) {
  const char* text = nullptr;
  g_variant_get_child(call->arguments(), index, "&s", &text);
  return text;
}

VariantPtr At(const CallPtr& call, gsize index) {
  return VariantPtr(g_variant_get_child_value(call->arguments(), index));
}

bool Option(const CallPtr& call, gsize index, const char* key) {
  return FlagFrom(At(call, index).get(), key);
}

std::uint32_t NumberAt(const CallPtr& call, gsize index) {
  return g_variant_get_uint32(At(call, index).get());
}

/// Answers with `tuple(value)`, or with the error.
template <typename T, typename ToTuple>
void Answer(const CallPtr& call, const Result<T>& result, ToTuple tuple) {
  if (!result) return call->ReturnError(result.error());
  call->Return(tuple(*result));
}

GVariant* Tuple(const std::vector<GVariant*>& floating) {
  return g_variant_new_tuple(floating.data(), floating.size());
}

void CheckSpec(Daemon&, const CallPtr& call) {
  auto checked = vmspec::CheckSpec(SpecFilesFrom(At(call, 0).get()));
  call->Return(Tuple({ToVariant(checked.diagnostics)}));
}

/// What ApplySpec and Rollback tell of a set that is in force.
GVariant* ResultOf(const ApplyReport& report) {
  if (!report.outcome.applied) return DictBuilder().Done();
  const SpecVersion& version = report.outcome.applied->version;
  return DictBuilder()
      .Uint32("version", version.number)
      .Text("sha256", version.sha256)
      .Value("restart-needed", ListsVariant(report.restart_needed))
      .Value("notes", TextsVariant(report.notes))
      .Done();
}

void ApplySpec(Daemon& daemon, const CallPtr& call) {
  daemon.ApplySpec(
      {call->caller, SpecFilesFrom(At(call, 0).get()), TextFrom(At(call, 1).get(), "comment"), 0},
      [call](const Result<ApplyReport>& report) {
        Answer(call, report, [](const ApplyReport& r) {
          return Tuple({ToVariant(r.outcome.diagnostics), ResultOf(r)});
        });
      });
}

void Rollback(Daemon& daemon, const CallPtr& call) {
  daemon.Rollback(
      call->caller, NumberAt(call, 0), TextFrom(At(call, 1).get(), "comment"),
      [call](const Result<ApplyReport>& report) {
        Answer(call, report, [](const ApplyReport& r) {
          return Tuple({ToVariant(r.outcome.files), ToVariant(r.outcome.diagnostics), ResultOf(r)});
        });
      });
}

void AnswerApprovals(const CallPtr& call, const Result<std::vector<Approval>>& approvals) {
  Answer(call, approvals, [](const std::vector<Approval>& all) {
    std::vector<GVariant*> dicts;
    for (const Approval& approval : all) dicts.push_back(ToVariant(approval));
    return DictsTuple(dicts);
  });
}

void ApproveDowngrades(Daemon& daemon, const CallPtr& call) {
  daemon.ApproveDowngrades(
      call->caller, SpecFilesFrom(At(call, 0).get()),
      [call](const Result<std::vector<Approval>>& all) { AnswerApprovals(call, all); });
}

void ListApprovals(Daemon& daemon, const CallPtr& call) {
  daemon.ListApprovals(
      [call](const Result<std::vector<Approval>>& all) { AnswerApprovals(call, all); });
}

void ListSpecHistory(Daemon& daemon, const CallPtr& call) {
  daemon.SpecHistory([call](const Result<std::vector<HistoryEntry>>& history) {
    Answer(call, history, [](const std::vector<HistoryEntry>& all) {
      std::vector<GVariant*> dicts;
      for (const HistoryEntry& entry : all) dicts.push_back(ToVariant(entry));
      return DictsTuple(dicts);
    });
  });
}

void GetSpecVersion(Daemon& daemon, const CallPtr& call) {
  daemon.SpecVersionOf(NumberAt(call, 0), [call](const Result<StoredSpec>& stored) {
    Answer(call, stored, [](const StoredSpec& s) {
      return g_variant_new("(@a{ss}@a{sv})", ToVariant(s.files),
                           ToVariant(HistoryEntry{s.version, false, {}}));
    });
  });
}

void GetSpec(Daemon& daemon, const CallPtr& call) {
  call->Return(g_variant_new("(@a{ss})", ToVariant(daemon.levels().applied()->files)));
}

void ListLevels(Daemon& daemon, const CallPtr& call) {
  std::vector<GVariant*> dicts;
  for (const LevelView& view : daemon.levels().Views()) dicts.push_back(ToVariant(view));
  call->Return(DictsTuple(dicts));
}

void GetLevel(Daemon& daemon, const CallPtr& call) {
  Answer(call, daemon.levels().View(TextAt(call, 0)),
         [](const LevelView& v) { return g_variant_new("(@a{sv})", ToVariant(v)); });
}

void Start(Daemon& daemon, const CallPtr& call) {
  call->ReturnStatus(daemon.Start(TextAt(call, 0), call->caller.actor, Option(call, 1, "paused")));
}

void Stop(Daemon& daemon, const CallPtr& call) {
  call->ReturnStatus(daemon.Stop(TextAt(call, 0), call->caller.actor, Option(call, 1, "force")));
}

void Restart(Daemon& daemon, const CallPtr& call) {
  call->ReturnStatus(daemon.Restart(TextAt(call, 0), call->caller.actor));
}

void OpenConsole(Daemon& daemon, const CallPtr& call) {
  daemon.OpenConsole(TextAt(call, 0), call->caller.actor, [call](Result<UniqueFd> stream) {
    if (!stream) return call->ReturnError(stream.error());
    call->ReturnFd(std::move(*stream));
  });
}

void Run(Daemon& daemon, const CallPtr& call) {
  daemon.Run(TextAt(call, 0), TextAt(call, 1), TextsFrom(At(call, 2).get()), NumberAt(call, 3),
             call->caller.actor, [call](const Result<RunResult>& result) {
               Answer(call, result, [](const RunResult& r) {
                 return g_variant_new("(i@ay@ay)", r.status, BytesVariant(r.out),
                                      BytesVariant(r.err));
               });
             });
}

void ListDevices(Daemon& daemon, const CallPtr& call) {
  daemon.ListDevices([call](const Result<std::vector<broker::Device>>& devices) {
    Answer(call, devices, [](const std::vector<broker::Device>& all) {
      std::vector<GVariant*> dicts;
      for (const auto& device : all) dicts.push_back(ToVariant(device));
      return DictsTuple(dicts);
    });
  });
}

void LendDevice(Daemon& daemon, const CallPtr& call) {
  daemon.LendDevice(TextAt(call, 0), TextAt(call, 1), Option(call, 2, "write"), call->caller.actor,
                    [call](const Status& lent) { call->ReturnStatus(lent); });
}

void TakeBackDevice(Daemon& daemon, const CallPtr& call) {
  daemon.TakeBackDevice(TextAt(call, 0), call->caller,
                        [call](const Status& taken) { call->ReturnStatus(taken); });
}

void ListFlows(Daemon& daemon, const CallPtr& call) {
  std::vector<GVariant*> dicts;
  for (const auto& [name, flow] : daemon.levels().applied()->spec.flows) {
    dicts.push_back(ToVariant(flow, daemon.flows().CountsOf(name),
                              daemon.HalfIsUp(Role::Kind::kDiodeSend, name),
                              daemon.HalfIsUp(Role::Kind::kDiodeReceive, name)));
  }
  call->Return(DictsTuple(dicts));
}

void NetStatus(Daemon& daemon, const CallPtr& call) {
  daemon.NetStatus([call, applied = daemon.levels().applied()](
                       const Result<std::vector<netpolicy::LevelNetStatus>>& status) {
    Answer(call, status, [&](const std::vector<netpolicy::LevelNetStatus>& all) {
      std::vector<GVariant*> dicts;
      for (const auto& one : all) {
        const vmspec::Level* level = applied->FindLevel(one.level);
        dicts.push_back(ToVariant(one, level == nullptr ? "" : level->network.uplink));
      }
      return DictsTuple(dicts);
    });
  });
}

void AuditTail(Daemon& daemon, const CallPtr& call) {
  daemon.AuditTail(NumberAt(call, 0), [call](const Result<std::vector<std::string>>& lines) {
    Answer(call, lines, [](const std::vector<std::string>& all) {
      return g_variant_new("(@as)", TextsVariant(all));
    });
  });
}

void AuditVerify(Daemon& daemon, const CallPtr& call) {
  daemon.AuditVerify([call](const Result<AuditVerdict>& verdict) {
    Answer(call, verdict, [](const AuditVerdict& v) {
      return g_variant_new("(@a{sv})", DictBuilder()
                                           .Flag("ok", v.bad_line == 0)
                                           .Uint64("records", v.records)
                                           .Uint64("bad-line", v.bad_line)
                                           .Text("reason", v.reason)
                                           .Flag("torn-tail", v.torn_tail)
                                           .Text("last-hash", Hex(v.last))
                                           .Done());
    });
  });
}

void Services(Daemon& daemon, const CallPtr& call) {
  daemon.Services([call](const std::map<std::string, std::string>& services) {
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE("a{ss}"));
    for (const auto& [name, state] : services) {
      g_variant_builder_add(&dict, "{ss}", Safe(name).c_str(), Safe(state).c_str());
    }
    call->Return(g_variant_new("(a{ss})", &dict));
  });
}

using Method = void (*)(Daemon&, const CallPtr&);

/// What the roles decide by: the level that the call names, and as whom it acts there.
Ask AskOf(const CallPtr& call) {
  Ask ask{call->method(), {}, false};
  for (const char* method : {"Start", "Stop", "Restart", "OpenConsole", "Run"}) {
    if (ask.method == method) ask.level = TextAt(call, 0);
  }
  if (ask.method == "LendDevice") ask.level = TextAt(call, 1);
  // Everybody but the level's plain user counts as root.
  if (ask.method == "Run") ask.guest_root = TextAt(call, 1) != "user";
  return ask;
}

}  // namespace

void AnswerCall(Daemon& daemon, const CallPtr& call) {
  static const std::map<std::string, Method> methods = {
      {"CheckSpec", CheckSpec},
      {"ApplySpec", ApplySpec},
      {"GetSpec", GetSpec},
      {"Rollback", Rollback},
      {"ApproveDowngrades", ApproveDowngrades},
      {"ListApprovals", ListApprovals},
      {"ListSpecHistory", ListSpecHistory},
      {"GetSpecVersion", GetSpecVersion},
      {"ListLevels", ListLevels},
      {"GetLevel", GetLevel},
      {"Start", Start},
      {"Stop", Stop},
      {"Restart", Restart},
      {"OpenConsole", OpenConsole},
      {"Run", Run},
      {"ListDevices", ListDevices},
      {"LendDevice", LendDevice},
      {"ListFlows", ListFlows},
      {"TakeBackDevice", TakeBackDevice},
      {"NetStatus", NetStatus},
      {"AuditTail", AuditTail},
      {"AuditVerify", AuditVerify},
      {"Services", Services},
  };
  auto method = methods.find(call->method());
  if (method == methods.end()) {
    return call->ReturnError({ErrorCode::kInternal, "this method has no answer yet", 0});
  }
  Ask ask = AskOf(call);
  Status may = MayCall(daemon.levels().applied()->spec, call->caller, ask);
  if (may) return method->second(daemon, call);
  daemon.RecordRefusal(call->caller, ask, may.error());
  call->ReturnError(may.error());
}

GVariant* PropertyOf(const Daemon& daemon, const std::string& property) {
  if (property == "Version") return g_variant_new_string(BULKHEAD_VERSION);
  if (property == "Acceleration") return g_variant_new_string(daemon.accel().word.c_str());
  if (property == "AccelerationReason") {
    return g_variant_new_string(Safe(daemon.accel().reason).c_str());
  }
  return nullptr;
}

}  // namespace bulkhead::hostd
