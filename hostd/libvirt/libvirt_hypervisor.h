// SPDX-License-Identifier: GPL-2.0-or-later
/// The Hypervisor that libvirtd runs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "hostd/libvirt/connection.h"
#include "hostd/libvirt/events.h"
#include "hostd/libvirt/hypervisor.h"

namespace bulkhead::hostd {

class LibvirtHypervisor : public Hypervisor {
 public:
  /// Starts connecting in the background: kConnectionBack says when. Main-loop thread; libvirt's
  /// events are from then on served by GLib's default main context, for the whole process.
  /// @param uri  BULKHEAD_LIBVIRT_URI, or "qemu:///system".
  explicit LibvirtHypervisor(std::string uri = "qemu:///system");
  /// Main-loop thread, when no call is under way. No event comes after it.
  ~LibvirtHypervisor() override;

  Status CreatePaused(const DomainSpec& spec) override;
  Status Resume(const std::string& level) override;
  Status Destroy(const std::string& level) override;
  Result<Listing> List() override;
  Status Attach(const std::string& level, const MediumSpec& medium) override;
  Status Detach(const std::string& level, const std::string& device_id) override;
  Result<std::vector<std::string>> Attached(const std::string& level) override;
  Result<DomainStats> Stats(const std::string& level) override;
  void SetOnEvent(DomainEventHandler handler) override;
  bool Connected() const override;

 private:
  ConnectionKeeper::Hooks MakeHooks();

  std::shared_ptr<EventSink> sink_;
  std::mutex attaching_;  // target names are chosen from what is there
  ConnectionKeeper keeper_;
};

}  // namespace bulkhead::hostd
