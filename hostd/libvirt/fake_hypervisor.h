// SPDX-License-Identifier: GPL-2.0-or-later
/// A Hypervisor with memory, for tests: domains live in a map, errors can be ordered, events are
/// sent from the calling thread. Checks what the real one checks, up to the host's files.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/libvirt/hypervisor.h"

namespace bulkhead::hostd {

class FakeHypervisor : public Hypervisor {
 public:
  using Kind = DomainEvent::Kind;

  struct Domain {
    DomainInfo info;
    std::string xml;  ///< what CreatePaused would have given libvirt
    std::uint32_t hotplug_ports = 0;
    std::set<std::string> writable_media;
  };

  Status CreatePaused(const DomainSpec& spec) override {
    if (auto s = Enter("CreatePaused", spec.level); !s) return s;
    auto xml = BuildDomainXml(spec);
    if (!xml) return Propagate(xml);
    {
      std::lock_guard lock(mutex_);
      if (foreign_.contains(spec.level) || domains_.contains(spec.level)) {
        return Fail(ErrorCode::kExists,
                    "a virtual machine called " + DomainName(spec.level) + " exists");
      }
      domains_[spec.level] = {{spec.level,
                               spec.index,
                               spec.uuid,
                               DomainState::kPaused,
                               spec.image_version,
                               spec.created_unix_s,
                               {}},
                              *xml,
                              spec.hotplug_ports,
                              {}};
    }
    Emit({Kind::kStarted, spec.level, {}, "started"});
    return {};
  }

  Status Resume(const std::string& level) override {
    if (auto s = Enter("Resume", level); !s) return s;
    bool changed = false;
    auto s = With(level, [&](Domain& d) {
      changed = std::exchange(d.info.state, DomainState::kRunning) != DomainState::kRunning;
      return Status();
    });
    if (s && changed) Emit({Kind::kResumed, level, {}, "asked"});
    return s;
  }

  Status Destroy(const std::string& level) override {
    if (auto s = Enter("Destroy", level); !s) return s;
    {
      std::lock_guard lock(mutex_);
      if (foreign_.contains(level))
        return Fail(ErrorCode::kExists, DomainName(level) + " is not ours");
    }
    End(level, Kind::kStopped, "destroyed");
    return {};
  }

  Result<Listing> List() override {
    if (auto s = Enter("List", {}); !s) return Propagate(s);
    std::lock_guard lock(mutex_);
    Listing listing;
    for (const auto& [level, domain] : domains_) listing.ours.push_back(domain.info);
    for (const auto& level : foreign_) listing.foreign.push_back({DomainName(level), level});
    return listing;
  }

  Status Attach(const std::string& level, const MediumSpec& medium) override {
    if (auto s = Enter("Attach", level); !s) return s;
    return With(level, [&](Domain& d) -> Status {
      auto& media = d.info.media;
      if (std::ranges::binary_search(media, medium.device_id)) {
        return Fail(ErrorCode::kExists, level + " has " + medium.device_id + " already");
      }
      if (media.size() >= d.hotplug_ports)
        return Fail(ErrorCode::kLimit, "no hot-plug port is free");
      media.insert(std::ranges::upper_bound(media, medium.device_id), medium.device_id);
      if (medium.writable) d.writable_media.insert(medium.device_id);
      return {};
    });
  }

  Status Detach(const std::string& level, const std::string& device_id) override {
    if (auto s = Enter("Detach", level); !s) return s;
    bool removed = false;
    auto s = With(level, [&](Domain& d) -> Status {
      if (std::ranges::binary_search(d.info.media, device_id) && stubborn_.contains(level)) {
        return Fail(ErrorCode::kTimeout, level + " does not let go of " + device_id);
      }
      removed = std::erase(d.info.media, device_id) > 0;
      d.writable_media.erase(device_id);
      return {};
    });
    if (removed) Emit({Kind::kMediumRemoved, level, device_id, {}});
    return !s && s.error().code == ErrorCode::kNotFound ? Status() : s;
  }

  Result<std::vector<std::string>> Attached(const std::string& level) override {
    if (auto s = Enter("Attached", level); !s) return Propagate(s);
    std::vector<std::string> media;
    auto s = With(level, [&](Domain& d) { return media = d.info.media, Status(); });
    if (!s) return Propagate(s);
    return media;
  }

  Result<DomainStats> Stats(const std::string& level) override {
    if (auto s = Enter("Stats", level); !s) return Propagate(s);
    auto s = With(level, [](Domain&) { return Status(); });
    if (!s) return Propagate(s);
    return DomainStats{1'000'000, 65'536};
  }

  void SetOnEvent(DomainEventHandler handler) override { handler_ = std::move(handler); }

  bool Connected() const override {
    std::lock_guard lock(mutex_);
    return connected_;
  }

  // --- what the world does -----------------------------------------------------------------------

  /// The next `call` ("Resume") for `level` ("" any) fails with `error`, once.
  void FailNext(const std::string& call, const std::string& level, Error error) {
    std::lock_guard lock(mutex_);
    failures_.insert_or_assign({call, level}, std::move(error));
  }
  void AddForeign(const std::string& level) {
    std::lock_guard lock(mutex_);
    foreign_.insert(level);
  }
  /// The guest does not answer requests to let go of media.
  void MakeStubborn(const std::string& level) {
    std::lock_guard lock(mutex_);
    stubborn_.insert(level);
  }
  /// The guest powers off (kStopped, "shutdown") or QEMU dies (kCrashed, "crashed").
  void End(const std::string& level, Kind kind, const std::string& reason) {
    {
      std::lock_guard lock(mutex_);
      if (domains_.erase(level) == 0) return;
    }
    Emit({kind, level, {}, reason});
  }
  /// libvirtd dies or comes back; domains are untouched.
  void SetConnected(bool connected) {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(connected_, connected) == connected) return;
    }
    Emit({connected ? Kind::kConnectionBack : Kind::kConnectionLost, {}, {}, {}});
  }
  void Emit(const DomainEvent& event) const {
    if (handler_) handler_(event);
  }

  // --- what a test may look at -------------------------------------------------------------------

  std::map<std::string, Domain> Domains() const {
    std::lock_guard lock(mutex_);
    return domains_;
  }
  /// Calls in order: "CreatePaused low", "List".
  std::vector<std::string> Calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  Status Enter(const std::string& call, const std::string& level) {
    std::lock_guard lock(mutex_);
    calls_.push_back(level.empty() ? call : call + " " + level);
    if (!connected_) return Fail(ErrorCode::kUnavailable, "libvirtd cannot be reached");
    for (const auto& key : {std::pair{call, level}, std::pair{call, std::string()}}) {
      if (auto node = failures_.extract(key)) return std::unexpected(node.mapped());
    }
    return {};
  }
  template <typename F>
  Status With(const std::string& level, F act) {
    std::lock_guard lock(mutex_);
    auto it = domains_.find(level);
    if (it == domains_.end()) return Fail(ErrorCode::kNotFound, level + " has no virtual machine");
    return act(it->second);
  }

  mutable std::mutex mutex_;
  DomainEventHandler handler_;
  bool connected_ = true;
  std::map<std::string, Domain> domains_;
  std::set<std::string> foreign_;
  std::set<std::string> stubborn_;
  std::map<std::pair<std::string, std::string>, Error> failures_;
  std::vector<std::string> calls_;
};

}  // namespace bulkhead::hostd
