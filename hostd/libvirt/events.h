// SPDX-License-Identifier: GPL-2.0-or-later
/// libvirt's events of one connection as DomainEvents.
#pragma once

#include <memory>

#include "hostd/libvirt/hypervisor.h"
#include "hostd/libvirt/libvirt_error.h"

namespace bulkhead::hostd {

/// Where events end. Shared with libvirt's callbacks, which may come once more after the hypervisor
/// is gone: then the handler is empty and nothing happens. Main-loop thread, but for Post.
class EventSink : public std::enable_shared_from_this<EventSink> {
 public:
  void SetHandler(DomainEventHandler handler) { handler_ = std::move(handler); }
  void Emit(const DomainEvent& event) const {
    if (handler_) handler_(event);
  }
  /// Emits on the main loop, from any thread.
  void Post(DomainEvent event);

 private:
  DomainEventHandler handler_;
};

/// Has libvirt deliver life-cycle and device events of `connection` to `sink`, for as long as the
/// connection lives. Events of domains without one of our names are dropped.
Status RegisterEvents(virConnectPtr connection, const std::shared_ptr<EventSink>& sink);

/// The event for libvirt's numbers; none for those that change nothing for us (definitions). Pure.
std::optional<DomainEvent> LifecycleEvent(const std::string& level, int event, int detail);

}  // namespace bulkhead::hostd
