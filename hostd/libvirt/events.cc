// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/events.h"

#include <glib.h>

#include <optional>
#include <string_view>

#include "hostd/libvirt/medium_xml.h"

namespace bulkhead::hostd {

namespace {

using Kind = DomainEvent::Kind;
using SinkPtr = std::shared_ptr<EventSink>;

std::string StoppedReason(int detail) {
  switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
      return "shutdown";
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
      return "destroyed";
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
      return "crashed";
    case VIR_DOMAIN_EVENT_STOPPED_FAILED:
      return "failed";
    default:
      return "other";
  }
}

std::string PausedReason(int detail) {
  switch (detail) {
    case VIR_DOMAIN_EVENT_SUSPENDED_PAUSED:
      return "asked";
    case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR:
      return "disk error";
    default:
      return "other";
  }
}

DomainEvent Stopped(const std::string& level, int detail) {
  bool crashed =
      detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_FAILED;
  return {crashed ? Kind::kCrashed : Kind::kStopped, level, {}, StoppedReason(detail)};
}

/// The level a domain is called after; none if it has not one of our names.
std::optional<std::string> LevelOf(virDomainPtr domain) {
  constexpr std::string_view kPrefix = "bulkhead-";
  const char* name = virDomainGetName(domain);
  if (name == nullptr || !std::string_view(name).starts_with(kPrefix)) return std::nullopt;
  return std::string(name + kPrefix.size());
}

int OnLifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) noexcept {
  auto level = LevelOf(domain);
  auto ours = level ? LifecycleEvent(*level, event, detail) : std::nullopt;
  if (ours) (*static_cast<SinkPtr*>(opaque))->Emit(*ours);
  return 0;
}

void OnDeviceRemoved(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) noexcept {
  auto level = LevelOf(domain);
  auto device = DeviceOfAlias(alias);
  if (!level || !device) return;
  (*static_cast<SinkPtr*>(opaque))->Emit({Kind::kMediumRemoved, *level, *device, {}});
}

void FreeSink(void* opaque) noexcept { delete static_cast<SinkPtr*>(opaque); }

Status Register(virConnectPtr connection, const SinkPtr& sink, int id,
                virConnectDomainEventGenericCallback callback) {
  auto* held = new SinkPtr(sink);  // libvirt frees it with FreeSink
  if (virConnectDomainEventRegisterAny(connection, nullptr, id, callback, held, FreeSink) >= 0) {
    return {};
  }
  delete held;
  return FailLibvirt("ask libvirtd for events");
}

struct Posted {
  SinkPtr sink;
  DomainEvent event;
};

}  // namespace

void EventSink::Post(DomainEvent event) {
  auto emit = [](gpointer data) noexcept -> gboolean {
    auto* posted = static_cast<Posted*>(data);
    posted->sink->Emit(posted->event);
    return G_SOURCE_REMOVE;
  };
  g_idle_add_full(G_PRIORITY_DEFAULT, emit, new Posted{shared_from_this(), std::move(event)},
                  [](gpointer data) noexcept { delete static_cast<Posted*>(data); });
}

std::optional<DomainEvent> LifecycleEvent(const std::string& level, int event, int detail) {
  switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
      return DomainEvent{Kind::kStarted, level, {}, "started"};
    case VIR_DOMAIN_EVENT_SUSPENDED:
      return DomainEvent{Kind::kPaused, level, {}, PausedReason(detail)};
    case VIR_DOMAIN_EVENT_RESUMED:
      return DomainEvent{Kind::kResumed, level, {}, "asked"};
    case VIR_DOMAIN_EVENT_STOPPED:
      return Stopped(level, detail);
    default:
      // CRASHED is followed by STOPPED, because on_crash destroys.
      return std::nullopt;
  }
}

Status RegisterEvents(virConnectPtr connection, const SinkPtr& sink) {
  auto s = Register(connection, sink, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                    VIR_DOMAIN_EVENT_CALLBACK(OnLifecycle));
  if (!s) return s;
  return Register(connection, sink, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                  VIR_DOMAIN_EVENT_CALLBACK(OnDeviceRemoved));
}

}  // namespace bulkhead::hostd
