// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/did_you_mean.h"

#include <algorithm>
#include <numeric>

namespace bulkhead::vmspec {

namespace {

/// Names and keys are shorter; more is no misspelling, and hostile words cost nothing then.
constexpr std::size_t kMaxWord = 40;

}  // namespace

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  if (word.size() > kMaxWord) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    // A word of one or two letters is one edit from every other of them.
    if (candidate.size() > kMaxWord || std::max(word.size(), candidate.size()) < 3) continue;
    // Each letter more or less is an edit.
    std::size_t both = word.size() + candidate.size();
    if (both - 2 * std::min(word.size(), candidate.size()) >= best_distance) continue;
    std::size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best.empty() ? "" : "did you mean \"" + std::string(best) + "\"?";
}

std::string Listed(std::span<const std::string> words, std::string_view last_joint) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last_joint : ", ";
    out += "\"" + words[i] + "\"";
  }
  return out;
}

}  // namespace bulkhead::vmspec
