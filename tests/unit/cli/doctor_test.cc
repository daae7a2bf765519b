// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/cli/doctor.h"

#include <gmock/gmock.h>

#include "hostd/cli/json.h"
#include "tests/unit/cli/cli_fixture.h"

namespace bulkhead::cli {
namespace {

using testing::HasSubstr;

/// A machine on which everything is fine.
Machine GoodMachine() {
  Machine m;
  m.os_id = "debian";
  m.os_version = "13";
  m.architecture = "x86_64";
  m.root = true;
  m.qemu = ToolVersion{10, 0};
  m.libvirt = ToolVersion{11, 3};
  m.kvm_node = m.kvm_opens = m.tun_opens = true;
  m.nf_tables = NfTables::kWorks;
  m.landlock_abi = 4;
  m.seccomp_kills = true;
  m.cgroup_controllers = {"cpu", "memory", "pids"};
  m.libvirtd_answers = m.iommu = m.tpm = m.random_ready = true;
  m.secure_boot = true;
  m.platform.kernel = "6.12.57";
  m.kernel_lacks.emplace();
  m.device_mapper = m.apparmor = m.uefi_firmware = m.usb = m.sound = true;
  m.state_free_mib = m.cache_free_mib = m.memory_available_mib = 100'000;
  m.images = {"debian-13"};
  m.hostd_answers = true;
  m.acceleration = "kvm";
  return m;
}

Check Find(const Machine& machine, const std::string& id) {
  for (const Check& c : JudgeMachine(machine)) {
    if (c.id == id) return c;
  }
  ADD_FAILURE() << "no check " << id;
  return {};
}

TEST(DoctorJudge, AGoodMachineHasNoFaultAndNoRemedy) {
  for (const Check& c : JudgeMachine(GoodMachine())) {
    EXPECT_EQ(Check::State::kOk, c.state) << c.id << ": " << c.detail;
    EXPECT_EQ("", c.remedy) << c.id;
  }
}

TEST(DoctorJudge, AnEmptyMachineHasARemedyForEachFault) {
  for (const Check& c : JudgeMachine(Machine{})) {
    EXPECT_NE(Check::State::kOk, c.state) << c.id;
    EXPECT_NE("", c.remedy) << c.id;
  }
}

TEST(DoctorJudge, AnOldQemuIsMissing) {
  Machine m = GoodMachine();
  m.qemu = ToolVersion{7, 2};
  EXPECT_EQ(Check::State::kMissing, Find(m, "qemu").state);
  EXPECT_THAT(Find(m, "qemu").detail, HasSubstr("8.2 is the least"));
}

TEST(DoctorJudge, AKvmNodeThatOpensProvesNothing) {
  Machine m = GoodMachine();
  m.hostd_answers = false;
  EXPECT_EQ(Check::State::kDegraded, Find(m, "kvm").state);
  m.hostd_answers = true;
  m.acceleration = "tcg";
  m.acceleration_reason = "KVM opens but runs no guest";
  EXPECT_EQ("KVM opens but runs no guest", Find(m, "kvm").detail);
  m.acceleration = "none";
  EXPECT_EQ("KVM opens but runs no guest", Find(m, "kvm").detail);
}

TEST(DoctorJudge, WithoutHostdItsOwnBootIsTheProof) {
  Machine m = GoodMachine();
  m.hostd_answers = false;
  m.kvm_proof = KvmProof{true, ""};
  EXPECT_EQ(Check::State::kOk, Find(m, "kvm").state);
  m.kvm_proof = KvmProof{false, "KVM opens but does not run a guest here"};
  EXPECT_EQ(Check::State::kDegraded, Find(m, "kvm").state);
  EXPECT_EQ("KVM opens but does not run a guest here", Find(m, "kvm").detail);
}

TEST(DoctorJudge, AKernelThatLacksAnOptionIsToldWhatForItIsNeeded) {
  std::string config = "# CONFIG_DM_CRYPT is not set\nCONFIG_DM_CRYPT_X=y\n";
  for (const KernelOption& o : KernelOptions()) {
    if (std::string(o.name) != "DM_CRYPT") {
      config += std::string("CONFIG_") + o.name + (config.size() % 2 == 0 ? "=y\n" : "=m\n");
    }
  }
  Machine m = GoodMachine();
  m.kernel_lacks = LackingOptions(config);
  ASSERT_EQ(1u, m.kernel_lacks->size());
  EXPECT_EQ("DM_CRYPT", std::string(m.kernel_lacks->front().name));
  EXPECT_EQ(Check::State::kDegraded, Find(m, "kernel").state);
  EXPECT_THAT(Find(m, "kernel").remedy, HasSubstr("DM_CRYPT (encrypted state)"));
}

TEST(DoctorJudge, AHelperThatIsIllIsNamed) {
  Machine m = GoodMachine();
  m.services = {{"libvirt", "ok"}, {"netd", "does not answer"}};
  EXPECT_EQ("netd: does not answer", Find(m, "hostd").detail);
}

TEST(DoctorJudge, LittleRoomIsDegradedAndNoneIsMissing) {
  Machine m = GoodMachine();
  m.state_free_mib = 2000;
  EXPECT_EQ(Check::State::kDegraded, Find(m, "disk-state").state);
  m.state_free_mib = 100;
  EXPECT_EQ(Check::State::kMissing, Find(m, "disk-state").state);
  EXPECT_TRUE(Find(m, "disk-state").required);
}

TEST(DoctorJudge, VersionsAreFoundInTheWordsOfTheTools) {
  EXPECT_EQ((ToolVersion{10, 0}), FindVersion("QEMU emulator version 10.0.2 (Debian 1:10.0.2)"));
  EXPECT_EQ((ToolVersion{11, 3}), FindVersion("libvirtd (libvirt) 11.3.0"));
  EXPECT_EQ(std::nullopt, FindVersion("no version 5 here"));
  EXPECT_EQ(std::nullopt, FindVersion(""));
}

class DoctorCommand : public CliTest {};

TEST_F(DoctorCommand, WorksWithoutHostd) {
  Outcome outcome = RunCli({"doctor", "--json"}, "unix:path=/nonexistent");
  auto json = ParseJson(outcome.out);
  ASSERT_TRUE(json) << outcome.out;
  bool ready = json->Find("ready")->Text() == "true";
  EXPECT_EQ(ready ? kExitOk : kExitFailure, outcome.code);
  EXPECT_EQ(JudgeMachine(Machine{}).size(), json->Find("checks")->items()->size());
}

TEST_F(DoctorCommand, ShowsWhatHostdProved) {
  Fake().world()->acceleration = "tcg";
  Fake().world()->acceleration_reason = "the probe guest did not boot under KVM";
  Outcome outcome = Cli({"doctor"});
  EXPECT_THAT(outcome.out, HasSubstr("the probe guest did not boot under KVM"));
  EXPECT_THAT(outcome.out, HasSubstr("What to do:\n"));
}

}  // namespace
}  // namespace bulkhead::cli
