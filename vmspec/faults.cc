// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/faults.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"

namespace bulkhead::vmspec {

void Faults::Error(std::string_view code, std::string message, const Origin& origin,
                   std::string label, std::string help) {
  if (full()) {
    ++dropped_errors_;
    return;
  }
  Add({std::string(code), std::move(message), origin, std::move(label), std::move(help), false});
}

void Faults::Warning(std::string_view code, std::string message, const Origin& origin,
                     std::string label, std::string help) {
  Add({std::string(code), std::move(message), origin, std::move(label), std::move(help), true});
}

void Faults::Add(Diagnostic diagnostic) {
  if (!diagnostic.warning) ++errors_;
  if (full()) {
    ++(diagnostic.warning ? dropped_warnings_ : dropped_errors_);
  } else {
    kept_.push_back(std::move(diagnostic));
  }
}

void Faults::NoteOnLast(std::string message) {
  bool kept = !kept_.empty() && dropped_errors_ + dropped_warnings_ == 0;
  if (kept) kept_.back().notes.push_back({{}, std::move(message)});
}

bool Faults::MayCompare(std::size_t others) {
  if (full() || others > kMaxCompared - compared_) return false;
  compared_ += others;
  return true;
}

std::vector<Diagnostic> Faults::Take() {
  auto place = [](const Diagnostic& d) {
    return std::tie(d.origin.file, d.origin.line, d.origin.column, d.code);
  };
  std::stable_sort(kept_.begin(), kept_.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  // What a template says is read once for each level that extends it: its fault is told once.
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string>> told;
  std::erase_if(kept_, [&](const Diagnostic& d) {
    return !told.emplace(d.origin.file, d.origin.line, d.origin.column, d.message).second;
  });
  std::size_t dropped = dropped_errors_ + dropped_warnings_;
  if (dropped > 0) {
    Diagnostic closing{codes::kTooManyFaults,
                       "too many faults: " + std::to_string(dropped) + " more are not shown"};
    closing.help = "mend the first ones and check again";
    closing.warning = dropped_errors_ == 0;
    kept_.push_back(std::move(closing));
  }
  errors_ = dropped_errors_ = dropped_warnings_ = 0;
  return std::exchange(kept_, {});
}

std::string Quoted(std::string_view text) { return "\"" + Printable(text, 80) + "\""; }

}  // namespace bulkhead::vmspec
