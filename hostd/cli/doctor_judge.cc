// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <charconv>

#include "hostd/cli/doctor.h"

namespace bulkhead::cli {

namespace {

using State = Check::State;

constexpr ToolVersion kLeastQemu{8, 2};
constexpr ToolVersion kLeastLibvirt{10, 4};
constexpr std::uint64_t kStateWantedMib = 4096;
constexpr std::uint64_t kStateLeastMib = 1024;
constexpr std::uint64_t kMemoryWantedMib = 2048;
constexpr std::uint64_t kMemoryLeastMib = 1280;
constexpr char kTurnOnKvm[] =
    "turn on virtualisation in the firmware, or nested virtualisation below this machine";
constexpr std::array kKernelOptions = {
    KernelOption{"DM_VERITY", "verified images"},
    KernelOption{"DM_CRYPT", "encrypted state"},
    KernelOption{"DM_INTEGRITY", "encrypted state that notices changes"},
    KernelOption{"NF_TABLES_INET", "network policy"},
    KernelOption{"NFT_CT", "network policy"},
    KernelOption{"NFT_MASQ", "levels behind the host's address"},
    KernelOption{"NF_CONNTRACK", "network policy"},
    KernelOption{"TUN", "networks of levels"},
    KernelOption{"XFRM_INTERFACE", "IPsec uplinks"},
    KernelOption{"SECCOMP_FILTER", "confined daemons"},
    KernelOption{"SECURITY_LANDLOCK", "confined daemons"},
    KernelOption{"SECURITY_APPARMOR", "confined daemons"},
    KernelOption{"VHOST_VSOCK", "a second way to agents"},
    KernelOption{"USBIP_HOST", "USB devices without a virtio form"},
    KernelOption{"USB_VIDEO_CLASS", "cameras"},
    KernelOption{"SND_USB_AUDIO", "headsets"},
};
constexpr std::array kControllers = {"cpu", "memory", "pids"};

std::string Text(const ToolVersion& v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor);
}

Check System(const Machine& m) {
  Check c{"system", "the host's system", State::kOk, m.os_id + " " + m.os_version, "", false};
  if (m.os_id != "debian" || (m.os_version != "12" && m.os_version != "13")) {
    c.state = State::kDegraded;
    c.remedy = "Bulkhead is made for and tested on Debian 13 and 12";
  }
  return c;
}

Check Architecture(const Machine& m) {
  Check c{"architecture", "level images", State::kOk, m.architecture, "", true};
  if (m.architecture != "x86_64") {
    c.state = State::kMissing;
    c.remedy = "levels are x86_64 machines: use an x86_64 host";
  }
  return c;
}

Check Program(const char* id, const char* feature, const std::optional<ToolVersion>& found,
              ToolVersion least, const char* package) {
  Check c{id, feature, State::kOk, "", "", true};
  if (!found) {
    c.state = State::kMissing;
    c.detail = std::string(id) + " is not installed, or does not start";
    c.remedy = std::string("apt-get install ") + package + ", or ./try";
  } else {
    c.detail = Text(*found);
    if (*found < least) {
      c.state = State::kMissing;
      c.detail += ", " + Text(least) + " is the least";
      c.remedy = std::string("install ") + package + " from bookworm-backports, or run ./try";
    }
  }
  return c;
}

Check Qemu(const Machine& m) {
  return Program("qemu", "running levels", m.qemu, kLeastQemu, "qemu-system-x86");
}

Check Libvirt(const Machine& m) {
  return Program("libvirt", "driving QEMU", m.libvirt, kLeastLibvirt, "libvirt-daemon-system");
}

Check Kvm(const Machine& m) {
  Check c{"kvm", "fast levels, and QEMU's security promise", State::kOk, "", "", false};
  if (m.hostd_answers && m.acceleration == "kvm") {
    c.detail = "hostd booted a guest under KVM";
    return c;
  }
  c.state = State::kDegraded;
  bool tcg = m.acceleration == "tcg";
  if (m.hostd_answers && (tcg || m.acceleration == "none")) {
    c.detail = m.acceleration_reason.empty() ? (tcg ? "hostd uses TCG" : "hostd can use none")
                                             : m.acceleration_reason;
    c.remedy = kTurnOnKvm;
  } else if (m.kvm_proof && m.kvm_proof->works) {
    c.state = State::kOk;
    c.detail = "a guest booted under KVM just now";
  } else if (m.kvm_proof) {
    c.detail = m.kvm_proof->sentence;
    c.remedy = kTurnOnKvm;
  } else if (m.kvm_opens) {
    c.detail = "/dev/kvm opens; whether it runs a guest is not proved yet";
    c.remedy = "install qemu-system-x86: then this command boots one";
  } else if (m.kvm_node) {
    c.detail = "/dev/kvm does not open";
    c.remedy = m.root ? "load kvm_intel or kvm_amd" : "run this as root";
  } else {
    c.detail =
        "no /dev/kvm: levels run under TCG, where the spec allows it, slower and without QEMU's "
        "security promise";
    c.remedy = "turn on virtualisation in the firmware and load kvm_intel or kvm_amd";
  }
  return c;
}

Check Tun(const Machine& m) {
  Check c{"tun", "networks of levels", State::kOk, "/dev/net/tun opens", "", true};
  if (!m.tun_opens) {
    c.state = State::kMissing;
    c.detail = "/dev/net/tun does not open";
    c.remedy = "modprobe tun";
  }
  return c;
}

Check NfTablesCheck(const Machine& m) {
  Check c{"nftables", "network policy", State::kOk, "the kernel lists its tables", "", true};
  if (m.nf_tables == NfTables::kMissing) {
    c.state = State::kMissing;
    c.detail = "the kernel has no nf_tables, or nft is not installed";
    c.remedy = "apt-get install nftables, modprobe nf_tables";
  } else if (m.nf_tables == NfTables::kMayNotAsk) {
    c.state = State::kDegraded;
    c.detail = "only root can tell";
    c.remedy = "run this as root";
  }
  return c;
}

Check Landlock(const Machine& m) {
  Check c{"landlock", "daemons that see only their own files",
          State::kOk, "ABI " + std::to_string(m.landlock_abi),
          "",         false};
  if (m.landlock_abi == 0) {
    c.state = State::kDegraded;
    c.detail = "the kernel has no Landlock: daemons are held by uid and seccomp alone";
    c.remedy = "boot with lsm=landlock,... or a kernel that has it";
  }
  return c;
}

Check Seccomp(const Machine& m) {
  Check c{"seccomp",  "daemons that make only their own system calls",
          State::kOk, "kill_process is there",
          "",         true};
  if (!m.seccomp_kills) {
    c.state = State::kMissing;
    c.detail = "the kernel has no seccomp filter that kills";
    c.remedy = "use a kernel with CONFIG_SECCOMP_FILTER, as Debian's are";
  }
  return c;
}

Check Cgroups(const Machine& m) {
  Check c{"cgroups", "limits of CPU and memory", State::kOk, "cpu, memory, pids", "", false};
  std::string lacking;
  for (const char* name : kControllers) {
    if (std::ranges::find(m.cgroup_controllers, name) == m.cgroup_controllers.end()) {
      lacking += (lacking.empty() ? "" : ", ") + std::string(name);
    }
  }
  if (!lacking.empty()) {
    c.state = State::kDegraded;
    c.detail = "no controller for " + lacking;
    c.remedy = "mount cgroup2 with these controllers";
  }
  return c;
}

Check Libvirtd(const Machine& m) {
  Check c{"libvirtd", "starting levels now", State::kOk, "its socket answers", "", false};
  if (!m.libvirtd_answers) {
    c.state = State::kDegraded;
    c.detail = "nobody answers on /run/libvirt/libvirt-sock";
    c.remedy = "./try starts it, or systemctl start libvirtd";
  }
  return c;
}

Check Hostd(const Machine& m) {
  Check c{"hostd", "everything while it runs", State::kOk, "it and its helpers answer", "", false};
  if (!m.hostd_answers) {
    c.state = State::kDegraded;
    c.detail = "it does not answer";
    c.remedy = "./try starts it";
    return c;
  }
  std::string ill;
  for (const auto& [name, state] : m.services) {
    if (state != "ok") ill += (ill.empty() ? "" : "; ") + name + ": " + state;
  }
  if (!ill.empty()) {
    c.state = State::kDegraded;
    c.detail = ill;
    c.remedy = "see the logs of these helpers in /run/bulkhead/super/log, or run ./try";
  }
  return c;
}

Check Image(const Machine& m) {
  Check c{"image", "levels to start", State::kOk, "", "", false};
  for (const std::string& name : m.images) c.detail += (c.detail.empty() ? "" : ", ") + name;
  if (m.images.empty()) {
    c.state = State::kMissing;
    c.detail = "no level image is installed";
    c.remedy = "./try builds one";
  }
  return c;
}

Check Room(const char* id, const char* feature, const std::string& path, std::uint64_t free_mib) {
  Check c{id, feature, State::kOk, std::to_string(free_mib) + " MiB free in " + path, "", true};
  if (free_mib >= kStateWantedMib) return c;
  c.state = free_mib < kStateLeastMib ? State::kMissing : State::kDegraded;
  c.remedy = "free at least " + std::to_string(kStateWantedMib) + " MiB";
  return c;
}

Check StateRoom(const Machine& m) {
  return Room("disk-state", "states, images, spools", m.state_path, m.state_free_mib);
}
Check CacheRoom(const Machine& m) {
  return Room("disk-cache", "building", m.cache_path, m.cache_free_mib);
}

Check Memory(const Machine& m) {
  Check c{"memory",   "two levels of 512 MiB",
          State::kOk, std::to_string(m.memory_available_mib) + " MiB available",
          "",         true};
  if (m.memory_available_mib >= kMemoryWantedMib) return c;
  c.state = m.memory_available_mib < kMemoryLeastMib ? State::kMissing : State::kDegraded;
  c.remedy =
      "free at least " + std::to_string(kMemoryWantedMib) + " MiB, or give levels less memory";
  return c;
}

Check Random(const Machine& m) {
  Check c{"random", "keys and ids", State::kOk, "the kernel's generator is ready", "", true};
  if (!m.random_ready) {
    c.state = State::kMissing;
    c.detail = "the kernel's random generator is not ready";
    c.remedy = "wait a minute after boot, or give the machine a virtio-rng device";
  }
  return c;
}

Check Optional(const char* id, const char* feature, bool there, const char* yes, const char* no,
               const char* remedy) {
  return {
      id,   feature, there ? State::kOk : State::kDegraded, there ? yes : no, there ? "" : remedy,
      false};
}

Check Kernel(const Machine& m) {
  Check c{"kernel", "what the kernel was built with", State::kOk, m.platform.kernel, "", false};
  if (!m.kernel_lacks) {
    c.state = State::kDegraded;
    c.detail += ", its configuration is not in /boot: cannot tell";
    c.remedy = "install the kernel as a Debian package, or put its config-RELEASE into /boot";
    return c;
  }
  if (m.kernel_lacks->empty()) {
    c.detail += ", all " + std::to_string(kKernelOptions.size()) + " options";
    return c;
  }
  c.state = State::kDegraded;
  c.detail += ", lacks " + std::to_string(m.kernel_lacks->size()) + " options";
  c.remedy = "use Debian's kernel (linux-image-amd64); this one lacks";
  const char* joint = " ";
  for (const KernelOption& option : *m.kernel_lacks) {
    c.remedy += std::string(joint) + option.name + " (" + option.feature + ")";
    joint = ", ";
  }
  return c;
}

Check DeviceMapper(const Machine& m) {
  return Optional("device-mapper", "verified and encrypted disks", m.device_mapper, "present",
                  "no /dev/mapper/control", "modprobe dm_mod");
}

Check AppArmor(const Machine& m) {
  return Optional("apparmor", "a second wall around daemons and QEMU", m.apparmor, "enabled",
                  "not enabled", "apt-get install apparmor, and boot with apparmor=1");
}

Check Firmware(const Machine& m) {
  return Optional("ovmf", "levels that boot by UEFI, with Secure Boot", m.uefi_firmware,
                  "installed", "not installed", "apt-get install ovmf");
}

Check Usb(const Machine& m) {
  return Optional("usb", "devices to lend", m.usb, "present", "no USB bus",
                  "load the driver of the USB controller, or use a machine that has one");
}

Check Sound(const Machine& m) {
  return Optional("sound", "sound of levels", m.sound, "present", "no sound card",
                  "load the driver of the sound card");
}

Check Iommu(const Machine& m) {
  return Optional("iommu", "lending whole PCI devices", m.iommu, "present", "none",
                  "turn on VT-d or AMD-Vi in the firmware");
}

Check Tpm(const Machine& m) {
  return Optional("tpm", "sealed keys", m.tpm, "present", "none",
                  "turn on the TPM in the firmware");
}

Check SecureBoot(const Machine& m) {
  const char* no = m.secure_boot ? "off" : "not booted by UEFI";
  return Optional("secure-boot", "a host that was not exchanged", m.secure_boot.value_or(false),
                  "on", no, "boot by UEFI with Secure Boot on");
}

}  // namespace

std::optional<ToolVersion> FindVersion(const std::string& text) {
  for (std::size_t at = text.find_first_of("0123456789"); at != std::string::npos;
       at = text.find_first_of("0123456789", at + 1)) {
    ToolVersion v;
    const char* end = text.data() + text.size();
    auto [dot, error] = std::from_chars(text.data() + at, end, v.major);
    if (error != std::errc() || dot == end || *dot != '.') continue;
    if (std::from_chars(dot + 1, end, v.minor).ec == std::errc()) return v;
  }
  return std::nullopt;
}

std::span<const KernelOption> KernelOptions() { return kKernelOptions; }

std::vector<KernelOption> LackingOptions(const std::string& config) {
  const std::string text = "\n" + config;  // each option then stands behind a line end
  auto has = [&](const KernelOption& option) {
    std::string set = std::string("\nCONFIG_") + option.name + "=";
    return text.find(set + "y") != std::string::npos || text.find(set + "m") != std::string::npos;
  };
  std::vector<KernelOption> lacking(kKernelOptions.begin(), kKernelOptions.end());
  std::erase_if(lacking, has);
  return lacking;
}

const char* StateName(Check::State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kDegraded:
      return "degraded";
    case State::kMissing:
      break;
  }
  return "missing";
}

std::vector<Check> JudgeMachine(const Machine& machine) {
  constexpr std::array kChecks = {
      System,        Architecture, Kernel,   Qemu,     Libvirt,   Kvm,       Tun,
      NfTablesCheck, Seccomp,      Landlock, AppArmor, Cgroups,   StateRoom, CacheRoom,
      Memory,        Random,       Image,    Libvirtd, Hostd,     Firmware,  DeviceMapper,
      Usb,           Sound,        Iommu,    Tpm,      SecureBoot};
  std::vector<Check> all;
  for (auto check : kChecks) all.push_back(check(machine));
  return all;
}

}  // namespace bulkhead::cli
