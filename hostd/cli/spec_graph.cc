// SPDX-License-Identifier: GPL-2.0-or-later
/// spec graph
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ostream>

#include "hostd/cli/command.h"
#include "hostd/cli/spec_sets.h"
#include "vmspec/base/file.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/unique_fd.h"
#include "vmspec/graph_drawing.h"

namespace bulkhead::cli {

namespace {

using vmspec::Arrow;
using vmspec::Drawing;

constexpr char kGraphviz[] = "/usr/bin/dot";
constexpr int kGraphvizMs = 120'000;
constexpr std::size_t kMaxSvgBytes = 256UL << 20;
constexpr std::size_t kColumns = 100;  // where no terminal says how wide it is

/// A file without a name.
Result<UniqueFd> Scratch(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return FailErrno("make a memory file");
  return fd;
}

/// Ends it when it takes too long.
Status WaitFor(const Child& child) {
  pollfd wait{child.pidfd.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&wait, 1, kGraphvizMs)) < 0 && errno == EINTR) {
  }
  if (ready <= 0) ::kill(child.pid, SIGKILL);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (ready <= 0) {
    return Fail(ErrorCode::kTimeout,
                "Graphviz took more than 2 minutes: the graph is too large for "
                "a picture; bulkhead spec explain A B tells one way");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail(ErrorCode::kInternal, "Graphviz could not draw the graph");
}

Result<std::string> SvgOf(const std::string& dot) {
  if (::access(kGraphviz, X_OK) != 0) {
    return Fail(ErrorCode::kUnavailable, "Graphviz is not installed: apt install graphviz");
  }
  auto in = Scratch("graph");
  if (!in) return Propagate(in);
  auto out = Scratch("picture");
  if (!out) return Propagate(out);
  if (Status s = WriteFully(in->get(), dot.data(), dot.size()); !s) return Propagate(s);
  ::lseek(in->get(), 0, SEEK_SET);
  ProcessSpec spec;
  spec.argv = {kGraphviz, "-Tsvg"};
  spec.env = {"LC_ALL=C.UTF-8"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{in->get(), 0}, {out->get(), 1}};
  auto child = Spawn(spec);
  if (!child) return Propagate(child, "start Graphviz");
  if (Status done = WaitFor(*child); !done) return Propagate(done);
  return ReadFile("/proc/self/fd/" + std::to_string(out->get()), kMaxSvgBytes);
}

std::string NamesOf(const Arrow& arrow) {
  std::string all;
  for (const std::string& name : arrow.names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::string NodeText(const vmspec::DrawnNode& node) {
  return node.kind == vmspec::NodeKind::kLevel ? node.name : node.title;
}

Cell PassageCell(const Arrow& arrow) {
  constexpr Colour kColours[] = {Colour::kNone, Colour::kGreen, Colour::kRed};
  return {NameOf(arrow.passage), kColours[static_cast<std::size_t>(arrow.passage)]};
}

void ShowText(const Context& context, const Drawing& drawing) {
  std::size_t columns = context.around().width == 0 ? kColumns : context.around().width;
  if (auto lanes = vmspec::TextOf(drawing, columns)) context.out() << *lanes << "\n";
  Table table({"FROM", "", "TO", "BY", "HOW", "PLACE"}, Fit::kWrap);
  for (const Arrow& arrow : drawing.arrows) {
    table.Add({NodeText(drawing.nodes[arrow.from]), arrow.both_ways ? "<->" : "->",
               NodeText(drawing.nodes[arrow.to]), NamesOf(arrow), PassageCell(arrow),
               PlaceText(arrow.origin)});
  }
  if (drawing.arrows.empty()) {
    context.out() << "Nothing can carry information between them.\n";
  } else {
    context.out() << table.Format(columns, context.around().colour);
  }
}

Json ToJson(const Drawing& drawing) {
  JsonArray nodes;
  for (const auto& node : drawing.nodes) {
    nodes.push_back(JsonMembers{{"kind", NameOf(node.kind)},
                                {"name", node.name},
                                {"title", node.title},
                                {"label", node.label ? Json(node.label->ToString()) : Json()}});
  }
  JsonArray arrows;
  for (const Arrow& arrow : drawing.arrows) {
    JsonArray names(arrow.names.begin(), arrow.names.end());
    arrows.push_back(JsonMembers{{"from", std::uint64_t{arrow.from}},
                                 {"to", std::uint64_t{arrow.to}},
                                 {"both_ways", arrow.both_ways},
                                 {"passage", NameOf(arrow.passage)},
                                 {"by", std::move(names)},
                                 {"place", PlaceText(arrow.origin)}});
  }
  return JsonMembers{{"nodes", std::move(nodes)}, {"arrows", std::move(arrows)}};
}

Result<int> WriteSvg(const Context& context, const Drawing& drawing, const std::string& path) {
  auto svg = SvgOf(vmspec::DotOf(drawing));
  if (!svg) return Propagate(svg);
  if (path == "-") {
    context.out() << *svg;
    return kExitOk;
  }
  Status written = WriteFileAtomically(path, *svg, 0644);
  if (!written) return Propagate(written);
  context.out() << "Wrote " << Printable(path, 4096) << ".\n";
  return kExitOk;
}

}  // namespace

Result<int> SpecGraph(Context& context, const Arguments& arguments) {
  auto set = ReadSet(context, arguments.positional.empty() ? "applied" : arguments.positional[0]);
  if (!set) return Propagate(set);
  // A set that breaks only the lattice has a graph, and seeing it helps.
  if (!set->checked.ok()) ShowFaults(context, *set);
  Drawing drawing = vmspec::Draw(set->checked.spec);
  if (arguments.Has("--svg")) return WriteSvg(context, drawing, arguments.Value("--svg"));
  if (arguments.Has("--dot")) {
    context.out() << vmspec::DotOf(drawing);
  } else if (context.json()) {
    context.Print(ToJson(drawing));
  } else {
    ShowText(context, drawing);
  }
  return set->checked.ok() ? kExitOk : kExitFailure;
}

}  // namespace bulkhead::cli
