// SPDX-License-Identifier: GPL-2.0-or-later
/// The table of commands. Help, completion and the manual are held to it by a test.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hostd/cli/args.h"
#include "hostd/cli/context.h"

namespace bulkhead::cli {

/// Does the work and returns the exit code; an Error is printed by Main, once.
using Handler = Result<int> (*)(Context&, const Arguments&);

struct Command {
  std::string_view name;       ///< "start", "device lend"
  std::string_view arguments;  ///< "LEVEL..."
  unsigned least = 0;          ///< positional arguments
  unsigned most = 0;
  std::span<const Option> options;
  std::string_view summary;
  Handler handler;
  bool takes_rest = false;  ///< "-- CMD..." must follow
};

std::span<const Command> Commands();
/// Options that every command takes.
std::span<const Option> GlobalOptions();

/// The whole program. argv without its first word.
int Main(std::span<const std::string> words, Surroundings& around);

// help.cc
std::string HelpForAll();
std::string HelpFor(const Command& command);
std::string Synopsis(const Command& command);
Result<int> Help(Context& context, const Arguments& arguments);
Result<int> Version(Context& context, const Arguments& arguments);
// level_commands.cc
Result<int> Start(Context& context, const Arguments& arguments);
Result<int> Stop(Context& context, const Arguments& arguments);
Result<int> Restart(Context& context, const Arguments& arguments);
// status_commands.cc
Result<int> ShowStatus(Context& context, const Arguments& arguments);
Result<int> List(Context& context, const Arguments& arguments);
// event_commands.cc
Result<int> Events(Context& context, const Arguments& arguments);
// guest_commands.cc
Result<int> Run(Context& context, const Arguments& arguments);
Result<int> Console(Context& context, const Arguments& arguments);
// device_commands.cc
Result<int> DeviceList(Context& context, const Arguments& arguments);
Result<int> DeviceLend(Context& context, const Arguments& arguments);
Result<int> DeviceTakeBack(Context& context, const Arguments& arguments);
// flow_commands.cc
Result<int> FlowList(Context& context, const Arguments& arguments);
Result<int> NetStatus(Context& context, const Arguments& arguments);
// audit_commands.cc
Result<int> AuditTail(Context& context, const Arguments& arguments);
Result<int> AuditVerify(Context& context, const Arguments& arguments);
// spec_commands.cc
Result<int> SpecCheck(Context& context, const Arguments& arguments);
Result<int> SpecApply(Context& context, const Arguments& arguments);
// lower_command.cc
Result<int> SpecLower(Context& context, const Arguments& arguments);
// history_commands.cc
Result<int> SpecHistory(Context& context, const Arguments& arguments);
Result<int> SpecRollback(Context& context, const Arguments& arguments);
// spec_format.cc
Result<int> SpecFormat(Context& context, const Arguments& arguments);
// spec_diff.cc
Result<int> SpecDiff(Context& context, const Arguments& arguments);
// spec_graph.cc, spec_schema.cc, spec_show.cc
Result<int> SpecGraph(Context& context, const Arguments& arguments);
Result<int> SpecSchema(Context& context, const Arguments& arguments);
Result<int> SpecShow(Context& context, const Arguments& arguments);
// spec_new.cc
Result<int> SpecNew(Context& context, const Arguments& arguments);
// flow_explain_commands.cc
Result<int> SpecExplain(Context& context, const Arguments& arguments);
Result<int> SpecRisks(Context& context, const Arguments& arguments);
// approval_commands.cc
Result<int> SpecApprove(Context& context, const Arguments& arguments);
Result<int> SpecApprovals(Context& context, const Arguments& arguments);
// doctor.cc
Result<int> Doctor(Context& context, const Arguments& arguments);

}  // namespace bulkhead::cli
