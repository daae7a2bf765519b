// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/accel/accel_probe.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "hostd/accel/probe_guest.h"
#include "hostd/accel/probe_run.h"
#include "vmspec/base/file.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/sha256.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

namespace {

using Clock = std::chrono::steady_clock;

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr std::size_t kMostCache = 4096;
constexpr std::string_view kStateWords[] = {"works", "no-device", "no-permission",
                                            "hangs", "fails",     "no-qemu"};

std::string FileKey(const std::string& path) {
  struct stat s{};
  if (::stat(path.c_str(), &s) != 0) return path + " errno " + std::to_string(errno);
  std::string key = path;
  for (auto number :
       {static_cast<std::int64_t>(s.st_dev), static_cast<std::int64_t>(s.st_ino),
        static_cast<std::int64_t>(s.st_size), static_cast<std::int64_t>(s.st_mtim.tv_sec),
        static_cast<std::int64_t>(s.st_mtim.tv_nsec)}) {
    key += " " + std::to_string(number);
  }
  return key;
}

/// It says something of KVM, not of how busy the machine was.
bool IsBeyondDoubt(KvmState state) {
  return state != KvmState::kHangs && state != KvmState::kNoQemu;
}

/// 0, or why the node does not open.
int OpensWith(const std::string& node) {
  UniqueFd fd(::open(node.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  return fd ? 0 : errno;
}

/// Everything that an answer depends on. Empty when it cannot be told: nothing is remembered then.
std::string KeyOf(const AccelProbeOptions& options) {
  auto boot = ReadFile(kBootId, 256);
  struct utsname kernel{};
  if (!boot || ::uname(&kernel) != 0) return {};
  std::string all = *boot + kernel.release + kernel.version + "\n" + FileKey(options.qemu) + "\n" +
                    options.kvm_node + " " + std::to_string(OpensWith(options.kvm_node)) + "\n" +
                    options.cpu;
  return Hex(Sha256Of({reinterpret_cast<const std::uint8_t*>(all.data()), all.size()}));
}

/// The cache: key, state and sentence, a line each.
std::string PrintCache(const std::string& key, const KvmFinding& finding) {
  return key + "\n" + std::string(kStateWords[static_cast<std::size_t>(finding.state)]) + "\n" +
         finding.sentence + "\n";
}

/// The finding, if `text` is a cache for `key`, whole and in our form.
std::optional<KvmFinding> ParseCache(const std::string& text, const std::string& key) {
  for (std::size_t i = 0; i < std::size(kStateWords); ++i) {
    std::string head = key + "\n" + std::string(kStateWords[i]) + "\n";
    if (!text.starts_with(head) || !text.ends_with("\n")) continue;
    if (text.size() < head.size() + 2) return std::nullopt;
    std::string sentence = text.substr(head.size(), text.size() - head.size() - 1);
    if (!IsPrintable(sentence)) return std::nullopt;
    return KvmFinding{static_cast<KvmState>(i), sentence};
  }
  return std::nullopt;
}

std::string GroupOf(const std::string& node) {
  struct stat s{};
  if (::stat(node.c_str(), &s) != 0) return "kvm";
  struct group entry{};
  struct group* found = nullptr;
  std::array<char, 16384> buffer;
  ::getgrgid_r(s.st_gid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->gr_name : std::to_string(s.st_gid);
}

KvmFinding NotOpened(const std::string& node, int error) {
  if (error == EACCES || error == EPERM) {
    return {KvmState::kNoPermission, node + " may not be opened by uid " +
                                         std::to_string(::geteuid()) +
                                         ", which is not in its group " + GroupOf(node)};
  }
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return {KvmState::kNoDevice,
            "there is no usable " + node +
                ": the processor's virtualisation is off, or the module kvm is "
                "not loaded"};
  }
  return {KvmState::kFails, node + " does not open: " + std::strerror(error)};
}

KvmFinding Judge(const ProbeRun& run, const std::array<std::uint8_t, 8>& answer,
                 std::chrono::milliseconds deadline) {
  constexpr char kDoesNotRun[] = "KVM opens but does not run a guest here";
  if (run.timed_out) {
    return {KvmState::kHangs, std::string(kDoesNotRun) + " (a probe guest had no answer in " +
                                  std::to_string(deadline.count()) + " ms)"};
  }
  bool right = run.output == Bytes(answer.begin(), answer.end());
  if (right && run.exit_status == kProbeExitStatus)
    return {KvmState::kWorks, "KVM runs a probe guest"};
  std::string why = run.exit_status == kProbeExitStatus ? "the probe guest computed nonsense"
                    : run.last_line.empty()             ? "QEMU ended without a word"
                                                        : "QEMU: " + run.last_line;
  return {KvmState::kFails, std::string(kDoesNotRun) + " (" + why + ")"};
}

}  // namespace

std::string_view AccelName(AccelKind kind) { return kind == AccelKind::kKvm ? "kvm" : "tcg"; }

AccelProbe::AccelProbe(AccelProbeOptions options) : options_(std::move(options)) {}

KvmFinding AccelProbe::Examine() {
  std::scoped_lock lock(mutex_);
  std::string key = KeyOf(options_);
  if (!key.empty() && key == known_key_ && Clock::now() < known_until_) return known_;
  std::optional<KvmFinding> cached;
  if (!key.empty() && !options_.cache_file.empty()) {
    if (auto text = ReadFile(options_.cache_file, kMostCache)) cached = ParseCache(*text, key);
  }
  known_ = cached ? *cached : ExamineNow();
  known_key_ = key;
  bool lasts = IsBeyondDoubt(known_.state);
  known_until_ = lasts ? Clock::time_point::max() : Clock::now() + options_.doubt;
  if (!cached && lasts && !key.empty() && !options_.cache_file.empty()) {
    // Without it the next start of hostd probes again: no reason to fail.
    (void)WriteFileAtomically(options_.cache_file, PrintCache(key, known_), 0600);
  }
  return known_;
}

KvmFinding AccelProbe::ExamineNow() const {
  if (int error = OpensWith(options_.kvm_node); error != 0) {
    return NotOpened(options_.kvm_node, error);
  }
  ProbeChallenge challenge{};
  if (::getrandom(challenge.data(), challenge.size(), 0) != std::ssize(challenge)) {
    return {KvmState::kNoQemu, "the kernel gave no random numbers for a probe guest"};
  }
  auto run =
      RunProbeGuest(options_.qemu, "kvm", options_.cpu, ProbeRom(challenge), options_.deadline);
  if (!run) return {KvmState::kNoQemu, Printable(run.error().message)};
  return Judge(*run, ProbeAnswer(challenge), options_.deadline);
}

Result<AccelChoice> AccelProbe::Probe(vmspec::Accel wanted, bool allow_tcg) {
  constexpr char kTcg[] = ": using TCG, slower and without QEMU's security promise";
  constexpr char kAllow[] =
      "; to run on TCG, slower and without QEMU's security promise, set allow-tcg = true in "
      "host.toml";
  if (wanted == vmspec::Accel::kTcg) {
    return AccelChoice{AccelKind::kTcg, std::string("host.toml asks for it") + kTcg, true};
  }
  KvmFinding finding = Examine();
  if (finding.state == KvmState::kWorks)
    return AccelChoice{AccelKind::kKvm, finding.sentence, false};
  if (finding.state == KvmState::kNoQemu) {
    return Fail(ErrorCode::kUnavailable,
                "QEMU does not start: " + finding.sentence + "; install qemu-system-x86");
  }
  if (wanted == vmspec::Accel::kKvm) {
    return Fail(ErrorCode::kRefused, finding.sentence + ", and host.toml asks for accel = \"kvm\"");
  }
  if (!allow_tcg) return Fail(ErrorCode::kRefused, finding.sentence + kAllow);
  // QEMU's own words, in brackets, help who mends KVM (hostd logs them), not who reads a status
  // line.
  std::string brief = finding.sentence.substr(0, finding.sentence.find(" ("));
  return AccelChoice{AccelKind::kTcg, brief + kTcg, true};
}

}  // namespace bulkhead::hostd
