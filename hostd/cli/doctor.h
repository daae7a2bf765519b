// SPDX-License-Identifier: GPL-2.0-or-later
/// What a machine has, and what that means for us. Judging is pure; looking is doctor_probes.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vmspec/base/paths.h"

namespace bulkhead::cli {

struct ToolVersion {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const ToolVersion&, const ToolVersion&) = default;
};
/// The first "N.N" of a program's --version; nothing when there is none.
std::optional<ToolVersion> FindVersion(const std::string& text);

/// Whether KVM runs a guest, found by booting one.
struct KvmProof {
  bool works = false;
  std::string sentence;  ///< printable
};

/// Which machine this is: for docs/platforms.md.
struct Platform {
  std::string vendor;
  std::string model;
  std::string processor;
  std::string kernel;  ///< release
};

/// A kernel option that a feature of ours needs.
struct KernelOption {
  const char* name;  ///< without CONFIG_
  const char* feature;
};
std::span<const KernelOption> KernelOptions();
/// Those that the text of a kernel's configuration neither builds in nor has as a module.
std::vector<KernelOption> LackingOptions(const std::string& config);

enum class NfTables { kWorks, kMissing, kMayNotAsk };

/// What was found. The defaults are "not there".
struct Machine {
  std::string os_id;         ///< "debian"
  std::string os_version;    ///< "13"
  std::string architecture;  ///< "x86_64"
  Platform platform;
  bool root = false;
  std::optional<ToolVersion> qemu;
  std::optional<ToolVersion> libvirt;
  bool kvm_node = false;
  bool kvm_opens = false;
  std::optional<KvmProof> kvm_proof;                      ///< nothing: not tried
  std::optional<std::vector<KernelOption>> kernel_lacks;  ///< nothing: cannot tell
  bool device_mapper = false;
  bool apparmor = false;
  bool uefi_firmware = false;  ///< for guests, with Secure Boot
  bool usb = false;
  bool sound = false;
  bool tun_opens = false;
  NfTables nf_tables = NfTables::kMissing;
  int landlock_abi = 0;  ///< 0: none
  bool seccomp_kills = false;
  std::vector<std::string> cgroup_controllers;
  bool libvirtd_answers = false;
  bool iommu = false;
  bool tpm = false;
  std::optional<bool> secure_boot;  ///< nothing: not booted by UEFI
  std::string state_path;
  std::uint64_t state_free_mib = 0;
  std::string cache_path;
  std::uint64_t cache_free_mib = 0;
  std::uint64_t memory_available_mib = 0;
  bool random_ready = false;
  std::vector<std::string> images;
  bool hostd_answers = false;
  std::string acceleration;  ///< as hostd says it: what a real boot proved
  std::string acceleration_reason;
  std::vector<std::pair<std::string, std::string>> services;  ///< as hostd says it
};

struct Check {
  std::string id;       ///< stable, for --json
  std::string feature;  ///< what it is good for
  enum class State { kOk, kDegraded, kMissing } state = State::kOk;
  std::string detail;
  std::string remedy;     ///< what to do; empty when ok
  bool required = false;  ///< missing: the main job cannot run
};
const char* StateName(Check::State state);

/// All checks, in the order in which they are shown.
std::vector<Check> JudgeMachine(const Machine& machine);

/// Looks. Starts qemu, libvirtd and nft with --version or a listing, changes nothing.
Machine ProbeMachine(const Paths& paths);

/// Boots a guest of some bytes under KVM; takes up to 6 s where KVM hangs.
KvmProof ProveKvm();

}  // namespace bulkhead::cli
