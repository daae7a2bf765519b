// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/doctor.h"

#include <algorithm>
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/services.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::cli {

namespace {

/// What hostd proved by a real boot counts for more than a device node.
void AskHostd(Context& context, Machine& machine) {
  auto host = context.Host();
  if (!host) return;
  auto acceleration = (*host)->Property("Acceleration");
  if (!acceleration) return;
  machine.hostd_answers = true;
  machine.acceleration = *acceleration;
  machine.acceleration_reason = (*host)->Property("AccelerationReason").value_or("");
  if (auto services = AskServices(**host)) machine.services = *services;
}

/// Without hostd, doctor itself proves what a device node only promises.
void ProveWhatHostdDidNot(const Context& context, Machine& machine) {
  if (machine.hostd_answers || !machine.kvm_opens || !machine.qemu) return;
  const Surroundings& around = context.around();
  if (around.err_is_tty)
    around.err << "booting a guest under KVM to see whether it works" << std::flush;
  machine.kvm_proof = ProveKvm();
  if (around.err_is_tty) around.err << "\r\033[K" << std::flush;
}

Json ToJson(const Platform& p) {
  return JsonMembers{
      {"vendor", p.vendor}, {"model", p.model}, {"processor", p.processor}, {"kernel", p.kernel}};
}

Json ToJson(const Machine& machine, const std::vector<Check>& checks, bool ready) {
  JsonArray all;
  for (const Check& c : checks) {
    all.emplace_back(JsonMembers{{"id", c.id},
                                 {"feature", c.feature},
                                 {"state", StateName(c.state)},
                                 {"detail", c.detail},
                                 {"remedy", c.remedy},
                                 {"required", c.required}});
  }
  return JsonMembers{
      {"ready", ready}, {"platform", ToJson(machine.platform)}, {"checks", std::move(all)}};
}

Colour ColourOf(Check::State state) {
  if (state == Check::State::kOk) return Colour::kGreen;
  return state == Check::State::kDegraded ? Colour::kYellow : Colour::kRed;
}

void PrintPeople(const Context& context, const std::vector<Check>& checks) {
  Table table({"CHECK", "STATE", "FOR", "FOUND"}, Fit::kWrap);
  for (const Check& c : checks) {
    table.Add({c.id, Cell(StateName(c.state), ColourOf(c.state)), c.feature, c.detail});
  }
  context.Print(table);
  bool first = true;
  for (const Check& c : checks) {
    if (c.remedy.empty()) continue;
    if (first) context.out() << "\nWhat to do:\n";
    first = false;
    context.out() << "  " << Printable(c.id) << ": " << Printable(c.remedy, 500) << "\n";
  }
}

}  // namespace

Result<int> Doctor(Context& context, const Arguments&) {
  Machine machine = ProbeMachine(Paths::FromEnvironment());
  AskHostd(context, machine);
  ProveWhatHostdDidNot(context, machine);
  std::vector<Check> checks = JudgeMachine(machine);
  std::string lacking;
  for (const Check& c : checks) {
    if (c.required && c.state == Check::State::kMissing)
      lacking += (lacking.empty() ? "" : ", ") + c.id;
  }
  if (context.json()) {
    context.Print(ToJson(machine, checks, lacking.empty()));
  } else {
    PrintPeople(context, checks);
    if (lacking.empty()) context.out() << "\nThe main job can run here.\n";
  }
  if (lacking.empty()) return kExitOk;
  context.Complain("the main job cannot run here for lack of " + lacking +
                   ": see \"What to do\" above");
  return kExitFailure;
}

}  // namespace bulkhead::cli
