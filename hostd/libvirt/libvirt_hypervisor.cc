// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/libvirt_hypervisor.h"

#include <libvirt-glib/libvirt-glib.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "hostd/libvirt/create.h"
#include "hostd/libvirt/deadline.h"
#include "hostd/libvirt/domains.h"
#include "hostd/libvirt/media.h"

namespace bulkhead::hostd {

namespace {

using std::chrono::milliseconds;
using Kind = DomainEvent::Kind;

constexpr milliseconds kDetachPoll{100};
constexpr milliseconds kAskAgain{1000};

/// What a call means when no answer comes.
enum class Effect : bool { kReads, kChanges };

/// Once a process: libvirt's events on the GLib main loop, its errors only where they are asked
/// for.
void InitialiseLibvirt() {
  [[maybe_unused]] static const bool done = [] {
    gvir_event_register();
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) noexcept {});
    return true;
  }();
}

template <typename T>
using Work = std::function<Result<T>(virConnectPtr)>;

/// Runs `work` on the keeper's connection, with an end. A call that fails because the connection
/// broke under it has an unknown outcome if it was to change something.
template <typename T>
Result<T> Call(const ConnectionKeeper& keeper, Effect effect, milliseconds deadline, Work<T> work) {
  auto connection = keeper.Current();
  if (!connection) return Propagate(connection);
  bool changes = effect == Effect::kChanges;
  auto run = [work = std::move(work), c = *connection]() -> Result<T> { return work(c.get()); };
  auto result = RunWithDeadline<Result<T>>(deadline, std::move(run));
  if (!result) {
    return Fail(changes ? ErrorCode::kOutcomeUnknown : ErrorCode::kTimeout,
                "libvirtd has not answered in time");
  }
  if (!*result && virConnectIsAlive(connection->get()) != 1) {
    return Fail(changes ? ErrorCode::kOutcomeUnknown : ErrorCode::kUnavailable,
                result->error().message);
  }
  return std::move(*result);
}

Status ResumeDomain(virConnectPtr connection, const std::string& level) {
  auto found = LookUpOurs(connection, level);
  if (!found) return Propagate(found);
  int state = 0;
  if (virDomainGetState(found->domain.get(), &state, nullptr, 0) == 0 &&
      state == VIR_DOMAIN_RUNNING) {
    return {};
  }
  if (virDomainResume(found->domain.get()) != 0) return FailLibvirt("let level " + level + " run");
  return {};
}

Status DestroyDomain(virConnectPtr connection, const std::string& level) {
  auto found = LookUp(connection, level);
  if (!found) return Propagate(found);
  if (!found->domain) return {};
  if (!found->facts) return FailForeign(level);
  if (virDomainIsActive(found->domain.get()) == 0) virDomainUndefine(found->domain.get());
  // OPERATION_INVALID: it ended while we were on the way.
  if (virDomainDestroy(found->domain.get()) == 0) return {};
  int code = LastLibvirtCode();
  if (code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID) return {};
  return FailLibvirt("end level " + level);
}

std::uint64_t ResidentKib(virDomainPtr domain) {
  virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
  int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
  for (int i = 0; i < count; ++i) {
    if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS) return stats[i].val;
  }
  return 0;
}

Result<DomainStats> StatsOf(virConnectPtr connection, const std::string& level) {
  auto found = LookUpOurs(connection, level);
  if (!found) return Propagate(found);
  virDomainInfo info{};
  if (virDomainGetInfo(found->domain.get(), &info) != 0)
    return FailLibvirt("measure level " + level);
  if (info.state == VIR_DOMAIN_SHUTOFF) {
    return Fail(ErrorCode::kNotFound, "level " + level + " does not run");
  }
  return DomainStats{info.cpuTime, ResidentKib(found->domain.get())};
}

Result<std::vector<std::string>> MediaOf(virConnectPtr connection, const std::string& level) {
  auto found = LookUpOurs(connection, level);
  if (!found) return Propagate(found);
  return std::move(found->facts->media);
}

}  // namespace

LibvirtHypervisor::LibvirtHypervisor(std::string uri)
    : sink_((InitialiseLibvirt(), std::make_shared<EventSink>())),
      keeper_(std::move(uri), MakeHooks()) {}

LibvirtHypervisor::~LibvirtHypervisor() { sink_->SetHandler(nullptr); }

ConnectionKeeper::Hooks LibvirtHypervisor::MakeHooks() {
  auto opened = [sink = sink_](virConnectPtr connection) -> Status {
    if (auto s = RegisterEvents(connection, sink); !s) return s;
    return UndefineLeftovers(connection);
  };
  return {.opened = opened,
          .ready = [sink = sink_] { sink->Post({Kind::kConnectionBack, {}, {}, {}}); },
          .lost = [sink = sink_] { sink->Emit({Kind::kConnectionLost, {}, {}, {}}); }};
}

Status LibvirtHypervisor::CreatePaused(const DomainSpec& spec) {
  auto prepared = PrepareCreate(spec);
  if (!prepared) return Propagate(prepared);
  auto job = std::make_shared<CreateJob>(std::move(*prepared));
  return Call<void>(keeper_, Effect::kChanges, kCreateDeadline,
                    [job](virConnectPtr c) { return CreateDomain(c, *job); });
}

Status LibvirtHypervisor::Resume(const std::string& level) {
  return Call<void>(keeper_, Effect::kChanges, kCallDeadline,
                    [level](virConnectPtr c) { return ResumeDomain(c, level); });
}

Status LibvirtHypervisor::Destroy(const std::string& level) {
  return Call<void>(keeper_, Effect::kChanges, kCallDeadline,
                    [level](virConnectPtr c) { return DestroyDomain(c, level); });
}

Result<Listing> LibvirtHypervisor::List() {
  return Call<Listing>(keeper_, Effect::kReads, kCallDeadline, ListDomains);
}

Status LibvirtHypervisor::Attach(const std::string& level, const MediumSpec& medium) {
  if (auto s = CheckMedium(medium); !s) return s;
  std::lock_guard lock(attaching_);
  auto copy = std::make_shared<MediumSpec>(
      MediumSpec{medium.device_id, medium.path, {}, medium.writable, medium.size_bytes});
  return Call<void>(keeper_, Effect::kChanges, kCallDeadline,
                    [level, copy](virConnectPtr c) { return AttachMedium(c, level, *copy); });
}

Status LibvirtHypervisor::Detach(const std::string& level, const std::string& device_id) {
  auto end = std::chrono::steady_clock::now() + kDetachDeadline;
  auto ask = [&] {
    return Call<void>(keeper_, Effect::kReads, kCallDeadline, [level, device_id](virConnectPtr c) {
      return RequestDetach(c, level, device_id);
    });
  };
  auto asked = ask();
  auto asked_at = std::chrono::steady_clock::now();
  while (true) {
    auto media = Attached(level);
    if (!media && media.error().code == ErrorCode::kNotFound) return {};
    if (!media) return Propagate(media);
    if (!std::ranges::binary_search(*media, device_id)) return {};
    auto now = std::chrono::steady_clock::now();
    if (now >= end) break;
    // QEMU does not ask a guest whose slot blinks: it has just plugged the medium in, or it thinks
    // about an earlier request. Once it was asked it is not asked again: that would take it back.
    if (!asked && now - asked_at >= kAskAgain) {
      asked = ask();
      asked_at = now;
    }
    std::this_thread::sleep_for(kDetachPoll);
  }
  return Fail(ErrorCode::kTimeout, "level " + level + " does not let go of " + device_id +
                                       (asked ? "" : " (" + asked.error().message + ")"));
}

Result<std::vector<std::string>> LibvirtHypervisor::Attached(const std::string& level) {
  return Call<std::vector<std::string>>(keeper_, Effect::kReads, kCallDeadline,
                                        [level](virConnectPtr c) { return MediaOf(c, level); });
}

Result<DomainStats> LibvirtHypervisor::Stats(const std::string& level) {
  return Call<DomainStats>(keeper_, Effect::kReads, kCallDeadline,
                           [level](virConnectPtr c) { return StatsOf(c, level); });
}

void LibvirtHypervisor::SetOnEvent(DomainEventHandler handler) {
  sink_->SetHandler(std::move(handler));
}

bool LibvirtHypervisor::Connected() const { return keeper_.Current().has_value(); }

}  // namespace bulkhead::hostd
