// SPDX-License-Identifier: GPL-2.0-or-later
/// KVM or TCG, decided by a real boot: a device node that opens proves nothing. See probe_guest.h
/// for the guest that is booted.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "vmspec/base/error.h"
#include "vmspec/model.h"

namespace bulkhead::hostd {

enum class AccelKind { kKvm, kTcg };
/// "kvm", "tcg": as D-Bus and libvirt's domain type spell them ("qemu" for TCG in the latter).
std::string_view AccelName(AccelKind kind);

struct AccelChoice {
  AccelKind kind = AccelKind::kTcg;
  std::string reason;    ///< one sentence for a person
  bool warning = false;  ///< the reason is a lasting warning: TCG was not asked for by name
};

/// What a probe guest under KVM did.
enum class KvmState {
  kWorks,
  kNoDevice,
  kNoPermission,
  kHangs,   ///< the guest made no progress worth the name
  kFails,   ///< QEMU said no, or the guest computed nonsense
  kNoQemu,  ///< QEMU could not be started: nothing is known about KVM
};

struct KvmFinding {
  KvmState state = KvmState::kFails;
  std::string sentence;  ///< "KVM opens but does not run a guest here"; printable
};

struct AccelProbeOptions {
  std::string qemu = "/usr/bin/qemu-system-x86_64";
  std::string kvm_node = "/dev/kvm";
  std::string cpu = "host";  ///< the processor that levels get under KVM
  std::string cache_file;    ///< Paths.run + "/hostd/accel"; empty: keep the answer in memory only
  std::chrono::milliseconds deadline{5000};  ///< for one probe guest
  /// How long a finding counts that may be of a busy moment: no answer in time, no QEMU.
  std::chrono::milliseconds doubt{60'000};
};

/// Any thread may call any member; one probe runs at a time and the others wait for its answer.
class AccelProbe {
 public:
  explicit AccelProbe(AccelProbeOptions options);

  /// Boots a guest under KVM, as the caller's uid, unless the answer for this boot, kernel, QEMU
  /// and device node is known and beyond doubt. Blocks up to the deadline and a little more: not
  /// for the main loop.
  KvmFinding Examine();

  /// What levels shall use.
  ///   kTcg wanted            -> TCG with a warning, without a probe: it was asked for by name.
  ///   kKvm or kAuto wanted   -> KVM when it works.
  ///   kAuto, it does not     -> TCG with a warning, if `allow_tcg`.
  /// Errors; start nothing then:
  ///   kRefused      otherwise; the message is the finding and the way out.
  ///   kUnavailable  QEMU cannot be started.
  Result<AccelChoice> Probe(vmspec::Accel wanted, bool allow_tcg);

 private:
  KvmFinding ExamineNow() const;

  const AccelProbeOptions options_;
  std::mutex mutex_;
  std::string known_key_;                              ///< guarded by mutex_; empty: nothing known
  KvmFinding known_;                                   ///< guarded by mutex_
  std::chrono::steady_clock::time_point known_until_;  ///< guarded by mutex_
};

}  // namespace bulkhead::hostd
