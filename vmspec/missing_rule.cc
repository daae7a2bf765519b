// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/missing_rule.h"

#include <algorithm>

#include "vmspec/faults.h"
#include "vmspec/flow_report.h"

namespace bulkhead::vmspec {

namespace {

bool Contains(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

std::string Place(const Origin& origin) { return " (" + origin.ToString() + ")"; }

class Misses {
 public:
  Misses(const SpecSet& spec, const FlowGraph& graph, const Explanation& explanation)
      : spec_(spec),
        explanation_(explanation),
        from_(graph.node(explanation.from)),
        to_(graph.node(explanation.to)) {}

  std::vector<std::string> Take() {
    Lattice();
    auto a = spec_.levels.find(from_.name);
    auto b = spec_.levels.find(to_.name);
    bool levels = from_.kind == NodeKind::kLevel && to_.kind == NodeKind::kLevel;
    if (levels && a != spec_.levels.end() && b != spec_.levels.end()) {
      Clipboard(a->second, b->second);
      Network(a->second, b->second);
      Media(a->second, b->second);
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string Start() const {
    if (!explanation_.ways.empty()) {
      return "nobody opens at " + to_.Title() + " what is sealed: there is no decrypt flow to it";
    }
    bool levels = from_.kind == NodeKind::kLevel && to_.kind == NodeKind::kLevel;
    return std::string(levels ? "no flow" : "no rule") + " leads from " + from_.Title() + " to " +
           to_.Title();
  }

  void Lattice() {
    if (!from_.label || !to_.label) {
      out_.push_back(Start());
      return;
    }
    std::string what = to_.kind == NodeKind::kLevel && from_.kind == NodeKind::kLevel
                           ? explanation_.ways.empty() ? "a transfer flow" : "one"
                           : "one";
    if (to_.label->Dominates(*from_.label)) {
      out_.push_back(Start() + "; " + to_.Title() + " dominates " + from_.Title() + ": " + what +
                     " would be allowed");
      return;
    }
    out_.push_back(Start() + "; " + to_.Title() + " does not dominate " + from_.Title() +
                   " (that needs " + WhatIsMissing(*to_.label, *from_.label) + "): " + what +
                   " would be refused");
    if (explanation_.ways.empty()) {
      out_.push_back(
          "what may lead there: an encrypt flow, of which only ciphertext arrives, or a "
          "downgrade flow with a reason and the consent of two roles");
    }
  }

  void Clipboard(const Level& a, const Level& b) {
    bool out = Contains(a.display.clipboard_out, b.name);
    bool in = Contains(b.display.clipboard_in, a.name);
    if (out && !in) {
      out_.push_back(Quoted(a.name) + " lets text out to " + Quoted(b.name) +
                     Place(a.display.clipboard_out_origin) + ", but " + Quoted(b.name) +
                     " takes none from it");
    } else if (in && !out) {
      out_.push_back(Quoted(b.name) + " takes text from " + Quoted(a.name) +
                     Place(b.display.clipboard_in_origin) + ", but " + Quoted(a.name) +
                     " lets none out to it");
    }
  }

  void Network(const Level& a, const Level& b) {
    if (a.network.uplink.empty() || a.network.uplink != b.network.uplink) return;
    for (const Level* level : {&a, &b}) {
      if (level->network.allow.empty()) {
        out_.push_back(Quoted(level->name) + " is attached to uplink " +
                       Quoted(level->network.uplink) + Place(level->network.origin) +
                       ", but has no allow rule");
      }
    }
  }

  void Media(const Level& a, const Level& b) {
    const DevicePolicy& writer = a.Device(DeviceClass::kStorage);
    const DevicePolicy& reader = b.Device(DeviceClass::kStorage);
    if (writer.mode == GrantMode::kNone || reader.mode == GrantMode::kNone || writer.write) return;
    out_.push_back("both may be lent media, but " + Quoted(a.name) + " may not write them" +
                   Place(writer.origin));
  }

  const SpecSet& spec_;
  const Explanation& explanation_;
  const FlowNode& from_;
  const FlowNode& to_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> MissingRules(const SpecSet& spec, const FlowGraph& graph,
                                      const Explanation& explanation) {
  return Misses(spec, graph, explanation).Take();
}

}  // namespace bulkhead::vmspec
