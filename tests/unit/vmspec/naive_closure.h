// SPDX-License-Identifier: GPL-2.0-or-later
/// The information flow of a spec set as slowly and plainly as it can be written: every edge found
/// by asking each pair, closed by Floyd and Warshall. It reads model.h and shares no code with the
/// checker, so that the two do not err together.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

class NaiveClosure {
 public:
  explicit NaiveClosure(const SpecSet& spec);

  /// "level:a -> device:b", and " opened" where the way was sealed: every hop against the lattice.
  [[nodiscard]] std::set<std::string> Hops() const;
  /// Whether what one label may know reaches, by ways of any length, somebody who must not know it.
  [[nodiscard]] bool LeaksSomewhere() const;
  /// "transfer level:a level:b": the edge is in the set.
  [[nodiscard]] bool HasEdge(const std::string& edge) const { return edges_.contains(edge); }
  [[nodiscard]] const std::set<std::string>& edges() const { return edges_; }
  /// Information from a is there at b, in clear, sealed or declassified.
  [[nodiscard]] bool SomethingReaches(const std::string& a, const std::string& b) const;

 private:
  using Matrix = std::vector<std::vector<bool>>;
  struct Node {
    std::string name;
    std::optional<Label> label;
    bool holds = true;
  };
  struct Sealer {
    std::size_t from = 0;
    std::size_t to = 0;
    std::set<std::string> keys;
  };
  struct Opener {
    std::size_t at = 0;
    std::size_t to = 0;
    std::set<std::string> keys;
    bool any = false;
  };

  std::size_t Id(const std::string& name) const;
  void AddNode(const std::string& name, const std::optional<Label>& label, bool holds);
  void Edge(const std::string& kind, const std::string& from, const std::string& to);
  void BothWays(const std::string& kind, const std::string& a, const std::string& b);
  void AddNodes();
  void AddFlows();
  void AddNetworks();
  void AddDevices();
  void AddDeviceEdges(const Level& level, DeviceClass c, const std::string& device);
  void AddTokens();
  void AddClipboards();
  [[nodiscard]] bool MayTouch(const Level& level, DeviceClass c, const KnownDevice* device) const;
  [[nodiscard]] bool IsOneKey(const std::string& a, const std::string& b) const;
  [[nodiscard]] std::set<std::string> WithAliases(const std::set<std::string>& keys) const;
  [[nodiscard]] Matrix Closed(Matrix reach, bool labels_stop) const;
  [[nodiscard]] static bool Opens(const Opener& opener, const Sealer& sealer);

  const SpecSet& spec_;
  std::vector<Node> nodes_;
  std::map<std::string, std::size_t> ids_;
  std::set<std::string> edges_;
  Matrix clear_;  ///< edges that carry in clear
  Matrix any_;    ///< edges that carry anything
  std::vector<Sealer> sealers_;
  std::vector<Opener> openers_;
};

}  // namespace bulkhead::vmspec
